#pragma once
// A strand without threads, for sessions that are fuzzed: deadlines are over at once; work of other threads is waited for.
#include "server/net/sessions.h"
#include "server/net/strand.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace postfach::fuzz {

class HastyStrand : public net::Strand {
public:
    HastyStrand(net::Scheduler& scheduler, std::string service)
        : scheduler_(scheduler), record_(1, std::move(service), "192.0.2.1", base::Time{})
    {
    }
    void wake(std::uint32_t why) noexcept override
    {
        const std::lock_guard lock(mutex_);
        bits_ |= why;
        woken_.notify_all();
    }
    net::Task<std::uint32_t> wait(std::uint32_t wanted) override { co_return come(wanted); }
    net::Task<std::uint32_t> waitUninterrupted(std::uint32_t wanted) override { co_return block(wanted); }
    net::Task<> turn() override { co_return; }
    bool turnDue() const override { return false; }
    void deadline(net::SteadyTime) override {}
    net::Scheduler& scheduler() override { return scheduler_; }
    net::SessionRecord& record() override { return record_; }

protected:
    virtual std::uint32_t come(std::uint32_t) { throw net::DeadlinePassed(); } // what wait() gives

private:
    std::uint32_t block(std::uint32_t wanted)
    {
        std::unique_lock lock(mutex_);
        woken_.wait(lock, [&] { return (bits_ & wanted) != 0; });
        const auto came = bits_ & wanted;
        bits_ &= ~came;
        return came;
    }

    net::Scheduler& scheduler_;
    net::SessionRecord record_;
    std::mutex mutex_;
    std::condition_variable woken_;
    std::uint32_t bits_ = 0; // guarded by mutex_
};

} // namespace postfach::fuzz
