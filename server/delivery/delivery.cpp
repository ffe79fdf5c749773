#include "server/delivery/delivery.h"
#include "server/base/hash.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/delivery/events.h"
#include "server/delivery/judgement.h"
#include "server/delivery/notice.h"
#include "server/delivery/received.h"
#include "server/delivery/understand.h"
#include "server/delivery/verdicts.h"
#include "server/mail/header.h"
#include "server/mail/normalize.h"
#include "server/mail/summary.h"
#include "server/net/handover.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <system_error>

namespace postfach::delivery {
namespace {
using scanner::Verdict;
using store::Flags;

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

// A message's share of what is on its way; the first fits whatever its size.
class InFlight {
public:
    InFlight(std::atomic<std::uint64_t>& all, std::uint64_t size) : all_(all), size_(size), before_(all.fetch_add(size)) {}
    ~InFlight() { all_ -= size_; }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    bool fits() const { return before_ == 0 || before_ + size_ <= base::limits::kDeliveriesInFlight; }

private:
    std::atomic<std::uint64_t>& all_;
    const std::uint64_t size_, before_;
};

constexpr std::uint64_t kScannedAhead = 32ULL << 20; // bytes of one APPEND that are scanned while earlier ones are waited for
constexpr std::uint64_t kPreparedAtOnce = 64 * 1024; // bytes; the store makes no file of so few

// What a verdict means for one way in.
enum class Action { store, quarantine, refuse, later };
} // namespace

struct Delivery::Inner {
    Inner(store::Store& st, scanner::Client& sc, const base::Clock& cl, Policy po) : store(st), scanner(sc), clock(cl) { setPolicy(std::move(po)); }
    store::Store& store;
    scanner::Client& scanner;
    const base::Clock& clock;
    // Every policy there ever was: somebody may still be reading one, and an administrator changes them rarely.
    std::mutex policies_mutex;
    std::list<Policy> policies;                     // guarded by policies_mutex
    std::atomic<const Policy*> policy_now{nullptr}; // the last of them
    const Policy& policy() const { return *policy_now.load(std::memory_order_acquire); }
    void setPolicy(Policy next)
    {
        const std::lock_guard lock(policies_mutex);
        policies.push_back(std::move(next));
        policy_now.store(&policies.back(), std::memory_order_release);
    }
    std::atomic<std::uint64_t> in_flight{0};
    Verdicts verdicts;

    struct Target {
        store::AccountId account;
        std::string address; // of the account
        std::string mailbox = "INBOX";
        AppendItem item;
        Action action = Action::store;
        Judgement judgement;
    };
    struct Asked; // the scanner
    struct Job { // a message on its way: lives in the frame of whoever delivers it
        std::vector<Target> targets;
        std::string way_in;
        bool append = false;
        Understood understood;
        scanner::Content content;
        base::Sha256 hash{}; // of what came, by which way, and what was looked for
        Verdict verdict;
        std::shared_ptr<Asked> asked; // the scanner, while it is being examined
        std::exception_ptr trouble;   // that came of looking at it
        std::unique_ptr<store::PreparedBody> body;
        struct PreparedNotice {
            std::unique_ptr<store::PreparedBody> body;
            std::string summary;
        };
        std::vector<PreparedNotice> notices; // one a target, filled where it is quarantined
        std::vector<Result> results;
        bool any(Action wanted) const
        {
            return std::any_of(targets.begin(), targets.end(), [wanted](const Target& target) { return target.action == wanted; });
        }
        bool kept() const { return any(Action::store) || any(Action::quarantine); }
        Job() = default;
    };
    struct Source { // where a message lies
        Spool& spool;
        std::uint64_t begin, size;
        std::uint64_t head = 0; // how much of it is our own
        std::string_view view() const { return spool.view().substr(begin, size); }
        std::string_view received() const { return view().substr(head); }
    };

