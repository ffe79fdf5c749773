#include "server/delivery/rescan.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/delivery/consequences.h"
#include "server/delivery/hash_join.h"
#include "server/delivery/understand.h"
#include "server/delivery/verdicts.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <pthread.h>

namespace postfach::delivery {
namespace {
using namespace std::chrono_literals;
using scanner::Verdict;
using store::BehindOrder;
using store::BodyId;
using Steady = std::chrono::steady_clock;

constexpr auto kLookAgain = 10min;         // a delivery that was scanned before the swap may be stored after the pass
constexpr auto kAfterFailure = 30s;        // of the store; somebody may ask at once
constexpr auto kGather = 1s;               // at most so long a result waits for others
constexpr std::size_t kGathered = 200;     // and at most so many wait
constexpr std::size_t kUnread = 100'000;   // asked for at once: finding them is a look at every message
constexpr std::size_t kBatch = 1'000;
constexpr std::uint64_t kBytesInFlight = 64ULL << 20; // of messages; the first fits whatever its size
constexpr int kTries = 3;                  // for what has no verdict
constexpr auto kTryAgain = 5s;
constexpr const char* kCancelled = "rescan.cancelled"; // a setting: the set whose pass somebody has ended
constexpr auto kDismissed = std::chrono::hours(24 * 30); // so long a false alarm is not asked about again

base::Counter scanned_count{"postfach_rescan_contents_total", "Stored contents that were scanned again"};
base::Counter scanned_bytes{"postfach_rescan_bytes_total", "Bytes of stored contents that were scanned again"};
base::Counter hit_count{"postfach_rescan_hits_total", "Stored contents that were found infected"};
base::Gauge left_count{"postfach_rescan_left", "Stored contents that the present signatures have not looked at"};
base::Gauge coverage_percent{"postfach_rescan_coverage_percent", "Stored contents that the present signatures have looked at"};
} // namespace

std::optional<unsigned> Rescan::Status::percent() const
{
    if (!counted)
        return std::nullopt;
    if (coverage.contents == 0 || coverage.checked >= coverage.contents)
        return 100;
    return static_cast<unsigned>(std::min<std::uint64_t>(99, coverage.checked * 100 / coverage.contents));
}

// What the scanner's thread, administrators and the pass share. It has a life of its own: the last answers may come when all is over.
struct Rescan::Inner {
    struct Done {
        Consequences::Scanned scanned;
        std::uint64_t size = 0;
        Steady::duration own{};              // the time it took beside the scanner's
    };
    struct Box {
        std::mutex mutex;                    // guards what follows
        std::condition_variable changed;
        std::deque<Done> done;
        Settings settings;
        Status now;
        std::string cancelled_set;
        bool stopping = false, asked = false, cancelling = false;
        bool answered = true;                // something was confirmed; at the start nobody knows
    };

    Inner(store::Store& st, scanner::Client& sc, const base::Clock& cl, Settings se, std::chrono::milliseconds lo)
        : store(st), scanner(sc), clock(cl), look(lo), consequences(st, cl, withheld)
    {
        box->settings = std::move(se);
    }

    store::Store& store;
    scanner::Client& scanner;
    const base::Clock& clock;
    const std::chrono::milliseconds look;
    const std::shared_ptr<Box> box = std::make_shared<Box>();

    Withheld withheld;

    // The thread's own.
    Consequences consequences;
    std::string finished_set;                // of which nothing was behind but what has no verdict
    bool wanted = false;                     // asked for, when there was no scanner
    bool unacted = false;                    // what was confirmed has not been carried out yet
    Steady::time_point not_before{};         // after a failure
    Steady::time_point look_again{}, began{}, due{}, gathered{};
    std::size_t in_flight = 0;
    std::uint64_t bytes_in_flight = 0;
    std::unordered_set<std::int64_t> no_verdict; // of this round

    std::thread thread;

