#include "admin/second_copy.h"
#include "server/base/error.h"
#include "server/base/log.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace postfach::admin {
namespace {

constexpr int kLateIntervals = 3;

std::string settingOf(const std::string& folder) { return "backup.held:" + folder; }

bool onOneDisk(const std::string& one, const std::string& other)
{
    struct stat a {
    }, b{};
    return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev;
}

} // namespace

bool heldBackups(store::Store& store, const std::string& folder) { return !store.read()->setting(settingOf(folder)).empty(); }

void noteBackups(store::Store& store, const std::string& folder)
{
    if (!heldBackups(store, folder))
        store.writeAndWait([&](store::WriteTx& tx) { tx.putSetting(settingOf(folder), "yes"); });
}

SecondCopy::SecondCopy(const Context& context) : context_(context), current_(context.clock.now()) {}

// Nothing was committed since, and what was written then is still there.
bool SecondCopy::unchanged(std::uint64_t commits) const
{
    if (commits == 0 || commits != commits_ || newest_.empty())
        return false;
    const auto all = store::listBackups(context_.copy.folder);
    return !all.empty() && all.back().id == newest_ && all.back().problem.empty();
}

void SecondCopy::copy(std::stop_token stop)
{
    const std::string& folder = context_.copy.folder;
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        throw base::Refused("copy.folder " + folder + " is not there: is its disk mounted?", 1);
    if (!std::exchange(looked_, true) && onOneDisk(folder, context_.data_folder))
        base::logWarning("copy", "copy.folder is on the same disk as the data: it will not outlive that", {{"folder", folder}});
    store::BackupOptions options;
    options.folder = folder;
    options.now = context_.clock.now();
    options.keep = context_.copy.keep;
    options.check = store::BackupCheck::fresh;
    options.must_be_there = heldBackups(context_.store, folder);
    options.stop = std::move(stop);
    const std::uint64_t commits = store::commitsOf(context_.store); // before: what comes while it is written counts as new
    if (options.must_be_there && unchanged(commits))
        return;
    newest_.clear();
    const auto info = store::createBackup(context_.store, options);
    newest_ = info.id;
    commits_ = commits;
    noteBackups(context_.store, folder);
    base::logDebug(
        "copy", "second copy brought up to date", {{"folder", folder}, {"backup", info.id}, {"written", info.written}});
}

void SecondCopy::round(std::stop_token stop)
{
    const base::Time began = context_.clock.now();
    try {
        copy(stop);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        failed_ = failed_ || !stop.stop_requested();
        throw;
    }
    const std::lock_guard lock(mutex_);
    current_ = began;
    failed_ = false;
}

SecondCopy::Status SecondCopy::status() const
{
    Status status;
    const std::lock_guard lock(mutex_);
    status.current = current_;
    status.lag =
        std::chrono::duration_cast<std::chrono::seconds>(std::max(context_.clock.now() - current_, base::Time::duration{0}));
    status.late = status.lag > kLateIntervals * context_.copy.interval;
    status.failed = failed_;
    return status;
}

void SecondCopy::watch()
{
    const Status now = status();
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(said_late_, now.late) == now.late)
            return;
    }
    if (now.late)
        base::logWarning(
            "copy", "the second copy has fallen behind", {{"folder", context_.copy.folder}, {"seconds", now.lag.count()}});
    else
        base::logInfo("copy", "the second copy is current again", {{"folder", context_.copy.folder}});
}

} // namespace postfach::admin
