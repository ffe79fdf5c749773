// IMAP APPEND, MULTIAPPEND and REPLACE.
#include "server/base/log.h"
#include "server/delivery/inner.h"

#include <system_error>
#include <utility>

namespace postfach::delivery {
namespace {
constexpr std::uint64_t kScannedAhead = 32ULL << 20; // bytes of one APPEND that are scanned while earlier ones are waited for
} // namespace

// All of them, or an exception and none. `at` says which is at fault. What is replaced makes room first, so that only the
// difference counts against the quota (RFC 8508 3.4).
void Delivery::Inner::commitAll(
    store::WriteTx& tx, std::vector<Job>& jobs, const std::optional<Replaced>& replaces, std::size_t& at) const
{
    at = 0;
    if (replaces && tx.remove(replaces->mailbox, {replaces->uid}, store::Removal::recoverable, "imap").empty())
        throw store::Error(store::Error::Kind::noSuchMessage, "what is to be replaced is gone");
    for (; at < jobs.size(); ++at) {
        Job& job = jobs[at];
        const auto body = tx.addBody(*job.body, job.understood.summary);
        recordVerdict(tx, body, job.verdict);
        tellFound(tx, job);
        job.results.front() = commitTo(tx, job, 0, body);
        if (job.results.front().outcome != Outcome::stored)
            throw store::Error(store::Error::Kind::noSuchMailbox, "the mailbox is gone");
    }
}

net::Task<AppendResult> Delivery::Inner::append(net::Strand& strand, Appending wanted, Spool& messages)
{
    AppendResult result;
    const InFlight held(in_flight, messages.size());
    if (!held.fits()) {
        base::logWarning("delivery", "too much at once, asked to come again", {{"size", messages.size()}});
        co_return std::move(result);
    }
    std::vector<Job> jobs(wanted.items.size());
    std::size_t at = 0; // the one that is looked at; in the end the one that is refused
    std::size_t begun = 0; // those before it are known to the scanner
    std::exception_ptr trouble;
    try {
        // While one is waited for, the next are scanned; what is decided is decided in their order.
        const std::size_t most = scanner.status().workers + 1UL; // so that no worker waits while another message is understood
        std::uint64_t begin = 0, ahead = 0; // where the one that is looked at lies; bytes of it and of those that have begun behind it
        for (; at < jobs.size(); ++at) {
            while (begun < jobs.size() && (begun == at || (begun - at < most && ahead + wanted.items[begun].size <= kScannedAhead))) {
                Job& job = jobs[begun];
                job.way_in = "append";
                job.append = true;
                job.targets.push_back({wanted.owner.id, wanted.owner.address, wanted.mailbox, wanted.items[begun], {}, {}});
                job.results.resize(1);
                const Source source{messages, begin + ahead, wanted.items[begun].size};
                co_await beginExamining(strand, job, source);
                ahead += wanted.items[begun++].size;
            }
            Job& job = jobs[at];
            const Source source{messages, begin, wanted.items[at].size};
            co_await endExamining(strand, job, source);
            if (job.targets.front().action != Action::store) {
                job.results.front() = refusal(job, job.targets.front());
                break;
            }
            begin += wanted.items[at].size;
            ahead -= wanted.items[at].size;
        }
        if (at == jobs.size()) {
            std::function<void(store::WriteTx&)> work = [this, &jobs, &wanted, &at](store::WriteTx& tx) {
                commitAll(tx, jobs, wanted.replaces, at);
            };
            co_await write(strand, std::move(work));
        }
    } catch (const store::Error&) {
        trouble = std::current_exception();
    } catch (const std::system_error&) {
        trouble = std::current_exception();
    }
    for (std::size_t i = at + 1; i < begun; ++i) // their bytes count as on their way until the scanner is done with them
        if (jobs[i].asked)
            co_await scanned(strand, jobs[i]);
    if (trouble) {
        at = std::min(at, jobs.size() - 1); // past the last: the commit failed as a whole
        jobs[at].results.front() = unavailableFor(trouble, jobs[at]);
    }
    if (at < jobs.size()) {
        conclude(jobs[at], wanted.items[at].size);
        result.outcome = jobs[at].results.front().outcome;
        result.detail = jobs[at].results.front().detail;
        co_return std::move(result);
    }
    result.outcome = Outcome::stored;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        conclude(jobs[i], wanted.items[i].size);
        result.uid_validity = jobs[i].results.front().where.uid_validity;
        result.uids.push_back(jobs[i].results.front().where.uid);
    }
    co_return std::move(result);
}

net::Task<AppendResult> Delivery::append(net::Strand& strand, Appending wanted, Spool& messages)
{
    co_return co_await inner_->append(strand, std::move(wanted), messages);
}

} // namespace postfach::delivery
