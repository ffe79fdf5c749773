// Scans: whose turn it is, what a worker says of them, and who hears the verdict.
#include "scanner/dispatcher.h"
#include "server/base/hash.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include <unistd.h>

namespace postfach::scanner {
namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kGivenWay = 3;       // then that one is told to come again
constexpr int kPoisonScans = 3;
constexpr std::size_t kPoisonKept = 256;

base::Counter clean_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "clean"}}};
base::Counter infected_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "infected"}}};
base::Counter unscannable_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "unscannable"}}};
base::Counter suspicious_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "suspicious"}}};
base::Counter error_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "error"}}};
base::Gauge queue_length{"postfach_scanner_waiting", "Scans that wait for a worker"};

std::string contentHash(const wire::Parcel& parcel)
{
    if (!parcel.fd)
        return base::hex(base::sha256(parcel.text));
    base::Sha256Stream hash;
    std::string block(1 << 16, '\0');
    for (std::uint64_t at = 0; at < parcel.bytes;) {
        const ssize_t got = ::pread(parcel.fd.get(), block.data(), block.size(), static_cast<off_t>(at));
        if (got <= 0)
            break;
        hash.update(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
        at += static_cast<std::uint64_t>(got);
    }
    return base::hex(hash.finish());
}
} // namespace

void Dispatcher::dispatch()
{
    if (!serving_)
        return;
    for (std::size_t i = 0; i < serving_->slots.size(); ++i) {
        while (serving_->slots[i].idle()) {
            auto job = next();
            if (!job)
                break;
            if (!hand(i, std::move(job)))
                break;
        }
    }
    queue_length.set(static_cast<std::int64_t>(queue_.size()));
}

// Of those that wait, the one whose turn it is. A worker stays free for whoever comes next, where there are several.
std::unique_ptr<Job> Dispatcher::next()
{
    auto* line = &queue_;
    if (queue_.empty() && inBackground() < std::max<std::size_t>(serving_->slots.size(), 2) - 1)
        line = &background_;
    if (line->empty())
        return nullptr;
    auto job = std::move(line->front());
    line->pop_front();
    return job;
}

std::size_t Dispatcher::inBackground() const
{
    std::size_t count = 0;
    for (const Slot& slot : serving_->slots)
        count += slot.job && slot.job->background ? 1 : 0;
    return count;
}

// A large scan in the background must not hold up a delivery for its whole deadline.
void Dispatcher::makeWay(SteadyTime now)
{
    if (queue_.empty() || !serving_ || now - queue_.front()->since < kPatience)
        return;
    for (std::size_t i = 0; i < serving_->slots.size(); ++i) {
        Slot& slot = serving_->slots[i];
        if (!slot.job || !slot.job->background)
            continue;
        auto job = std::move(slot.job);
        serving_->kill(i);
        if (++job->given_way < kGivenWay)
            waitAgain(std::move(job));
        else
            fail(std::move(job), "others needed the scanner");
        queue_.front()->since = now; // its successor needs a moment, and one is enough
        return;
    }
}

// At the head of its line.
void Dispatcher::waitAgain(std::unique_ptr<Job> job)
{
    job->since = Clock::now();
    job->give_up = job->since + options_.deadline;
    (job->background ? background_ : queue_).push_front(std::move(job));
}

// False when the worker does not take it: the job waits on, and the worker, which may be alive, gets a successor.
bool Dispatcher::hand(std::size_t index, std::unique_ptr<Job> job)
{
    Slot& slot = serving_->slots[index];
    try {
        if (job->parcel.bytes == 0) {
            job->parcel = wire::pack(job->content.pieces);
            job->content.pieces.clear();
        }
    } catch (const std::exception& problem) {
        fail(std::move(job), problem.what(), serving_.get());
        return true;
    }
    wire::Request request;
    request.id = job->id;
    request.bytes = job->parcel.bytes;
    request.refused = job->content.refused;
    request.content = job->parcel.text;
    if (!wire::send(slot.socket.get(), wire::encode(request), job->parcel.fd.get())) {
        serving_->kill(index);
        (job->background ? background_ : queue_).push_front(std::move(job));
        return false;
    }
    job->started = Clock::now();
    job->layers.clear();
    job->give_up = job->started + options_.deadline;
    slot.job = std::move(job);
    return true;
}

