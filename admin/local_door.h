#pragma once
// DIR/run/admin.sock: HTTP for the command line, without TLS and without a token. Whoever may open the socket (mode 0600)
// and has this process's user id, or root's, is the administrator; the kernel says who that is (SO_PEERCRED).
// A thread a connection: there are few, and they do nothing but wait for the store.
#include "admin/api/gate.h"
#include "server/base/file.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace postfach::admin {

class LocalDoor {
public:
    // Binds (throws base::Refused). `gate` outlives it.
    LocalDoor(Gate& gate, std::string path, std::chrono::milliseconds idle_time, std::chrono::milliseconds request_time);
    ~LocalDoor();             // stops
    void start();
    void stop();              // ends what waits for a request; lets what works on one finish
    const std::string& path() const { return path_; }

private:
    void acceptLoop();
    void serve(int fd, unsigned uid);
    bool readSome(int fd, RequestReader& reader, std::chrono::milliseconds patience);

    Gate& gate_;
    const std::string path_;
    const std::chrono::milliseconds idle_time_, request_time_;
    base::Fd listener_, stop_event_;
    std::thread acceptor_;
    std::mutex mutex_;
    std::condition_variable left_;     // with mutex_
    std::set<int> connections_;        // guarded by mutex_; each is closed by the thread that serves it
    bool stopping_ = false;            // guarded by mutex_
};

} // namespace postfach::admin
