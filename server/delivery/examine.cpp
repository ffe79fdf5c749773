// A message until it is known what becomes of it: understood, scanned, judged, its body made ready.
#include "server/base/hash.h"
#include "server/delivery/inner.h"
#include "server/delivery/received.h"
#include "server/delivery/release_request.h"
#include "server/delivery/notice.h"
#include "server/mail/summary.h"

#include <utility>

namespace postfach::delivery {
namespace {
using scanner::Verdict;

constexpr std::uint64_t kPreparedAtOnce = 64 * 1024; // bytes; the store makes no file of so few
} // namespace

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
        job.content.key = base::hex(job.hash);
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
        job.notices[i].token = newReleaseToken();
        Notice notice;
        notice.server_name = policy().server_name;
        notice.recipient = target.address;
        notice.sender = job.understood.sender;
        notice.subject = job.understood.subject;
        notice.signature = scanner::inWords(target.judgement.decisive);
        notice.reason = scanner::wordFor(target.judgement.decisive.what);
        notice.received = clock.now();
        notice.token = job.notices[i].token;
        const std::string text = composeNotice(notice);
        job.notices[i].body = store.prepareBody(text);
        job.notices[i].summary = mail::serialize(mail::summarize(text));
    }
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

} // namespace postfach::delivery
