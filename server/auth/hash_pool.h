#pragma once
// Password hashes on as many threads as there are cores: each hash takes 19 MiB and all of a core for some milliseconds, so more at
// once would only make everybody wait longer. The queue is bounded; past it a login is told to come back later.
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postfach::auth {

class HashPool {
public:
    HashPool();
    ~HashPool(); // finishes what is queued

    // Sets *right and calls done() on a pool thread. An empty hash is checked against a dummy: it takes as long and is never
    // right. False: the queue is full, done() will not be called. `right` must live until done().
    bool verify(const std::string& hash, const std::string& password, bool* right, std::function<void()> done);
    // Other work of that kind. False: the queue is full. It must not throw.
    bool run(std::function<void()> work);

private:
    void serve();
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::function<void()>> queue_; // guarded by mutex_
    bool stopping_ = false;                   // guarded by mutex_
    std::string dummy_;                       // fixed after construction
    std::vector<std::thread> threads_;
};

} // namespace postfach::auth
