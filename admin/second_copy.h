#pragma once
// The second copy (copy.*): a folder of backups on another disk, brought up to date every few minutes. Mail flows whatever becomes
// of it: a copy that is away, full, slow or broken is said in the log, in the metrics and by readiness, and costs nothing else.
//
// A disk that is not mounted leaves an empty folder behind. So the folder must be there, and one that held backups before must
// hold them still; the store remembers which did. `postfach backup create FOLDER` is the administrator's word that it is a new disk.
#include "admin/context.h"

#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

namespace postfach::admin {

// A folder that a schedule writes to: did it hold backups once? noteBackups() after the first that went well.
bool heldBackups(store::Store& store, const std::string& folder);
void noteBackups(store::Store& store, const std::string& folder);

class SecondCopy { // any thread
public:
    struct Status {
        base::Time current{}; // all that was committed until then is in it; before the first round: when the server started
        std::chrono::seconds lag{0}; // since then
        bool late = false;           // by more than three intervals
        bool failed = false;         // the last round
    };

    explicit SecondCopy(const Context& context); // which outlives it
    bool wanted() const { return !context_.copy.folder.empty(); }
    void round(
        std::stop_token stop); // on a thread of its own: a disk that hangs holds it. Throws what store::createBackup throws
    void watch();              // says once when the copy falls behind, and once when it is current again
    Status status() const;

private:
    void copy(std::stop_token stop);
    bool unchanged(std::uint64_t commits) const;

    const Context& context_;
    std::string newest_; // of round(): the state that was written last, and the store's number then
    std::uint64_t commits_ = 0;
    bool looked_ = false;      // of round(): whether it lies on a disk of its own
    mutable std::mutex mutex_; // guards what follows
    base::Time current_;
    bool failed_ = false;
    bool said_late_ = false;
};

} // namespace postfach::admin
