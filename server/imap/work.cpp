#include "server/imap/work.h"

#include <exception>
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

} // namespace postfach::imap
