#include "server/base/limits.h"
#include "server/delivery/release_request.h"
#include "server/lmtp/commands.h"
#include "server/lmtp/path.h"
#include "server/net/sessions.h"

namespace postfach::lmtp {
namespace {

struct Destination { // one of both, or nothing
    std::vector<store::AccountId> accounts;
    std::string token;
    Destination() = default;
};

Destination destinationOf(store::ReadTx& tx, const std::string& address)
{
    Destination found;
    if (const auto token = delivery::releaseToken(address); !token.empty() && !tx.quarantineBehind(token).empty())
        found.token = token;
    else
        found.accounts = tx.resolve(address);
    return found;
}

} // namespace

// RCPT: a recipient is taken when somebody here gets its mail. RFC 5321 4.1.1.3, bounded as 4.5.3.1.10 allows.
net::Task<> cmdRcpt(Session& session, std::string argument)
{
    auto& transaction = session.transaction;
    if (!transaction.open)
        throw BadCommand("503 5.5.1 MAIL first");
    const auto path = parsePath(argument, "TO:");
    if (!path || path->address.empty())
        throw BadCommand("553 5.1.3 malformed recipient");
    if (!path->parameters.empty())
        throw BadCommand("555 5.5.4 unknown parameter");
    requireSmtpUtf8(transaction.utf8, path->address);
    if (transaction.recipients.size() >= static_cast<std::size_t>(base::limits::kRecipients))
        throw Reply("452 4.5.3 too many recipients");
    auto resolve = [&session, &path] { return destinationOf(*session.context.store.read(), path->address); };
    Destination destination = co_await session.stream.strand().offload(std::move(resolve));
    if (destination.accounts.empty() && destination.token.empty())
        throw Reply("550 5.1.1 no such user here");
    transaction.recipients.push_back(path->address);
    transaction.accounts.push_back(std::move(destination.accounts));
    transaction.tokens.push_back(std::move(destination.token));
    session.stream.strand().record().vouched(); // an MTA with mail for somebody here
    session.reply("250 2.1.5 recipient taken");
}

} // namespace postfach::lmtp
