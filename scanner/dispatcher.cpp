#include "scanner/dispatcher.h"
#include "scanner/memory.h"
#include "server/base/hash.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace postfach::scanner {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kLoadTime = 10min;  // a full set on a busy machine takes 40 s; an hour-long wait helps nobody
constexpr auto kGreetTime = 30s;   // without any worker for so long the parent is taken for hung
constexpr auto kLeaveTime = 5s;    // for a generation that has nothing left to do to end by itself
constexpr auto kCalmTime = 60s;    // a death after so long is not part of a series
constexpr milliseconds kBackOffMost = 30s;
constexpr auto kSettled = 2s;      // files younger than this may still be growing
constexpr int kTries = 2;
constexpr auto kPatience = 2s;     // who waits so long gets the worker of a scan that nobody waits for
constexpr int kGivenWay = 3;       // then that one is told to come again
constexpr int kPoisonScans = 3;
constexpr std::size_t kPoisonKept = 256;
constexpr std::uint64_t kLargeSet = 10'000; // from here on losing a tenth of it is taken for an accident

base::Counter clean_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "clean"}}};
base::Counter infected_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "infected"}}};
base::Counter unscannable_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "unscannable"}}};
base::Counter suspicious_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "suspicious"}}};
base::Counter error_count{"postfach_scanner_scans_total", "Scans by verdict", {{"verdict", "error"}}};
base::Counter restart_count{"postfach_scanner_restarts_total", "Scanner workers and parents that died or were killed"};
base::Gauge queue_length{"postfach_scanner_waiting", "Scans that wait for a worker"};
base::Gauge is_ready{"postfach_scanner_ready", "1 when scans are answered"};

std::int64_t wallMillis()
{
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string contentHash(const wire::Parcel& parcel)
{
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

Dispatcher::Dispatcher(const Options& options)
    : options_(options), workers_(options.workers ? options.workers : std::max(1U, std::thread::hardware_concurrency())),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!wake_)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    options_.run_folder = fs::absolute(options.run_folder).string();
    if (!options.signatures.empty())
        options_.signatures = fs::absolute(options.signatures).string();
    options_.program = fs::absolute(options.program).string();
    workers_ = std::min(workers_, 256U);
    status_.problem = "signatures are being loaded";
    look_at_ = Clock::now() + options_.poll;
    thread_ = std::thread([this] { run(); });
}

Dispatcher::~Dispatcher()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
}

void Dispatcher::scan(Content content, std::function<void(Verdict)> answer)
{
    auto job = std::make_unique<Job>();
    job->background = content.background;
    job->content = std::move(content);
    job->answer = std::move(answer);
    job->give_up = Clock::now() + options_.deadline;
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(job));
    }
    ::eventfd_write(wake_.get(), 1);
}

Status Dispatcher::status() const
{
    const std::lock_guard lock(mutex_);
    return status_;
}

void Dispatcher::reload()
{
    {
        const std::lock_guard lock(mutex_);
        reload_asked_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
}

void Dispatcher::run()
{
    ::pthread_setname_np(::pthread_self(), "scanner");
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(options_.run_folder, ignored))
        if (entry.path().filename().string().starts_with("generation-"))
            fs::remove_all(entry.path(), ignored); // of a server that was killed

    for (bool stop = false; !stop;) {
        try {
            round();
        } catch (const std::exception& problem) {
            // Memory or descriptors ran out: what can be answered is answered at its deadline. Never a busy loop.
            base::logError("scanner", "client trouble", {{"problem", problem.what()}});
            ::poll(nullptr, 0, 100);
        }
        const std::lock_guard lock(mutex_);
        stop = stopping_;
    }
    takeInbox();
    for (auto* generation : {serving_.get(), loading_.get()})
        if (generation)
            leaving_.push_back(std::move(generation == serving_.get() ? serving_ : loading_));
    for (auto& generation : leaving_) {
        generation->end();
        for (Slot& slot : generation->slots)
            if (slot.job)
                queue_.push_back(std::move(slot.job));
    }
    for (auto* line : {&queue_, &background_})
        for (; !line->empty(); line->pop_front())
            fail(std::move(line->front()), "the server is stopping");
    leaving_.clear();
    is_ready.set(0);
}

void Dispatcher::round()
{
    takeInbox();
    checkTimes();
    if (want_generation_ && !loading_ && Clock::now() >= start_at_)
        startAttempt();
    dispatch();
    publish();
    pollAll(pollTime());
}

void Dispatcher::takeInbox()
{
    bool reload_asked = false;
    {
        const std::lock_guard lock(mutex_);
        for (auto& job : inbox_) {
            job->id = next_id_++;
            job->since = Clock::now();
            (job->background ? background_ : queue_).push_back(std::move(job));
        }
        inbox_.clear();
        std::swap(reload_asked, reload_asked_);
    }
    if (reload_asked)
        checkFolder(true);
}

