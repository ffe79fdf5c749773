#include "server/imap/long_work.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace postfach::imap {
namespace {

constexpr std::size_t kStep = 4'000; // messages: some 20 milliseconds of the writer

} // namespace

net::Task<> commitInSteps(Session& session, const std::vector<store::Uid>& uids,
    std::function<void(store::WriteTx&, const std::vector<store::Uid>& piece)> step)
{
    net::Strand& strand = session.strand();
    std::atomic<std::size_t> done_so_far{0};
    std::exception_ptr failure, interruption;
    auto work = [&](store::WriteTx& tx) {
        for (std::size_t from = 0; from < uids.size(); from += kStep) {
            const std::size_t to = std::min(uids.size(), from + kStep);
            const std::vector<store::Uid> piece(
                uids.begin() + static_cast<std::ptrdiff_t>(from), uids.begin() + static_cast<std::ptrdiff_t>(to));
            step(tx, piece);
            done_so_far = to;
            if (to < uids.size())
                strand.wake(net::kStep);
        }
    };
    auto done = [&failure, self = strand.shared_from_this()](std::exception_ptr error) {
        failure = std::move(error);
        self->wake(net::kDone);
    };
    session.store().write(std::move(work), std::move(done));
    // What the writer does stands in this frame: nothing may end it before the writer has answered.
    for (bool running = true; running;) {
        const std::uint32_t came = co_await strand.waitUninterrupted(net::kDone | net::kStep);
        running = (came & net::kDone) == 0;
        if (!running || interruption)
            continue;
        try {
            co_await session.progress(done_so_far, uids.size());
        } catch (...) {
            interruption = std::current_exception();
        }
    }
    if (failure)
        std::rethrow_exception(failure);
    if (interruption)
        std::rethrow_exception(interruption);
}

} // namespace postfach::imap
