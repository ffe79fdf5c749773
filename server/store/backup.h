#pragma once
// Backups: written while mail flows, verified by reading, restored.
//
// A folder holds a repository: any number of backups, each complete in itself, that share what they have in common. The database
// lies there in pieces that are named by their content, and so do the large bodies: a backup writes what no earlier one has.
// FORMAT.md has the layout. What an interrupted one leaves behind, the next one removes.
#include "server/store/store.h"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace postfach::store {

using Progress = std::function<void(std::uint64_t, std::uint64_t)>; // bytes done and in all

struct BackupInfo {
    std::string id;                 // 20260301T093000Z, made longer where two would be the same
    Time created{};
    std::uint64_t accounts = 0, messages = 0;
    std::uint64_t database = 0;     // bytes
    std::uint64_t bodies = 0;       // large ones
    std::uint64_t bytes = 0;        // of all that it names
    std::uint64_t written = 0;      // what it added to the repository, as it lies there
    std::uint64_t missing = 0;      // bodies that were damaged when it was made
    std::string problem;            // why it cannot be used; empty for a whole manifest
};

enum class BackupCheck { all, fresh, none }; // read again at the end: every byte it names, what it has written, nothing

struct BackupOptions {
    std::string folder;
    Time now{};
    unsigned keep = 0;              // the newest so many stay; 0: all, and so where `check` finds the store damaged
    BackupCheck check = BackupCheck::all;
    bool must_be_there = false;     // Refused where the folder holds no backups: that of a disk that is not mounted is empty
    std::stop_token stop;           // ends it early: Refused, and the earlier backups are as they were
};

// Refused: not empty and no repository; somebody else writes there; no room. damaged: written, but without some bodies that are
// damaged in the store itself. The earlier backups are whole whatever happens.
BackupInfo createBackup(Store& store, const BackupOptions& options, const Progress& progress = {});
// Another number after each commit, as long as this process lives; 0: not known right now.
std::uint64_t commitsOf(Store& store);
std::vector<BackupInfo> listBackups(const std::string& folder); // oldest first; Refused when it is no repository

// What is wrong with a folder of backups, or with one of them. Every byte is read once, however many backups name it.
std::vector<Finding> verifyBackups(const std::string& folder, const Progress& progress = {}, const std::string& id = {});

// Into an empty folder (else Refused). The newest backup unless `id` names one. Returns what is missing of it: bodies that are
// damaged, and the messages that had them; the rest is restored.
std::vector<Finding> restoreStore(const std::string& folder, const std::string& data_folder, const Progress& progress = {},
                                   const std::string& id = {});

// --- one account, one mailbox, one message, into a store that serves

struct MailRestore {
    std::string folder, id;                 // of the backup; the newest when `id` is empty
    std::string account;                    // address; made again, with its password, when it is gone
    std::string mailbox;                    // empty: all
    Uid uid;                                // 0: all of the mailbox
    std::string to;                         // empty: each to its place. Else there, or for a whole account below it
    std::string scratch;                    // a file's name, free to use: a database of an earlier version is migrated there
    std::stop_token stop;
};

struct MailRestored {
    std::uint64_t restored = 0, present = 0; // messages; `present` were there already
    std::uint64_t mailboxes = 0;             // made
    bool account = false;                    // made
    std::vector<Finding> missing;            // damaged in the backup
};

// A few messages a transaction, with flags, dates and (in their own place) UIDLs; their UIDs are new ones. The same content in the
// same mailbox is not put there twice. Refused: not in the backup; over quota, when what fitted has been restored.
MailRestored restoreMail(Store& store, const MailRestore& wanted, const Progress& progress = {});

} // namespace postfach::store
