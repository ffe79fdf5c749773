// One signature set after the other: what the next is made of, when it serves, and what becomes of the last.
#include "scanner/dispatcher.h"
#include "scanner/memory.h"
#include "server/base/log.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

namespace postfach::scanner {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kCalmTime = 60s;    // a death after so long is not part of a series
constexpr milliseconds kBackOffMost = 30s;
constexpr auto kLookAgain = 100ms; // whether the old set has gone
constexpr auto kSettled = 2s;      // files younger than this may still be growing
constexpr std::uint64_t kLargeSet = 10'000; // from here on losing a tenth of it is taken for an accident

std::int64_t wallMillis()
{
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}
} // namespace

void Dispatcher::startAttempt()
{
    const auto tooLarge = [&](const Generation& old) { return options_.available_memory() < old.residentBytes() / 10 * 13; };
    if (!serving_ && std::any_of(leaving_.begin(), leaving_.end(), [&](const auto& old) { return tooLarge(*old); })) {
        start_at_ = Clock::now() + kLookAgain; // little memory: the old set goes first
        return;
    }
    if (serving_ && tooLarge(*serving_)) {
        base::logInfo("scanner", "old signatures end before new ones load", {{"resident", serving_->residentBytes()}});
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
    if (attempt_ == Attempt::strict) { // also where nothing serves at the moment
        plan.serving = withdrawn_ || options_.signatures.empty() ? 0 : served_;
        if (!std::exchange(forced_, false) && served_ >= kLargeSet)
            plan.least = served_ / 10 * 9;
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
    withdrawn_ = false;
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
    hopeless_ = true;
    attempt_ = Attempt::strict;
    back_off_ = std::clamp(back_off_ * 2, milliseconds(200), kBackOffMost);
    start_at_ = Clock::now() + back_off_;
}

void Dispatcher::promote()
{
    const bool from_folder = attempt_ != Attempt::good;
    std::error_code ignored;
    if (serving_)
        leaving_.push_back(dismiss(std::move(serving_)));
    serving_ = std::move(loading_);
    if (from_folder)
        reload_problem_.clear();
    start_problem_.clear();
    hopeless_ = false;
    if (forced_)
        want_generation_ = true; // asked for while this one was loading
    else if (std::exchange(withdrawn_, false) && tried_.empty())
        fs::remove_all(options_.run_folder + "/good", ignored); // nobody wants it back
    attempt_ = Attempt::strict;
    served_ = serving_->count;
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
    countRestart();
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

} // namespace postfach::scanner
