#pragma once
// The ways a session touches the store without blocking a worker: reading where that holds up nobody (Strand::offload), reading on
// several helpers at once, and writing through the store's writer thread, which wakes the strand when the commit is on disk.
#include "server/net/strand.h"
#include "server/store/store.h"

#include <functional>
#include <type_traits>

namespace postfach::imap {

// Runs `work` in the writer and returns when the commit is on disk; throws what it threw. What `work` captures by
// reference must live in the caller's frame. Cannot be interrupted.
net::Task<> commit(net::Strand& strand, store::Store& store, std::function<void(store::WriteTx&)> work);

// Runs `work(ReadTx&)` and gives its result.
template <class F>
auto reading(net::Strand& strand, store::Store& store, F work) -> net::Task<std::invoke_result_t<F&, store::ReadTx&>>
{
    auto job = [&store, &work] {
        const auto tx = store.read();
        return work(*tx);
    };
    co_return co_await strand.offload(std::move(job));
}

// Runs `work(ReadTx&, part)` for each of `parts` parts, on as many helpers as are free, and returns when all are done; throws
// what one of them threw. As with commit(): what is captured by reference must live in the caller's frame.
net::Task<> readingTogether(
    net::Strand& strand, store::Store& store, std::size_t parts, std::function<void(store::ReadTx&, std::size_t)> work);

} // namespace postfach::imap
