#pragma once
// Who had a content handed out: when harm is found in mail that was delivered, the first question is who has opened it, and where.
//
// A session notes contents into a list of its own (a lock nobody else wants, an append); every few seconds all lists are put
// together and written with the next commit. A crash loses those seconds. Bounded: past kMostPending what comes is not recorded, and
// counted.
#include "server/base/clock.h"
#include "server/store/store.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace postfach::delivery {

class ReadLog {
public:
    static constexpr std::size_t kMostPending = 1'000'000; // notes, 16 bytes each

    ReadLog(store::Store& store, const base::Clock& clock); // both outlive it; the clock every session too
    ~ReadLog();                    // what was noted is written; a session that is destroyed later finds nobody who asks
    ReadLog(const ReadLog&) = delete;
    ReadLog& operator=(const ReadLog&) = delete;

    void record(bool on);          // any thread; off: notes are dropped
    void flush();                  // any thread: what was noted goes with the next commit

    struct Note {
        store::BodyId body;
        std::int64_t seconds = 0;  // since 1970
    };

private:
    struct Shared;

public:
    class Session {                // of one login; any one thread at a time
    public:
        Session(ReadLog& log, store::Reader reader);
        ~Session();
        Session(const Session&) = delete;
        Session& operator=(const Session&) = delete;
        void note(store::BodyId body); // it, or a part of it that is more than its header, goes to the client

    private:
        friend class ReadLog;
        static constexpr std::size_t kFull = 1'024;
        const std::shared_ptr<Shared> log_;
        const std::shared_ptr<const store::Reader> reader_;
        std::mutex mutex_;         // guards notes_
        std::vector<Note> notes_;
    };

private:
    store::Store& store_;
    const std::shared_ptr<Shared> shared_;
};

} // namespace postfach::delivery
