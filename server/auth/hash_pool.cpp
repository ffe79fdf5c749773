#include "server/auth/hash_pool.h"
#include "server/auth/password_hash.h"
#include "server/base/id.h"

#include <algorithm>

namespace postfach::auth {
namespace {
constexpr std::size_t kQueue = 500; // some six seconds of hashing on two cores
} // namespace

HashPool::HashPool() : dummy_(hashPassword(base::randomHex(16)))
{
    const unsigned count = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i)
        threads_.emplace_back([this] { serve(); });
}

HashPool::~HashPool()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    more_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

bool HashPool::verify(const std::string& hash, const std::string& password, bool* right, std::function<void()> done)
{
    return run([this, hash, password, right, done = std::move(done)] {
        const bool matches = matchesHash(hash.empty() ? dummy_ : hash, password);
        *right = matches && !hash.empty();
        done();
    });
}

bool HashPool::run(std::function<void()> work)
{
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kQueue)
            return false;
        queue_.push_back(std::move(work));
    }
    more_.notify_one();
    return true;
}

void HashPool::serve()
{
    for (;;) {
        std::function<void()> work;
        {
            std::unique_lock lock(mutex_);
            more_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty())
                return;
            work = std::move(queue_.front());
            queue_.pop_front();
        }
        work();
    }
}

} // namespace postfach::auth
