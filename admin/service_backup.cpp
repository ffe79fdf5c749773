// Service: backups. They are long work, one at a time, watched as tasks.
#include "admin/service.h"
#include "admin/api/json.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace postfach::admin {
namespace {

namespace fs = std::filesystem;

std::string mebibytes(std::uint64_t bytes)
{
    char text[40];
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
    return text;
}
} // namespace

std::string Service::backupFolder(const std::string& given) const
{
    const std::string folder = given.empty() ? context_.backup.folder : given;
    if (folder.empty())
        throw Problem(422, "invalid_field", "Name the backup's folder, or set backup.folder in the configuration.");
    if (!fs::path(folder).is_absolute())
        throw Problem(422, "invalid_field", "The backup's folder must be an absolute path.");
    return folder;
}

// The task's own words say what came of it; the housekeeper's run of the same work throws.
std::string Service::runBackup(const BackupWish& wish, const Tasks::Progress& progress, std::stop_token stop)
{
    store::BackupOptions options;
    options.folder = wish.folder;
    options.now = context_.clock.now();
    options.keep = wish.keep;
    options.check = wish.check;
    options.must_be_there = wish.must_be_there;
    options.stop = std::move(stop);
    const std::lock_guard one(backup_mutex_);
    store::BackupInfo info;
    try {
        info = store::createBackup(context_.store, options, progress);
    } catch (const std::exception& error) {
        tell("backup.failed", "", {{"folder", wish.folder}, {"reason", error.what()}});
        throw;
    }
    if (wish.folder == context_.backup.folder)
        context_.store.writeLater([now = options.now](store::WriteTx& tx) { tx.putSetting("backup.last", std::to_string(base::toMillis(now))); });
    tell("backup.created", "", {{"folder", wish.folder}, {"backup", info.id}, {"messages", info.messages}, {"bytes", info.bytes},
                                {"written", info.written}});
    base::logInfo("admin", "backup created", {{"folder", wish.folder}, {"backup", info.id}, {"bytes", info.bytes}, {"written", info.written}});
    return "backup " + info.id + ": " + std::to_string(info.messages) + " messages, " + mebibytes(info.bytes) + ", of which "
           + mebibytes(info.written) + " were new" + (wish.check == store::BackupCheck::none ? "" : "; read again and found whole");
}

void Service::scheduledBackup(std::stop_token stop)
{
    try {
        const std::string& folder = context_.backup.folder;
        runBackup({folder, context_.backup.keep, context_.backup.check, heldBackups(context_.store, folder)}, {}, stop);
        noteBackups(context_.store, folder);
        backup_failed_ = false;
    } catch (...) {
        if (!stop.stop_requested())
            backup_failed_ = true;
        throw;
    }
}

Task Service::createBackup(const By& by, BackupWish wish)
{
    wish.folder = backupFolder(wish.folder);
    auto said = object();
    said->set("keep", wish.keep);
    tasks_.requireRoom();
    note(by, "backup.create", wish.folder, said);
    return tasks_.start("backup", [this, wish](const Tasks::Progress& progress, const std::stop_token& stop) {
        Tasks::Outcome outcome;
        outcome.result = runBackup(wish, progress, stop);
        return outcome;
    });
}

Task Service::restoreMail(const By& by, store::MailRestore wanted)
{
    wanted.folder = backupFolder(wanted.folder);
    auto said = object();
    said->set("folder", wanted.folder);
    said->set("snapshot", wanted.id);
    said->set("mailbox", wanted.mailbox);
    said->set("uid", wanted.uid.value);
    said->set("to", wanted.to);
    tasks_.requireRoom();
    note(by, "backup.restore", wanted.account, said);
    wanted.scratch = (fs::path(context_.data_folder) / "run" / "restore.db").string();
    return tasks_.start("restore", [this, wanted](const Tasks::Progress& progress, const std::stop_token& stop) mutable {
        wanted.stop = stop;
        const auto done = store::restoreMail(context_.store, wanted, progress);
        tell("backup.restored", wanted.account, {{"folder", wanted.folder}, {"restored", done.restored}, {"present", done.present}});
        base::logInfo("admin", "restored from a backup", {{"account", wanted.account}, {"folder", wanted.folder}, {"restored", done.restored},
                                                          {"present", done.present}, {"mailboxes", done.mailboxes}});
        Tasks::Outcome outcome;
        for (const auto& finding : done.missing)
            outcome.findings.push_back(finding.where + ": " + finding.what);
        outcome.result = std::to_string(done.restored) + " messages restored, " + std::to_string(done.present) + " were there already";
        if (done.account)
            outcome.result += "; the account was made again";
        if (done.mailboxes > 0)
            outcome.result += "; mailboxes made again: " + std::to_string(done.mailboxes);
        if (!done.missing.empty())
            outcome.result += "; damaged in the backup: " + std::to_string(done.missing.size());
        return outcome;
    });
}

std::vector<FoundBackup> Service::backups()
{
    std::vector<std::string> folders;
    if (!context_.backup.folder.empty())
        folders.push_back(context_.backup.folder);
    if (const auto copy = copy_.status(); copy_.wanted() && !copy.late && !copy.failed) // else it may hang whoever asks
        folders.push_back(context_.copy.folder);
    std::error_code error;
    std::vector<std::string> own;
    for (const auto& entry : fs::directory_iterator(fs::path(context_.data_folder) / "backups", error))
        if (entry.is_directory(error))
            own.push_back(entry.path().string());
    std::sort(own.begin(), own.end());
    folders.insert(folders.end(), own.begin(), own.end());
    std::vector<FoundBackup> found;
    for (const std::string& folder : folders) {
        try {
            for (auto& info : store::listBackups(folder))
                found.push_back({folder, std::move(info)});
        } catch (const std::exception& refused) { // one folder that is away does not hide the others
            base::logDebug("admin", "no backups listed", {{"folder", folder}, {"reason", refused.what()}});
        }
    }
    return found;
}

} // namespace postfach::admin