// ---- generations

void Dispatcher::startAttempt()
{
    if (!serving_ && !leaving_.empty())
        return; // little memory: the old set goes first
    const std::uint64_t resident = serving_ ? serving_->residentBytes() : 0;
    if (serving_ && availableMemory() < resident / 10 * 13) {
        base::logInfo("scanner", "old signatures end before new ones load", {{"resident", resident}});
        leaving_.push_back(dismiss(std::move(serving_)));
        return;
    }
    want_generation_ = false;
    tried_ = listSignatures(options_.signatures);
    const std::string good = options_.run_folder + "/good";
    if (attempt_ == Attempt::good && listSignatures(good).empty())
        attempt_ = Attempt::lenient;

    Generation::Plan plan;
    plan.signatures = attempt_ == Attempt::good ? good : options_.signatures;
    plan.strict = attempt_ != Attempt::lenient;
    plan.background = serving_ != nullptr;
    if (serving_) {
        plan.serving = serving_->count;
        if (!forced_ && serving_->count >= kLargeSet)
            plan.least = serving_->count / 10 * 9;
    }
    try {
        loading_ = std::make_unique<Generation>(
            options_, plan, options_.run_folder + "/generation-" + std::to_string(next_folder_++), workers_);
    } catch (const std::exception& problem) {
        loadingFailed(problem.what());
    }
}

void Dispatcher::loadingFailed(const std::string& reason)
{
    loading_.reset();
    base::logError("scanner", "signatures refused", {{"reason", reason}});
    if (serving_) {
        reload_problem_ = "the signatures in " + options_.signatures + " were refused, those before them stay: " + reason;
        return;
    }
    start_problem_ = reason;
    want_generation_ = true;
    if (attempt_ == Attempt::strict) {
        reload_problem_ = "the signatures in " + options_.signatures + " were refused, an earlier set serves: " + reason;
        attempt_ = Attempt::good;
        return;
    }
    if (attempt_ == Attempt::good) {
        attempt_ = Attempt::lenient;
        return;
    }
    attempt_ = Attempt::strict;
    back_off_ = std::clamp(back_off_ * 2, milliseconds(200), kBackOffMost);
    start_at_ = Clock::now() + back_off_;
}

void Dispatcher::promote()
{
    const bool from_folder = attempt_ != Attempt::good;
    if (serving_)
        leaving_.push_back(dismiss(std::move(serving_)));
    serving_ = std::move(loading_);
    if (from_folder)
        reload_problem_.clear();
    start_problem_.clear();
    forced_ = false;
    attempt_ = Attempt::strict;
    loaded_at_ = wallMillis();
    if (from_folder)
        keepGood(*serving_);
    base::logInfo("scanner", "signatures loaded",
                  {{"signatures", serving_->count}, {"set", serving_->signatures}, {"note", serving_->detail}});
}

// The set that serves survives what may happen to the folder, and a restart.
void Dispatcher::keepGood(const Generation& generation) const
{
    const std::string fresh = generation.folder + "/signatures";
    const std::string good = options_.run_folder + "/good";
    std::error_code problem;
    if (listSignatures(fresh).empty())
        return;
    fs::remove_all(good, problem);
    fs::rename(fresh, good, problem);
}

void Dispatcher::servingDied()
{
    ++restarts_;
    restart_count.add();
    base::logError("scanner", "scanner died, starting it again");
    for (std::size_t i = 0; i < serving_->slots.size(); ++i)
        if (serving_->slots[i].job)
            workerDied(*serving_, i);
    serving_.reset();
    const auto now = Clock::now();
    back_off_ = now - last_death_ > kCalmTime ? milliseconds(0) : std::clamp(back_off_ * 2, milliseconds(200), kBackOffMost);
    last_death_ = now;
    start_at_ = now + back_off_;
    start_problem_ = "the scanner died and is being started again";
    attempt_ = Attempt::strict;
    want_generation_ = !loading_;
}

// A generation that serves no more: what its workers hold is finished, idle ones leave now.
std::unique_ptr<Generation> Dispatcher::dismiss(std::unique_ptr<Generation> generation)
{
    for (Slot& slot : generation->slots)
        if (!slot.job)
            slot.socket.reset();
    if (!generation->busy())
        generation->end();
    generation->started = Clock::now(); // from here on: when it was dismissed or last had work
    return generation;
}

