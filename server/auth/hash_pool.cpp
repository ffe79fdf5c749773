#include "server/auth/hash_pool.h"
#include "server/base/id.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace postfach::auth {
namespace {
// OWASP's minimum for argon2id: 19 MiB, two passes; 12 ms a hash with libsodium.
constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 19456UL * 1024;
constexpr std::size_t kQueue = 500; // some six seconds of hashing on two cores

void startSodium()
{
    if (sodium_init() < 0)
        throw std::runtime_error("libsodium cannot start");
}
} // namespace

std::string hashPassword(const std::string& password)
{
    startSodium();
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str_alg(hash, password.data(), password.size(), kPasses, kMemory, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::runtime_error("not enough memory to hash a password");
    return hash;
}

HashPool::HashPool() : dummy_(hashPassword(base::randomHex(16)))
{
    const unsigned count = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < count; ++i)
        threads_.emplace_back([this] { run(); });
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
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kQueue)
            return false;
        queue_.push_back([this, hash, password, right, done = std::move(done)] {
            const auto& against = hash.empty() ? dummy_ : hash;
            const bool matches = crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
            *right = matches && !hash.empty();
            done();
        });
    }
    more_.notify_one();
    return true;
}

void HashPool::run()
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
