#include "server/imap/work.h"

#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace postfach::imap {

net::Task<> commit(net::Strand& strand, store::Store& store, std::function<void(store::WriteTx&)> work)
{
    std::exception_ptr error;
    std::function<void(std::function<void()>)> start = [&store, &work, &error](std::function<void()> done) {
        store.write(std::move(work), [&error, done = std::move(done)](std::exception_ptr failure) {
            error = std::move(failure);
            done();
        });
    };
    co_await strand.completion(std::move(start));
    if (error)
        std::rethrow_exception(error);
}

net::Task<> readingTogether(
    net::Strand& strand, store::Store& store, std::size_t parts, std::function<void(store::ReadTx&, std::size_t)> work)
{
    struct Together {
        std::mutex mutex;
        std::size_t left = 0;      // guarded by mutex
        std::exception_ptr error;  // guarded by mutex
        std::function<void()> done;
    };
    const auto together = std::make_shared<Together>(); // a helper may still be letting go of the mutex when the caller goes on
    together->left = parts;
    net::Scheduler& scheduler = strand.scheduler();
    std::function<void(std::function<void()>)> start = [&](std::function<void()> done) {
        together->done = std::move(done);
        for (std::size_t part = 0; part < parts; ++part)
            scheduler.help([&store, &work, together, part] {
                std::exception_ptr error;
                try {
                    const auto tx = store.read();
                    work(*tx, part);
                } catch (...) {
                    error = std::current_exception();
                }
                std::function<void()> last; // whoever is last calls it
                {
                    const std::lock_guard lock(together->mutex);
                    if (error)
                        together->error = error;
                    if (--together->left == 0)
                        last = std::move(together->done);
                }
                if (last)
                    last();
            });
    };
    co_await strand.completion(std::move(start));
    if (together->error)
        std::rethrow_exception(together->error);
}

} // namespace postfach::imap
