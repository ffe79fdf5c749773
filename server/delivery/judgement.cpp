#include "server/delivery/judgement.h"
#include "server/base/hash.h"

#include <algorithm>

namespace postfach::delivery {
namespace {
using scanner::Class;
using scanner::Verdict;
using store::ScanAction;
using store::ScanPolicy;

std::string_view markFor(Class what)
{
    switch (what) {
    case Class::infected: return {}; // released by somebody who knew what it was
    case Class::encrypted: return store::kEncrypted;
    case Class::limit:
    case Class::timeout:
    case Class::broken: return store::kUnscanned;
    case Class::macros:
    case Class::phishing:
    case Class::attachment: return store::kSuspicious;
    }
    return {};
}

void addMark(std::vector<std::string_view>& marks, std::string_view mark)
{
    if (!mark.empty() && std::find(marks.begin(), marks.end(), mark) == marks.end())
        marks.push_back(mark);
}

} // namespace

ScanPolicy defaultScanPolicy()
{
    ScanPolicy policy;
    policy.actions.fill(ScanAction::mark);
    policy.actions[ScanPolicy::infected] = ScanAction::quarantine;
    return policy;
}

ScanPolicy::Line lineFor(Class what)
{
    switch (what) {
    case Class::infected: return ScanPolicy::infected;
    case Class::encrypted: return ScanPolicy::encrypted;
    case Class::limit: return ScanPolicy::limits;
    case Class::macros: return ScanPolicy::macros;
    case Class::phishing: return ScanPolicy::phishing;
    case Class::attachment: return ScanPolicy::attachments;
    case Class::timeout:
    case Class::broken: break;
    }
    return ScanPolicy::unscannable;
}

Judgement judge(const Verdict& verdict, const ScanPolicy& policy)
{
    Judgement judgement;
    if (verdict.kind == Verdict::Kind::error)
        addMark(judgement.marks, store::kUnscanned);
    for (const auto& finding : verdict.findings) { // the worst first, so of two that ask for the same the worse is named
        const auto line = lineFor(finding.what);
        const ScanAction action = policy.actions[line].value_or(ScanAction::quarantine);
        if (action > judgement.action) {
            judgement.action = action;
            judgement.decisive = finding;
        }
        if (finding.what == Class::infected)
            return judgement;
        if (action != ScanAction::deliver)
            addMark(judgement.marks, markFor(finding.what));
    }
    return judgement;
}

void dropAllowed(store::ReadTx& tx, Verdict& verdict, std::string_view as_came, store::Time now)
{
    using Kind = store::Allowance::Kind;
    if (verdict.findings.empty())
        return;
    if (tx.isAllowed(Kind::content, base::hex(base::sha256(as_came)), now))
        return verdict.keepOnly([](const scanner::Finding&) { return false; });
    verdict.keepOnly([&](const scanner::Finding& finding) {
        return scanner::namesOthers(finding) || !tx.isAllowed(Kind::signature, finding.name, now);
    });
}

store::ScanRecord recordOf(const Verdict& verdict, store::Time now)
{
    using Kept = store::ScanRecord::Verdict;
    store::ScanRecord record;
    switch (verdict.kind) {
    case Verdict::Kind::clean: record.verdict = Kept::clean; break;
    case Verdict::Kind::infected: record.verdict = Kept::infected; break;
    case Verdict::Kind::unscannable: record.verdict = Kept::unscannable; break;
    case Verdict::Kind::suspicious: record.verdict = Kept::suspicious; break;
    case Verdict::Kind::error: record.verdict = Kept::none; break;
    }
    record.name = verdict.name;
    record.signatures = verdict.signatures;
    record.when = now;
    record.reason = verdict.findings.empty() ? "" : wordFor(verdict.findings.front().what);
    record.engine = verdict.engine;
    record.milliseconds = verdict.milliseconds;
    return record;
}

} // namespace postfach::delivery
