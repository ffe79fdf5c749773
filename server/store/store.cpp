#include "server/store/store.h"

#include <condition_variable>
#include <mutex>

namespace postfach::store {

void Store::writeAndWait(std::function<void(WriteTx&)> work)
{
    std::mutex mutex;
    std::condition_variable answered;
    bool done = false;
    std::exception_ptr error;
    write(std::move(work), [&](std::exception_ptr outcome) {
        // Notified under the lock: the waiter may not return, and end the condition variable's life, before that.
        const std::lock_guard lock(mutex);
        error = std::move(outcome);
        done = true;
        answered.notify_one();
    });
    std::unique_lock lock(mutex);
    answered.wait(lock, [&] { return done; });
    if (error)
        std::rethrow_exception(error);
}

} // namespace postfach::store
