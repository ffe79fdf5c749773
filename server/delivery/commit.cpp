// A message into the store, for each of its recipients, and what is told of it.
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/delivery/inner.h"

#include <array>
#include <utility>

namespace postfach::delivery {
namespace {
using scanner::Verdict;

struct Counted {
    base::Counter stored{"postfach_deliveries_total", "Messages by outcome, one a recipient", {{"outcome", "stored"}}};
    base::Counter quarantined{"postfach_deliveries_total", "Messages by outcome, one a recipient", {{"outcome", "quarantined"}}};
    base::Counter refused{"postfach_deliveries_total", "Messages by outcome, one a recipient", {{"outcome", "refused"}}};
};
Counted counted;

Outcome outcomeOf(const store::Error& error)
{
    switch (error.kind) {
    case store::Error::Kind::overQuota: return Outcome::overQuota;
    case store::Error::Kind::noSuchMailbox:
    case store::Error::Kind::noSuchAccount: return Outcome::noMailbox;
    case store::Error::Kind::limit: return Outcome::limit;
    case store::Error::Kind::noSuchMessage: return Outcome::noMessage;
    default: return Outcome::unavailable;
    }
}

} // namespace

void Delivery::Inner::recordVerdict(store::WriteTx& tx, store::BodyId body, const Verdict& verdict)
{
    tx.recordScan(body, recordOf(verdict, tx.now()));
    if (!verdict.inner.empty())
        tx.putInnerHashes(body, store::unpackInnerHashes(verdict.inner));
}

Told Delivery::Inner::toldOf(const Job& job, std::size_t index)
{
    const Target& target = job.targets[index];
    return {target.account, target.address, target.mailbox, job.way_in, job.body ? job.body->size() : 0, job.understood.message_id,
            job.verdict.name.empty() ? "clean" : job.verdict.name};
}

void Delivery::Inner::tellFound(store::WriteTx& tx, const Job& job)
{
    if (!job.verdict.findings.empty() && job.kept()) // an error has no word of its own
        tellVerdict(tx, job.verdict.kind, job.any(Action::quarantine) ? "quarantined" : "stored", toldOf(job, 0), job.targets.size());
}

// Nothing is stored, so nobody waits for this either.
void Delivery::Inner::tellRefused(const Job& job) const
{
    if (job.kept() || !job.any(Action::refuse))
        return;
    // A copy of the way: the job does not live as long.
    auto tell = [told = toldOf(job, 0), way = job.way_in, kind = job.verdict.kind,
                    count = job.targets.size()](store::WriteTx& tx) mutable {
        told.way_in = way;
        tellVerdict(tx, kind, "refused", told, count);
    };
    store.writeLater(std::move(tell));
}

Result Delivery::Inner::commitTo(store::WriteTx& tx, Job& job, std::size_t index, store::BodyId body) const
{
    const auto& target = job.targets[index];
    const auto mailbox = tx.findMailbox(target.account, target.mailbox);
    Result result;
    if (!mailbox) {
        result.outcome = Outcome::noMailbox;
        return result;
    }
    store::NewMessage message;
    message.body = body;
    message.internal_date = target.item.internal_date;
    message.flags.bits = target.item.flags;
    for (const auto& keyword : target.item.keywords)
        if (!store::isServerKeyword(keyword))
            message.flags.addKeyword(tx.keyword(target.account, keyword));
    for (const std::string_view mark : target.judgement.marks)
        message.flags.addKeyword(tx.keyword(target.account, mark));
    if (target.action == Action::store) {
        result.where = tx.append(mailbox->id, message);
        result.outcome = Outcome::stored;
        if (job.way_in == "lmtp")
            tellDelivered(tx, toldOf(job, index), result.where.uid);
        return result;
    }
    store::NewQuarantine entry;
    entry.account = target.account;
    entry.mailbox = mailbox->name;
    entry.body = body;
    entry.signature = scanner::inWords(target.judgement.decisive);
    entry.reason = scanner::wordFor(target.judgement.decisive.what);
    entry.sender = job.understood.sender;
    entry.subject = job.understood.subject;
    entry.recipient = target.address;
    entry.way_in = job.way_in;
    entry.flags = message.flags;
    entry.internal_date = message.internal_date;
    store::NewMessage notice;
    notice.body = tx.addBody(*job.notices[index].body, job.notices[index].summary);
    notice.internal_date = message.internal_date;
    store::ScanRecord clean;
    clean.verdict = store::ScanRecord::Verdict::clean;
    clean.signatures = store::kOwnSignatures;
    clean.when = tx.now();
    tx.recordScan(notice.body, clean);
    result.where = tx.append(mailbox->id, notice);
    entry.notice = result.where.uid;
    entry.token = job.notices[index].token;
    tellQuarantined(tx, tx.addQuarantine(entry));
    result.outcome = Outcome::quarantined;
    result.detail = entry.signature;
    return result;
}

// One transaction for all recipients: a full mailbox is that recipient's own answer, everything else is everybody's.
void Delivery::Inner::commit(store::WriteTx& tx, Job& job) const
{
    const auto body = tx.addBody(*job.body, job.understood.summary);
    recordVerdict(tx, body, job.verdict);
    tellFound(tx, job);
    bool used = false;
    for (std::size_t i = 0; i < job.targets.size(); ++i) {
        if (job.targets[i].action != Action::store && job.targets[i].action != Action::quarantine) {
            job.results[i] = refusal(job, job.targets[i]);
            continue;
        }
        try {
            job.results[i] = commitTo(tx, job, i, body);
        } catch (const store::Error& error) {
            job.results[i].outcome = outcomeOf(error);
            if (job.results[i].outcome == Outcome::unavailable)
                throw;
        }
        used = used || job.results[i].outcome == Outcome::stored || job.results[i].outcome == Outcome::quarantined;
    }
    if (!used) // nobody took it: roll the body back too
        throw store::Error(store::Error::Kind::noSuchEntry, "no recipient took the message");
}

void Delivery::Inner::conclude(const Job& job, std::uint64_t size) const
{
    tellRefused(job);
    static constexpr std::array<std::string_view, 10> kWords = {"stored", "quarantined", "infected, refused", "refused by policy", "over quota",
                                                              "no mailbox", "too large", "not taken now", "limit", "gone, not replaced"};
    for (std::size_t i = 0; i < job.results.size(); ++i) {
        const auto& result = job.results[i];
        auto& counter = result.outcome == Outcome::stored        ? counted.stored
                        : result.outcome == Outcome::quarantined ? counted.quarantined
                                                                 : counted.refused;
        counter.add();
        const bool well = result.outcome == Outcome::stored;
        base::log(well ? base::LogLevel::info : base::LogLevel::warning, "delivery", kWords[static_cast<std::size_t>(result.outcome)],
                  {{"way", job.way_in}, {"account", job.targets[i].address}, {"mailbox", job.targets[i].mailbox}, {"uid", result.where.uid.value},
                   {"size", size}, {"message_id", job.understood.message_id}, {"verdict", job.verdict.name.empty() ? "clean" : job.verdict.name}});
    }
}

Result Delivery::Inner::unavailableFor(const std::exception_ptr& error, const Job& job) const
{
    Result result;
    try {
        std::rethrow_exception(error);
    } catch (const store::Error& e) {
        result.outcome = outcomeOf(e);
        // Each recipient has its own reason; and a full mailbox is no fault of ours.
        if (result.outcome == Outcome::unavailable && e.kind != store::Error::Kind::noSuchEntry)
            base::logError("delivery", "the store did not take a message", {{"reason", e.what()}, {"way", job.way_in}});
    } catch (const std::exception& e) {
        base::logError("delivery", "message not taken", {{"reason", e.what()}, {"way", job.way_in}});
    }
    return result;
}

// What its recipients are told when it was not taken. When nobody took it, each one's own reason stands already.
void Delivery::Inner::failed(Job& job, const std::exception_ptr& error) const
{
    const Result reason = unavailableFor(error, job);
    for (auto& result : job.results)
        if (result.outcome == Outcome::stored || result.outcome == Outcome::quarantined || reason.outcome != Outcome::unavailable)
            result = reason;
}

// Returns when the commit is on disk; throws what kept it from that.
net::Task<> Delivery::Inner::write(net::Strand& strand, std::function<void(store::WriteTx&)> work)
{
    std::exception_ptr trouble;
    std::function<void(std::function<void()>)> start = [this, &work, &trouble](std::function<void()> done) {
        store.write(std::move(work), [&trouble, done = std::move(done)](std::exception_ptr error) {
            trouble = std::move(error);
            done();
        });
    };
    co_await strand.completion(std::move(start));
    if (trouble)
        std::rethrow_exception(trouble);
}

} // namespace postfach::delivery