void Dispatcher::checkFolder(bool asked)
{
    look_at_ = Clock::now() + options_.poll;
    if (asked) {
        forced_ = true;
        want_generation_ = true;
        start_at_ = Clock::now();
        return;
    }
    const auto now = listSignatures(options_.signatures);
    if (now == tried_ || loading_)
        return;
    const std::int64_t wall = wallMillis() * 1'000'000;
    const std::int64_t settled = std::chrono::nanoseconds(kSettled).count();
    for (const SignatureFile& file : now)
        if (file.modified > wall - settled && file.modified <= wall)
            return;
    want_generation_ = true;
}

// ---- jobs

void Dispatcher::dispatch()
{
    if (!serving_)
        return;
    for (Slot& slot : serving_->slots) {
        while (slot.idle()) {
            auto job = next();
            if (!job)
                break;
            if (!hand(slot, std::move(job)))
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

// False when the worker does not take it: the job waits on, the worker's end is read from its socket.
bool Dispatcher::hand(Slot& slot, std::unique_ptr<Job> job)
{
    try {
        if (!job->parcel.fd) {
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
    if (!wire::send(slot.socket.get(), wire::encode(request), job->parcel.fd.get())) {
        (job->background ? background_ : queue_).push_front(std::move(job));
        slot.greeted = false;
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
    if (answer && answer->kind == wire::AnswerKind::hello && !slot.greeted && !slot.job) {
        slot.greeted = true;
        return;
    }
    if (answer && answer->kind == wire::AnswerKind::error && answer->id == 0) {
        start_problem_ = "a worker cannot start: " + base::printable(answer->name);
        base::logWarning("scanner", "worker cannot start", {{"problem", answer->name}});
        return; // its end follows
    }
    const bool of_job = answer && slot.job && answer->id == slot.job->id;
    if (of_job && answer->kind == wire::AnswerKind::layers && answer->name.size() % wire::kLayer == 0
        && slot.job->layers.size() + answer->name.size() <= wire::kMostLayers * wire::kLayer) {
        slot.job->layers += answer->name;
        return;
    }
    if (!of_job || answer->kind == wire::AnswerKind::layers) {
        base::logError("scanner", "worker answered nonsense", {{"slot", index}});
        auto job = std::move(slot.job);
        generation.kill(index);
        if (job)
            finishCrash(std::move(job), generation);
        return;
    }
    auto job = std::move(slot.job);
    if (answer->retires)
        slot.greeted = false; // no more work; its end follows
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
    generation.forget(slot);
    if (!generation.greeted())
        generation.alone_since = Clock::now();
    if (!job)
        return;
    ++restarts_;
    restart_count.add();
    base::logWarning("scanner", "worker died during a scan", {{"slot", index}, {"deaths", job->deaths + 1}});
    if (++job->deaths < kTries) {
        waitAgain(std::move(job));
        return;
    }
    finishCrash(std::move(job), generation);
}

// A content that kills every worker that looks at it would come back for ever as "try again later": after some rounds it is
// called what it is.
void Dispatcher::finishCrash(std::unique_ptr<Job> job, const Generation& by)
{
    const std::string hash = contentHash(job->parcel);
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
    const std::function<void(Verdict)> answer = std::move(job->answer);
    job.reset();
    try {
        if (answer)
            answer(std::move(verdict));
    } catch (const std::exception& problem) {
        base::logError("scanner", "an answer's receiver failed", {{"problem", problem.what()}});
    }
}

// ---- time

void Dispatcher::giveUp(std::deque<std::unique_ptr<Job>>& line, SteadyTime now)
{
    for (std::size_t left = line.size(); left > 0; --left) {
        auto job = std::move(line.front());
        line.pop_front();
        if (job->give_up > now)
            line.push_back(std::move(job));
        else
            fail(std::move(job), serving_ ? "no worker was free in time" : "the scanner is not ready: " + start_problem_);
    }
}

void Dispatcher::checkTimes()
{
    const auto now = Clock::now();
    giveUp(queue_, now);
    giveUp(background_, now);
    makeWay(now);
    std::vector<Generation*> working;
    if (serving_)
        working.push_back(serving_.get());
    for (auto& generation : leaving_)
        working.push_back(generation.get());
    for (Generation* generation : working)
        for (std::size_t i = 0; i < generation->slots.size(); ++i) {
            Slot& slot = generation->slots[i];
            if (!slot.job || slot.job->give_up > now)
                continue;
            auto job = std::move(slot.job);
            generation->kill(i);
            ++restarts_;
            restart_count.add();
            base::logWarning("scanner", "scan took too long, worker killed", {{"slot", i}});
            // libclamav's own limit lies at half of the deadline: past the whole of it the worker hung, not the content.
            if (++job->deaths < kTries) {
                waitAgain(std::move(job));
            } else {
                finishCrash(std::move(job), *generation);
            }
        }
    if (serving_ && !serving_->greeted() && !serving_->busy() && now - serving_->alone_since > kGreetTime)
        servingDied(); // its destructor ends it
    if (loading_ && (now - loading_->started > kLoadTime || (loading_->loaded && now - loading_->alone_since > kGreetTime)))
        loadingFailed(start_problem_.empty() ? "not ready in time" : start_problem_);
    for (auto& generation : leaving_) {
        if (generation->busy())
            generation->started = now;
        else
            generation->end();
    }
    std::erase_if(leaving_, [&](const auto& generation) { return now - generation->started > kLeaveTime; });
    if (options_.poll.count() > 0 && now >= look_at_)
        checkFolder(false);
}

int Dispatcher::pollTime() const
{
    SteadyTime next = Clock::now() + 1s; // slow clocks (loading, leaving, folder) need no better
    const auto consider = [&](SteadyTime time) { next = std::min(next, time); };
    for (const auto* line : {&queue_, &background_})
        for (const auto& job : *line)
            consider(job->give_up);
    if (!queue_.empty() && serving_ && inBackground() > 0)
        consider(queue_.front()->since + kPatience);
    for (const auto* generation : {serving_.get()})
        if (generation)
            for (const Slot& slot : generation->slots)
                if (slot.job)
                    consider(slot.job->give_up);
    for (const auto& generation : leaving_)
        for (const Slot& slot : generation->slots)
            if (slot.job)
                consider(slot.job->give_up);
    if (want_generation_ && !loading_)
        consider(start_at_);
    if (options_.poll.count() > 0)
        consider(look_at_);
    const auto wait = std::chrono::duration_cast<milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(wait + 1, 0));
}

void Dispatcher::pollAll(int timeout)
{
    struct Source {
        Generation* generation;
        std::size_t slot; // or kControl
    };
    constexpr auto kControl = static_cast<std::size_t>(-1);
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    std::vector<Source> sources{{nullptr, 0}};
    const auto add = [&](Generation* generation) {
        if (!generation)
            return;
        for (std::size_t i = 0; i < generation->slots.size(); ++i)
            if (generation->slots[i].socket) {
                fds.push_back({generation->slots[i].socket.get(), POLLIN, 0});
                sources.push_back({generation, i});
            }
        fds.push_back({generation->control.get(), POLLIN, 0});
        sources.push_back({generation, kControl});
    };
    add(serving_.get());
    add(loading_.get());
    for (auto& generation : leaving_)
        add(generation.get());

    ::poll(fds.data(), fds.size(), timeout);
    if (fds[0].revents) {
        eventfd_t ignored;
        ::eventfd_read(wake_.get(), &ignored);
    }
    std::vector<Generation*> gone;
    for (std::size_t i = 1; i < fds.size(); ++i) {
        if (!fds[i].revents)
            continue;
        Generation& generation = *sources[i].generation;
        if (sources[i].slot != kControl) {
            // A nonsense answer may have cost the slot its socket within this round.
            if (generation.slots[sources[i].slot].socket.get() == fds[i].fd)
                hearWorker(generation, sources[i].slot);
        } else if (!generation.hear()) {
            gone.push_back(&generation);
        }
    }
    for (Generation* generation : gone) {
        if (generation == loading_.get()) {
            loadingFailed(generation->failure.empty() ? "the scanner ended while loading" : std::string(generation->failure));
        } else if (generation == serving_.get()) {
            servingDied();
        } else {
            for (std::size_t i = 0; i < generation->slots.size(); ++i)
                if (generation->slots[i].job)
                    workerDied(*generation, i);
            std::erase_if(leaving_, [&](const auto& one) { return one.get() == generation; });
        }
    }
    if (loading_ && loading_->loaded && loading_->greeted())
        promote();
}

void Dispatcher::publish()
{
    const std::lock_guard lock(mutex_);
    status_.ready = serving_ && (serving_->greeted() || serving_->busy());
    if (serving_) {
        status_.signatures = serving_->signatures;
        status_.engine = serving_->engine;
        status_.signature_count = serving_->count;
        status_.loaded_at = loaded_at_;
    }
    std::string problem;
    const auto say = [&](const std::string& text) {
        if (!text.empty())
            problem += (problem.empty() ? "" : "; ") + text;
    };
    if (!serving_)
        say(start_problem_.empty() ? "signatures are being loaded" : start_problem_);
    else if (!status_.ready)
        say(start_problem_.empty() ? "no worker answers" : start_problem_);
    say(reload_problem_);
    if (serving_)
        say(serving_->detail);
    status_.problem = std::move(problem);
    status_.workers = workers_;
    status_.scans = scans_;
    status_.infected = infected_;
    status_.unscannable = unscannable_;
    status_.suspicious = suspicious_;
    status_.errors = errors_;
    status_.restarts = restarts_;
    is_ready.set(status_.ready ? 1 : 0);
}

} // namespace postfach::scanner
