#pragma once
// Something that another thread makes while the session goes on. Both sides hold it by a shared_ptr, beside what is made: the maker
// writes that and calls give(), whoever comes for it calls wait() before he reads it.
#include "server/net/strand.h"

#include <atomic>

namespace postfach::net {

class Handover {
public:
    // The maker, once, on any thread. The strand is woken only if it waits already.
    void give(Strand& strand) noexcept
    {
        if (state_.exchange(State::there, std::memory_order_acq_rel) == State::awaited)
            strand.wake(kAhead);
    }
    bool isThere() const { return state_.load(std::memory_order_acquire) == State::there; }

    // The strand's own coroutine, one at a time; deaf to deadline and shutdown, as the maker cannot be called back.
    Task<> wait(Strand& strand)
    {
        State made = State::made;
        if (state_.compare_exchange_strong(made, State::awaited, std::memory_order_acq_rel))
            while (!isThere())
                co_await strand.waitUninterrupted(kAhead);
    }

private:
    enum class State : std::uint8_t { made, awaited, there };
    std::atomic<State> state_{State::made};
};

} // namespace postfach::net