    void decide(Job& job, std::string_view received) const;
    Action actionFor(const Job& job, const Target& target) const;
    static base::Sha256 hashOf(const Job& job, const Source& message, const std::string& refused);
    void look(Job& job, const Source& message, net::Strand& strand, const std::shared_ptr<Asked>& asked);
    void prepare(Job& job, std::string_view message);
    static void recordVerdict(store::WriteTx& tx, store::BodyId body, const Verdict& verdict);
    void commit(store::WriteTx& tx, Job& job) const;
    static Told toldOf(const Job& job, std::size_t index);
    static void tellFound(store::WriteTx& tx, const Job& job);
    void tellRefused(const Job& job) const;
    void commitAll(store::WriteTx& tx, std::vector<Job>& jobs, const std::optional<Replaced>& replaces, std::size_t& at) const;
    Result commitTo(store::WriteTx& tx, Job& job, std::size_t index, store::BodyId body) const;
    static Result refusal(const Job& job, const Target& target);
    void conclude(const Job& job, std::uint64_t size) const;
    Result unavailableFor(const std::exception_ptr& error, const Job& job) const;
    net::Task<> examine(net::Strand& strand, Job& job, Source message);
    net::Task<> beginExamining(net::Strand& strand, Job& job, Source message);
    net::Task<> scanned(net::Strand& strand, Job& job);
    net::Task<> endExamining(net::Strand& strand, Job& job, Source message);
    net::Task<> write(net::Strand& strand, std::function<void(store::WriteTx&)> work);
    net::Task<std::vector<Result>> run(net::Strand& strand, Job job, Spool& message);
    net::Task<AppendResult> append(net::Strand& strand, Appending wanted, Spool& messages);
};

Action Delivery::Inner::actionFor(const Job& job, const Target& target) const
{
    if (job.verdict.kind == Verdict::Kind::error && !policy().accept_unscanned)
        return Action::later;
    if (target.judgement.action < store::ScanAction::quarantine)
        return Action::store;
    // The author of an APPEND is there to be told; a sender far away is not, and his mail may be a false alarm.
    return job.append || target.judgement.action == store::ScanAction::reject ? Action::refuse : Action::quarantine;
}

// Disk work where anything was found: each recipient's own policy, and his domain's.
void Delivery::Inner::decide(Job& job, std::string_view received) const
{
    job.verdict = judged(std::move(job.verdict), job.understood);
    std::unique_ptr<store::ReadTx> tx;
    if (!job.verdict.findings.empty()) {
        tx = store.read();
        dropAllowed(*tx, job.verdict, received, clock.now());
    }
    for (auto& target : job.targets) {
        store::ScanPolicy in_force = policy().scan;
        if (tx && !job.verdict.findings.empty())
            if (const auto account = tx->account(target.account))
                in_force = account->scan.over(account->scan_of_domain).over(in_force);
        target.judgement = judge(job.verdict, in_force);
        target.action = actionFor(job, target);
    }
}

Result Delivery::Inner::refusal(const Job& job, const Target& target)
{
    Result result;
    const scanner::Finding& why = target.judgement.decisive;
    if (target.action == Action::later) {
        result.detail = job.verdict.name.empty() ? "no verdict" : job.verdict.name;
        return result;
    }
    result.detail = scanner::inWords(why);
    result.outcome = why.what == scanner::Class::infected ? Outcome::infected : Outcome::refused;
    return result;
}

// Without the head that each delivery gets anew. With the way, because a head before it may give a text another meaning.
base::Sha256 Delivery::Inner::hashOf(const Job& job, const Source& message, const std::string& refused)
{
    base::Sha256Stream stream;
    stream.update(job.way_in + '\n' + refused + '\n');
    stream.update(message.received());
    return stream.finish();
}

// A scan that goes on while we do something else.
struct Delivery::Inner::Asked {
    bool scanning = false;
    net::Handover handover;
    Verdict verdict; // the scanner's until it has given it
};

// Understands the message and has it scanned unless its verdict is known, and meanwhile prepares the body of a small one. A large one
// would go to the disk, though it may be refused.
void Delivery::Inner::look(Job& job, const Source& message, net::Strand& strand, const std::shared_ptr<Asked>& asked)
{
    const std::string refused = policy().attachment_types;
    job.understood = understand(message.view(), job.content, refused);
    job.hash = hashOf(job, message, refused);
    if (auto known = verdicts.find(job.hash, scanner.status())) {
        job.verdict = std::move(*known);
        job.content.pieces.clear();
    } else {
        const auto answer = [asked, self = strand.shared_from_this()](Verdict verdict) {
            asked->verdict = std::move(verdict);
            asked->handover.give(*self);
        };
        scanner.scan(std::move(job.content), answer);
        asked->scanning = true;
    }
    if (message.size <= kPreparedAtOnce)
        job.body = store.prepareBody(message.view());
}

// Disk and processor work: on a helper.
void Delivery::Inner::prepare(Job& job, std::string_view message)
{
    if (!job.body)
        job.body = store.prepareBody(message);
    if (!job.any(Action::quarantine))
        return;
    job.notices.resize(job.targets.size());
    for (std::size_t i = 0; i < job.targets.size(); ++i) {
        const Target& target = job.targets[i];
        if (target.action != Action::quarantine)
            continue;
        Notice notice;
        notice.server_name = policy().server_name;
        notice.recipient = target.address;
        notice.sender = job.understood.sender;
        notice.subject = job.understood.subject;
        notice.signature = scanner::inWords(target.judgement.decisive);
        notice.reason = scanner::wordFor(target.judgement.decisive.what);
        notice.received = clock.now();
        const std::string text = composeNotice(notice);
        job.notices[i].body = store.prepareBody(text);
        job.notices[i].summary = mail::serialize(mail::summarize(text));
    }
}

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

// Understands it, has it scanned, decides, and makes ready what is to be kept. Throws what a disk says.
net::Task<> Delivery::Inner::examine(net::Strand& strand, Job& job, Source message)
{
    co_await beginExamining(strand, job, message);
    co_await endExamining(strand, job, message);
}

// Until the scanner has it; what went wrong is thrown by what comes next.
net::Task<> Delivery::Inner::beginExamining(net::Strand& strand, Job& job, Source message)
{
    job.asked = std::make_shared<Asked>();
    auto looking = [this, &job, &message, &strand] { look(job, message, strand, job.asked); };
    try {
        co_await strand.offload(std::move(looking));
    } catch (...) {
        job.trouble = std::current_exception();
    }
}

net::Task<> Delivery::Inner::scanned(net::Strand& strand, Job& job)
{
    const std::shared_ptr<Asked> asked = std::exchange(job.asked, nullptr);
    if (!asked->scanning)
        co_return;
    co_await asked->handover.wait(strand);
    job.verdict = std::move(asked->verdict);
    verdicts.remember(job.hash, job.verdict);
}

net::Task<> Delivery::Inner::endExamining(net::Strand& strand, Job& job, Source message)
{
    co_await scanned(strand, job);
    if (job.trouble)
        std::rethrow_exception(job.trouble);

    if (job.verdict.findings.empty() && job.understood.findings.empty()) {
        decide(job, {}); // needs no disk
        if (!job.kept() || job.body)
            co_return;
        auto preparing = [this, &job, &message] { prepare(job, message.view()); };
        co_await strand.offload(std::move(preparing));
        co_return;
    }
    auto deciding = [this, &job, &message] {
        decide(job, job.append ? withoutOwnHead(message.view()) : message.received());
        if (job.kept())
            prepare(job, message.view());
    };
    co_await strand.offload(std::move(deciding));
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

net::Task<std::vector<Result>> Delivery::Inner::run(net::Strand& strand, Job job, Spool& message)
{
    job.results.resize(job.targets.size());
    const InFlight held(in_flight, message.size());
    if (!held.fits()) {
        base::logWarning("delivery", "too much at once, asked to come again", {{"size", message.size()}});
        co_return std::move(job.results);
    }
    std::exception_ptr trouble;
    try {
        const Source source{message, 0, message.size(), message.head()};
        co_await examine(strand, job, source);
        if (job.kept()) {
            std::function<void(store::WriteTx&)> work = [this, &job](store::WriteTx& tx) { commit(tx, job); };
            co_await write(strand, std::move(work));
        } else {
            for (std::size_t i = 0; i < job.targets.size(); ++i)
                job.results[i] = refusal(job, job.targets[i]);
        }
    } catch (const store::Error&) {
        trouble = std::current_exception();
    } catch (const std::system_error&) {
        trouble = std::current_exception();
    }
    if (trouble) {
        const Result failed = unavailableFor(trouble, job);
        // When nobody took it, each recipient's own reason stands already.
        for (auto& result : job.results)
            if (result.outcome == Outcome::stored || result.outcome == Outcome::quarantined || failed.outcome != Outcome::unavailable)
                result = failed;
    }
    conclude(job, message.size());
    co_return std::move(job.results);
}

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

Delivery::Delivery(store::Store& store, scanner::Client& scanner, const base::Clock& clock, Policy policy)
    : inner_(std::make_unique<Inner>(store, scanner, clock, std::move(policy)))
{
}

Delivery::~Delivery() = default;

const Policy& Delivery::policy() const { return inner_->policy(); }
void Delivery::setPolicy(Policy policy) { inner_->setPolicy(std::move(policy)); }

Spool Delivery::newSpool() const { return Spool(inner_->policy().spool_folder); }

Spool Delivery::newSpool(const Envelope& envelope) const
{
    // RFC 5321 4.4. "for" only where there is one recipient: with several it would show one what is for another.
    std::string head = "Return-Path: <" + envelope.from + ">\r\n";
    head += "Received: from " + envelope.client + "\r\n\tby " + inner_->policy().server_name + " (Postfach) with " + envelope.with + " id "
          + base::randomHex(8);
    if (envelope.recipients.size() == 1)
        head += "\r\n\tfor <" + envelope.recipients.front() + ">";
    head += ";\r\n\t" + mail::formatDate(inner_->clock.now()) + "\r\n";
    Spool spool = newSpool();
    spool.append(head);
    spool.endHead();
    return spool;
}

net::Task<std::vector<Result>> Delivery::deliver(net::Strand& strand, const Envelope& envelope, Spool& message)
{
    Inner::Job job;
    job.way_in = "lmtp";
    for (std::size_t i = 0; i < envelope.accounts.size(); ++i) {
        Inner::Target target;
        target.account = envelope.accounts[i];
        target.address = envelope.recipients[i];
        target.item.internal_date = inner_->clock.now();
        job.targets.push_back(std::move(target));
    }
    co_return co_await inner_->run(strand, std::move(job), message);
}

net::Task<AppendResult> Delivery::append(net::Strand& strand, Appending wanted, Spool& messages)
{
    co_return co_await inner_->append(strand, std::move(wanted), messages);
}

Result Delivery::import(const store::Account& account, const std::string& mailbox, const AppendItem& item, std::string_view message)
{
    Result result;
    if (message.size() > inner_->policy().message_size) {
        result.outcome = Outcome::tooLarge;
        return result;
    }
    Inner::Job job;
    job.way_in = "import";
    Inner::Target target;
    target.account = account.id;
    target.address = account.address;
    target.mailbox = mailbox;
    target.item = item;
    job.targets.push_back(std::move(target));
    job.results.resize(1);
    const std::string text = mail::normalizeLineEnds(message);
    try {
        job.understood = understand(text, job.content, inner_->policy().attachment_types);
        const auto verdict = std::make_shared<std::promise<Verdict>>(); // shared: set_value() may still be returning when get() has
        inner_->scanner.scan(std::move(job.content), [verdict](Verdict v) { verdict->set_value(std::move(v)); });
        job.verdict = verdict->get_future().get();
        inner_->decide(job, withoutOwnHead(text));
        if (job.kept()) {
            inner_->prepare(job, text);
            inner_->store.writeAndWait([this, &job](store::WriteTx& tx) { inner_->commit(tx, job); });
        } else {
            job.results.front() = Inner::refusal(job, job.targets.front());
        }
    } catch (const std::exception&) {
        const Result failed = inner_->unavailableFor(std::current_exception(), job);
        auto& own = job.results.front();
        if (own.outcome == Outcome::stored || own.outcome == Outcome::quarantined || failed.outcome != Outcome::unavailable)
            own = failed;
    }
    inner_->conclude(job, text.size());
    return std::move(job.results.front());
}

} // namespace postfach::delivery
