#pragma once
// The client's end of one postfach-scanner process and its workers: one signature set, from start to end. Belongs to the
// client's thread.
#include "scanner/client.h"
#include "scanner/wire.h"
#include "server/base/file.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace postfach::scanner {

using SteadyTime = std::chrono::steady_clock::time_point;

// A scan on its way: waiting, or in a worker's hands. One that is lost, because memory ran out, is answered with an error.
struct Job {
    Job() = default;
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    std::uint64_t id = 0;
    Content content;                      // until it is packed
    std::function<void(Verdict)> answer;
    wire::Parcel parcel;                  // packed once, handed out again after a worker's death
    SteadyTime give_up{};                 // waiting: error at this moment; at work: the worker is killed
    SteadyTime since{};                   // it waits for a worker
    SteadyTime started{};
    std::string layers;                   // told by the worker that has it
    int deaths = 0;
    int given_way = 0;                    // in the background: how often its worker was taken for somebody who waits
    bool background = false;
};

struct Slot {
    base::Fd socket;
    std::int32_t pid = 0;
    bool greeted = false; // it has passed its own test
    bool retired = false; // it has said that it ends
    SteadyTime since{};   // not greeted: since when
    std::unique_ptr<Job> job;
    base::Fd next_socket; // the successor, when the parent is quicker than we are at reading the last one's last words
    std::int32_t next_pid = 0;
    bool idle() const { return socket && greeted && !job; }
};

class Generation {
public:
    struct Plan {
        std::string signatures;
        bool strict = false;
        std::uint64_t serving = 0, least = 0;
        bool background = false;
    };
    // Makes `folder` anew and starts the process. Throws std::system_error.
    Generation(const Options& options, const Plan& plan, const std::string& folder, unsigned workers);
    ~Generation(); // ends the process now, if it has not ended, and removes the folder
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    // Takes what the parent says; fills the fields below. False when it is gone (its workers then die too).
    bool hear();
    void kill(std::size_t slot); // the worker is forgotten here at once; its parent ends and replaces it
    void forget(Slot& slot);     // the worker is gone; its successor, if there is one already, takes the slot
    void end();                  // no new worker, no answer: the process ends by itself, the destructor waits for it
    bool busy() const;
    bool greeted() const;        // some worker can serve
    std::uint64_t residentBytes() const;

    base::Fd control;
    std::vector<Slot> slots;
    bool loaded = false;
    std::string failure, detail, signatures, engine;
    std::uint64_t count = 0;
    std::string folder;
    SteadyTime started, alone_since; // alone: since when no worker has greeted

private:
    pid_t pid_ = 0;
};

} // namespace postfach::scanner