void Dispatcher::hearWorker(Generation& generation, std::size_t index)
{
    Slot& slot = generation.slots[index];
    const wire::Datagram datagram = wire::receive(slot.socket.get());
    if (datagram.kind == wire::Datagram::Kind::nothing)
        return;
    if (datagram.kind == wire::Datagram::Kind::end) {
        workerDied(generation, index);
        return;
    }
    const auto answer = wire::decodeAnswer(datagram.bytes);
    if (answer && answer->kind == wire::AnswerKind::hello && !slot.greeted && !slot.retired && !slot.job) {
        slot.greeted = true;
        return;
    }
    if (answer && answer->kind == wire::AnswerKind::error && answer->id == 0 && !slot.greeted && !slot.retired) {
        start_problem_ = "a worker cannot start: " + base::printable(answer->name);
        base::logWarning("scanner", "worker cannot start", {{"problem", answer->name}});
        return; // its end follows
    }
    bool of_job = answer && slot.job && answer->id == slot.job->id && answer->kind != wire::AnswerKind::hello;
    if (of_job && answer->kind != wire::AnswerKind::error) {
        of_job = answer->name.size() % wire::kLayer == 0 && slot.job->layers.size() + answer->name.size() <= wire::kMostLayers * wire::kLayer;
        if (of_job)
            slot.job->layers += answer->name;
        if (of_job && answer->kind == wire::AnswerKind::layers)
            return;
    }
    if (!of_job) {
        base::logError("scanner", "worker answered nonsense", {{"slot", index}});
        auto job = std::move(slot.job);
        generation.kill(index);
        if (job)
            finishCrash(std::move(job), generation);
        return;
    }
    auto job = std::move(slot.job);
    if (answer->retires) { // no more work; its end follows
        slot.greeted = false;
        slot.retired = true;
        slot.since = Clock::now();
    }
    if (answer->kind == wire::AnswerKind::verdict) {
        Verdict verdict;
        verdict.kind = Verdict::Kind::clean;
        for (const Finding& finding : answer->findings) {
            const std::string name = base::printable(finding.name);
            verdict.findings.push_back({finding.what, name.empty() ? "unnamed" : name});
        }
        verdict.add({});
        finish(std::move(job), std::move(verdict), &generation);
        return;
    }
    base::logWarning("scanner", "no verdict", {{"problem", answer->name}});
    if (++job->deaths < kTries) {
        waitAgain(std::move(job)); // its successor starts with an empty temporary folder
        return;
    }
    fail(std::move(job), base::printable(answer->name), &generation);
}

void Dispatcher::workerDied(Generation& generation, std::size_t index)
{
    Slot& slot = generation.slots[index];
    auto job = std::move(slot.job);
    generation.kill(index); // one that was taken over may say goodbye and stay
    if (!generation.greeted())
        generation.alone_since = Clock::now();
    if (!job)
        return;
    countRestart();
    base::logWarning("scanner", "worker died during a scan", {{"slot", index}, {"deaths", job->deaths + 1}});
    died(std::move(job), generation);
}

void Dispatcher::died(std::unique_ptr<Job> job, const Generation& by)
{
    if (++job->deaths < kTries)
        waitAgain(std::move(job));
    else
        finishCrash(std::move(job), by);
}

// A content that kills every worker that looks at it would come back for ever as "try again later": after some rounds it is
// called what it is.
void Dispatcher::finishCrash(std::unique_ptr<Job> job, const Generation& by)
{
    const std::string hash = job->content.key.empty() ? contentHash(job->parcel) : job->content.key;
    if (poison_.size() >= kPoisonKept && !poison_.contains(hash))
        poison_.erase(poison_.begin());
    if (++poison_[hash] < kPoisonScans)
        return fail(std::move(job), "the scanner died twice on it", &by);
    Verdict verdict;
    verdict.kind = Verdict::Kind::clean;
    verdict.add({{Class::broken, "ends every scanner that looks at it"}});
    finish(std::move(job), std::move(verdict), &by);
}

void Dispatcher::fail(std::unique_ptr<Job> job, std::string why, const Generation* by)
{
    Verdict verdict;
    verdict.name = std::move(why);
    finish(std::move(job), std::move(verdict), by);
}

void Dispatcher::finish(std::unique_ptr<Job> job, Verdict verdict, const Generation* by)
{
    if (by) {
        verdict.signatures = by->signatures;
        verdict.engine = by->engine;
    }
    verdict.inner = std::move(job->layers);
    if (job->started != SteadyTime{})
        verdict.milliseconds = static_cast<std::uint32_t>(
            std::chrono::duration_cast<milliseconds>(Clock::now() - job->started).count());
    ++scans_;
    switch (verdict.kind) {
    case Verdict::Kind::clean: clean_count.add(); break;
    case Verdict::Kind::infected: infected_count.add(); ++infected_; break;
    case Verdict::Kind::unscannable: unscannable_count.add(); ++unscannable_; break;
    case Verdict::Kind::suspicious: suspicious_count.add(); ++suspicious_; break;
    case Verdict::Kind::error: error_count.add(); ++errors_; break;
    }
    publish(); // whoever gets the answer may ask for the status at once
    const std::function<void(Verdict)> answer = std::exchange(job->answer, {});
    job.reset();
    try {
        if (answer)
            answer(std::move(verdict));
    } catch (const std::exception& problem) {
        base::logError("scanner", "an answer's receiver failed", {{"problem", problem.what()}});
    }
}

void Dispatcher::giveUp(std::deque<std::unique_ptr<Job>>& line, SteadyTime now)
{
    for (std::size_t left = line.size(); left > 0; --left) {
        auto job = std::move(line.front());
        line.pop_front();
        if (job->give_up > now && !hopeless_)
            line.push_back(std::move(job));
        else
            fail(std::move(job), serving_ ? "no worker was free in time" : "the scanner is not ready: " + start_problem_);
    }
}

} // namespace postfach::scanner