    void run();
    void round();
    void pass(const std::string& set);
    bool goOver(const std::string& set, BehindOrder order);
    bool goOverAll(const std::string& set);
    bool goOverCandidates(const std::string& set);
    bool scanOne(const std::string& set, const store::Behind& item);
    bool awaitTurn(const std::string& set, std::uint64_t size);
    void collect();
    void carryOut();
    bool settle(const std::string& set);
    bool mayGoOn(const std::string& set);
    void count(const std::string& set);
    void begin(const std::string& set);
    void finish(const std::string& problem);

    double capacity() const // seconds of scanning that a second may cost
    {
        const std::lock_guard lock(box->mutex);
        return std::max(1U, scanner.status().workers) * std::clamp(box->settings.share, 1U, 100U) / 100.0;
    }
    bool isCancelled(const std::string& set) const
    {
        const std::lock_guard lock(box->mutex);
        return box->cancelled_set == set;
    }
    Status status() const
    {
        const std::lock_guard lock(box->mutex);
        return box->now;
    }
    Settings settings() const
    {
        const std::lock_guard lock(box->mutex);
        return box->settings;
    }
    template <class Change>
    void publish(Change change)
    {
        {
            const std::lock_guard lock(box->mutex);
            change(box->now);
            const auto& coverage = box->now.coverage;
            left_count.set(static_cast<std::int64_t>(coverage.contents - std::min(coverage.checked, coverage.contents)));
            coverage_percent.set(box->now.percent().value_or(0));
        }
        box->changed.notify_all();
    }
};

void Rescan::Inner::run()
{
    ::pthread_setname_np(::pthread_self(), "rescan");
    for (;;) {
        bool looks = false;
        {
            std::unique_lock lock(box->mutex);
            looks = !box->changed.wait_for(lock, look, [this] { return box->stopping || box->asked || box->answered; });
            if (box->stopping)
                return;
            wanted = wanted || box->asked;
            if (box->asked) // who asks need not wait
                not_before = {};
            looks = looks || std::exchange(box->asked, false);
        }
        try {
            collect(); // acts on what was confirmed
            if (looks)
                round();
        } catch (const std::exception& error) {
            base::logError("rescan", "ended early, goes on later", {{"reason", error.what()}});
            not_before = Steady::now() + kAfterFailure;
            finish(error.what());
        }
    }
}

void Rescan::Inner::round()
{
    const auto scan = scanner.status();
    const bool off = settings().share == 0;
    if (!scan.ready || off)
        return publish([off](Status& status) { status.state = off ? State::off : State::waiting; });
    const bool on_demand = std::exchange(wanted, false);
    if (!on_demand && isCancelled(scan.signatures))
        return publish([](Status& status) { status.state = State::cancelled; });
    if (!on_demand && Steady::now() < not_before)
        return;
    if (!on_demand && finished_set == scan.signatures && Steady::now() < look_again)
        return publish([](Status& status) { status.state = State::idle; });
    count(scan.signatures);
    bool all_checked = false;
    publish([&](Status& status) {
        status.state = State::idle;
        all_checked = status.coverage.checked >= status.coverage.contents;
    });
    if (on_demand || !all_checked)
        return pass(scan.signatures);
    finished_set = scan.signatures;
    look_again = Steady::now() + kLookAgain;
}

void Rescan::Inner::count(const std::string& set)
{
    const auto coverage = store.read()->coverage(set);
    publish([&](Status& status) {
        status.coverage = coverage;
        status.counted = true;
        status.left = coverage.contents - coverage.checked;
        status.left_bytes = coverage.bytes - coverage.checked_bytes;
    });
}

void Rescan::Inner::begin(const std::string& set)
{
    const auto start = clock.now();
    began = gathered = due = Steady::now();
    publish([&](Status& status) {
        // What came late is of the pass before, as people see it.
        if (status.signatures != set || status.id.empty() || !status.finished || status.scanned == 0) {
            const auto coverage = status.coverage;
            const auto left = status.left, left_bytes = status.left_bytes, ended = status.ended;
            status = {};
            status.ended = ended;
            status.counted = true;
            status.coverage = coverage;
            status.left = left;
            status.left_bytes = left_bytes;
            status.id = base::randomHex(8);
            status.started = start;
        }
        status.signatures = set;
        status.finished.reset();
        status.problem.clear();
        status.cancelled = false;
        status.no_verdict = 0;
        status.state = State::running;
    });
    base::logInfo("rescan", "stored mail is scanned with other signatures",
                  {{"set", set}, {"contents", status().left}, {"bytes", status().left_bytes}});
}

void Rescan::Inner::pass(const std::string& set)
{
    begin(set);
    bool whole = false;
    for (int round = 1;; ++round) {
        no_verdict.clear();
        whole = goOverAll(set);
        settle(set); // what came after it was told to end counts too
        if (!whole || no_verdict.empty() || round == kTries)
            break;
        const auto again = Steady::now() + kTryAgain * round;
        while (mayGoOn(set) && Steady::now() < again) {
            std::unique_lock lock(box->mutex);
            box->changed.wait_until(lock, again, [this] { return box->stopping || box->cancelling; });
        }
    }
    if (whole) {
        store.writeAndWait([&](store::WriteTx& tx) { tx.forgetOutbreaks(tx.now() - kDismissed); });
        finished_set = set;
        look_again = Steady::now() + kLookAgain;
    }
    count(set);
    finish({});
}

void Rescan::Inner::finish(const std::string& problem)
{
    publish([&](Status& status) {
        if (status.state == State::running)
            status.finished = clock.now();
        status.state = box->cancelling ? State::cancelled : State::idle;
        status.problem = problem;
        status.cancelled = box->cancelling;
        ++status.ended;
        status.bytes_per_second = 0;
        status.to_go.reset();
        box->cancelling = false;
    });
    const Status told = status();
    base::logInfo("rescan", "stored mail was scanned", {{"set", told.signatures}, {"contents", told.scanned}, {"left", told.left},
                  {"hits", told.hits}, {"cleared", told.cleared}, {"no_verdict", told.no_verdict}, {"coverage", told.percent().value_or(0)}});
}

bool Rescan::Inner::goOverAll(const std::string& set)
{
    if (!goOver(set, BehindOrder::unscanned) || !settle(set) || !goOverCandidates(set))
        return false;
    for (const BehindOrder order : {BehindOrder::unread, BehindOrder::all})
        if (!settle(set) || !goOver(set, order)) // what is recorded does not come again
            return false;
    return settle(set);
}

// What the exact hashes of this set point at, without a look at any mail.
bool Rescan::Inner::goOverCandidates(const std::string& set)
{
    const std::string folder = settings().signatures;
    if (folder.empty())
        return true;
    std::vector<store::Behind> all;
    {
        const auto signatures = HashSignatures::load(folder);
        const auto tx = store.read();
        for (const BodyId body : candidates(*tx, signatures)) {
            const auto record = tx->scanRecord(body);
            if (record.verdict == store::ScanRecord::Verdict::none || record.signatures != set)
                all.push_back({body, tx->bodySize(body), record.verdict});
        }
    }
    publish([&](Status& status) { status.candidates = all.size(); });
    return std::all_of(all.begin(), all.end(), [&](const store::Behind& item) { return scanOne(set, item); });
}

bool Rescan::Inner::goOver(const std::string& set, BehindOrder order)
{
    const std::size_t most = order == BehindOrder::unread ? kUnread : kBatch;
    for (BodyId before;;) {
        const auto batch = store.read()->behind(set, order, before, most);
        for (const store::Behind& item : batch)
            if (!scanOne(set, item))
                return false;
        if (batch.size() < most)
            return true;
        before = batch.back().body;
    }
}

bool Rescan::Inner::scanOne(const std::string& set, const store::Behind& item)
{
    if (no_verdict.contains(item.body.value))
        return true;
    if (!awaitTurn(set, item.size))
        return false;
    const auto start = Steady::now();
    scanner::Content content;
    Understood understood;
    try {
        understood = understand(store.read()->body(item.body), content, settings().attachment_types);
    } catch (const store::Error& error) {
        if (error.kind == store::Error::Kind::damaged) // the store has raised the alarm
            no_verdict.insert(item.body.value);
        else if (error.kind != store::Error::Kind::noSuchMessage)
            throw;
        return true;
    }
    content.background = true;
    understood.summary.clear();
    Done done;
    done.scanned.body = item.body;
    done.scanned.before = item.verdict;
    done.scanned.sender = understood.sender;
    done.scanned.subject = understood.subject;
    done.scanned.message_id = understood.message_id;
    done.size = item.size;
    done.own = Steady::now() - start;
    ++in_flight;
    bytes_in_flight += item.size;
    scanner.scan(std::move(content), [held = box, done, understood](Verdict verdict) mutable {
        done.scanned.verdict = judged(std::move(verdict), understood);
        {
            const std::lock_guard lock(held->mutex);
            held->done.push_back(std::move(done));
        }
        held->changed.notify_all();
    });
    return true;
}

// For a free place, and for the share. What comes back meanwhile is taken. False: no further.
bool Rescan::Inner::awaitTurn(const std::string& set, std::uint64_t size)
{
    for (;;) {
        collect();
        if (!mayGoOn(set))
            return false;
        const auto workers = std::max(1U, scanner.status().workers);
        const auto places = std::clamp<std::size_t>(static_cast<std::size_t>(capacity() + 0.99), 1, std::max(workers, 2U) - 1);
        const bool fits = in_flight == 0 || (in_flight < places && bytes_in_flight + size <= kBytesInFlight);
        const auto now = Steady::now();
        if (fits && now >= due)
            return true;
        std::unique_lock lock(box->mutex);
        box->changed.wait_until(lock, fits ? std::min(due, now + kGather) : now + kGather / 5,
                                [this] { return !box->done.empty() || box->stopping || box->cancelling || box->answered; });
    }
}

void Rescan::Inner::collect()
{
    std::deque<Done> done;
    bool answered = false;
    {
        const std::lock_guard lock(box->mutex);
        done.swap(box->done);
        answered = std::exchange(box->answered, false);
    }
    for (Done& one : done) {
        --in_flight;
        bytes_in_flight -= one.size;
        const auto now = Steady::now();
        const auto cost = one.own + std::chrono::milliseconds(one.scanned.verdict.milliseconds);
        due = std::max(due, now - std::chrono::seconds(1)) + std::chrono::duration_cast<Steady::duration>(cost / capacity());
        const bool has_verdict = one.scanned.verdict.kind != Verdict::Kind::error;
        if (!has_verdict)
            no_verdict.insert(one.scanned.body.value);
        const auto elapsed = std::chrono::duration<double>(now - began).count();
        publish([&](Status& status) {
            status.no_verdict = no_verdict.size();
            if (!has_verdict)
                return;
            ++status.scanned;
            status.scanned_bytes += one.size;
            if (one.scanned.verdict.signatures == status.signatures && status.left > 0) {
                ++status.coverage.checked;
                status.coverage.checked_bytes += one.size;
                --status.left;
                status.left_bytes -= std::min(one.size, status.left_bytes);
            }
            status.bytes_per_second = elapsed > 0 ? static_cast<std::uint64_t>(static_cast<double>(status.scanned_bytes) / elapsed) : 0;
            if (status.bytes_per_second > 0)
                status.to_go = std::chrono::seconds(status.left_bytes / status.bytes_per_second);
        });
        if (!has_verdict)
            continue;
        scanned_count.add();
        scanned_bytes.add(one.size);
        consequences.add(std::move(one.scanned));
    }
    unacted = unacted || answered;
    if (unacted && (answered || Steady::now() >= not_before)) {
        consequences.actOnConfirmed(settings()); // it may throw: then again after the pause
        unacted = false;
    }
    if (consequences.size() >= kGathered || (consequences.size() > 0 && Steady::now() - gathered > kGather))
        carryOut();
}

void Rescan::Inner::carryOut()
{
    gathered = Steady::now();
    if (consequences.size() == 0)
        return;
    const Settings by = settings();
    const auto sum = consequences.carryOut(by, std::max<std::uint64_t>(by.brake_hits, status().coverage.contents * by.brake_percent / 100));
    hit_count.add(sum.hits);
    publish([&](Status& status) {
        status.hits += sum.hits;
        status.cleared += sum.cleared;
    });
}

// Everything that is being scanned comes back and is carried out. False when there should be no more.
bool Rescan::Inner::settle(const std::string& set)
{
    for (;;) {
        collect();
        if (in_flight == 0)
            break;
        std::unique_lock lock(box->mutex);
        box->changed.wait(lock, [this] { return !box->done.empty() || box->stopping; });
        if (box->done.empty())
            return false; // what comes after this is scanned again the next time
    }
    carryOut();
    return mayGoOn(set);
}

bool Rescan::Inner::mayGoOn(const std::string& set)
{
    {
        const std::lock_guard lock(box->mutex);
        if (box->stopping || box->cancelling || box->settings.share == 0)
            return false;
    }
    const auto scan = scanner.status();
    return scan.ready && scan.signatures == set;
}

Rescan::Rescan(store::Store& store, scanner::Client& scanner, const base::Clock& clock, Settings settings, std::chrono::milliseconds look)
    : inner_(std::make_unique<Inner>(store, scanner, clock, std::move(settings), look))
{
}

Rescan::~Rescan() { stop(); }

void Rescan::start()
{
    inner_->box->cancelled_set = inner_->store.read()->setting(kCancelled);
    inner_->thread = std::thread([inner = inner_.get()] { inner->run(); });
}

void Rescan::stop()
{
    {
        const std::lock_guard lock(inner_->box->mutex);
        inner_->box->stopping = true;
    }
    inner_->box->changed.notify_all();
    if (inner_->thread.joinable())
        inner_->thread.join();
}

void Rescan::setSettings(Settings settings)
{
    {
        const std::lock_guard lock(inner_->box->mutex);
        inner_->box->settings = std::move(settings);
    }
    inner_->box->changed.notify_all();
}

void Rescan::request()
{
    inner_->store.writeAndWait([](store::WriteTx& tx) { tx.putSetting(kCancelled, ""); });
    {
        const std::lock_guard lock(inner_->box->mutex);
        inner_->box->cancelled_set.clear();
        inner_->box->asked = true;
    }
    inner_->box->changed.notify_all();
}

void Rescan::cancel()
{
    const std::string set = inner_->scanner.status().signatures;
    inner_->store.writeAndWait([&](store::WriteTx& tx) { tx.putSetting(kCancelled, set); });
    {
        const std::lock_guard lock(inner_->box->mutex);
        inner_->box->cancelled_set = set;
        inner_->box->cancelling = inner_->box->now.state == State::running;
        inner_->box->asked = false;
    }
    inner_->box->changed.notify_all();
}

Rescan::Status Rescan::status() const { return inner_->status(); }
const Withheld& Rescan::withheld() const { return inner_->withheld; }

bool Rescan::awaitStatus(const std::function<bool(const Status&)>& wanted, std::chrono::milliseconds most) const
{
    std::unique_lock lock(inner_->box->mutex);
    return inner_->box->changed.wait_for(lock, most, [&] { return wanted(inner_->box->now); });
}

void Rescan::confirmed()
{
    {
        const std::lock_guard lock(inner_->box->mutex);
        inner_->box->answered = true;
    }
    inner_->box->changed.notify_all();
}

std::uint64_t Rescan::dismissed(const std::string& signature)
{
    return Consequences(inner_->store, inner_->clock, inner_->withheld).dismissed(signature);
}

} // namespace postfach::delivery
