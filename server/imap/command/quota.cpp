#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"

// GETQUOTA, GETQUOTAROOT and SETQUOTA: RFC 9208 4.1. An account is one quota root, whatever its mailboxes are. Only an administrator
// changes quotas, so QUOTASET is not announced.

namespace postfach::imap {
namespace {

constexpr std::string_view kRoot = "User quota"; // the name other servers give it: clients show it

// Rounded up on both sides: what is full looks full, and a limit is never 0, which would say that nothing may be kept.
std::uint64_t kibibytes(std::uint64_t bytes) { return bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0); }

// "* QUOTA "User quota" (STORAGE 10 512)". What has no limit is not named (RFC 9208 4.2.1).
std::string quotaLine(const store::Account& account)
{
    std::string line = "QUOTA ";
    putAstring(line, kRoot);
    line += " (";
    if (account.quota != 0)
        line += "STORAGE " + std::to_string(kibibytes(account.used)) + ' ' + std::to_string(kibibytes(account.quota));
    if (account.quota != 0 && account.quota_messages != 0)
        line += ' ';
    if (account.quota_messages != 0)
        line += "MESSAGE " + std::to_string(account.messages) + ' ' + std::to_string(account.quota_messages);
    return line + ')';
}

net::Task<> tellQuota(Session& session)
{
    const store::AccountId id = session.account().id;
    auto look = [id](store::ReadTx& tx) {
        const auto account = tx.account(id);
        if (!account)
            throw store::Error(store::Error::Kind::noSuchAccount, "quota");
        return quotaLine(*account);
    };
    const std::string line = co_await reading(session.strand(), session.store(), std::move(look));
    session.untagged(line);
}

void requireRoot(const std::string& name)
{
    if (name != kRoot)
        throw No("NONEXISTENT", "There is no such quota root");
}

} // namespace

net::Task<Tagged> cmdGetQuota(Session& session, Request& request)
{
    request.args.space();
    const std::string root = request.args.astring();
    request.args.end();
    requireRoot(root);
    co_await tellQuota(session);
    co_return Tagged::ok("GETQUOTA completed");
}

// The mailbox need not exist: what it would count against is known before (RFC 9208 4.1.2).
net::Task<Tagged> cmdGetQuotaRoot(Session& session, Request& request)
{
    request.args.space();
    const std::string mailbox = mailboxArgument(request.args, session.enabled());
    request.args.end();
    std::string line = "QUOTAROOT ";
    putMailbox(line, base::iequals(mailbox, "INBOX") ? "INBOX" : mailbox, session.enabled());
    line += ' ';
    putAstring(line, kRoot);
    session.untagged(line);
    co_await tellQuota(session);
    co_return Tagged::ok("GETQUOTAROOT completed");
}

net::Task<Tagged> cmdSetQuota(Session&, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string root = args.astring();
    args.space();
    args.expect('(');
    while (!args.tryChar(')')) {
        args.atom();
        args.space();
        args.number64();
        if (!args.trySpace() && args.peek() != ')')
            throw BadSyntax("')' expected");
    }
    args.end();
    requireRoot(root);
    co_return Tagged("NO [NOPERM] Only an administrator changes quotas");
}

} // namespace postfach::imap
