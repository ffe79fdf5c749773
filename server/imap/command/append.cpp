#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <algorithm>
#include <system_error>

// APPEND: RFC 9051 6.3.12, RFC 4315 2 (APPENDUID), RFC 7889 (APPENDLIMIT). The message goes through the delivery door as any
// other mail. All that can be known before is refused before the client sends.

namespace postfach::imap {
namespace {

struct Announced {
    std::string mailbox;
    delivery::AppendItem item;
};

Announced parseArguments(Session& session, Parser& args)
{
    Announced announced;
    args.space();
    announced.mailbox = mailboxArgument(args, session.enabled());
    args.space();
    if (args.peek() == '(') {
        Parser::FlagNames flags = args.flagList();
        announced.item.flags = flags.system;
        announced.item.keywords = std::move(flags.keywords);
        args.space();
    }
    announced.item.internal_date = session.context().clock.now();
    if (args.peek() == '"') {
        announced.item.internal_date = args.dateTime();
        args.space();
    }
    args.end();
    return announced;
}

// Takes the literal off the wire into the spool. Disk is touched on a helper only. False: the spool could not be written; the
// literal is off the wire all the same.
net::Task<bool> receive(Session& session, Literal literal, delivery::Spool& spool)
{
    bool kept = true;
    std::string gathered;
    std::uint64_t left = literal.size;
    while (left > 0) {
        const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(left, base::limits::kSpoolInMemory));
        const std::string_view piece = co_await session.stream().some(most);
        left -= piece.size();
        gathered += piece;
        session.stillAlive();
        if (left > 0 && gathered.size() < base::limits::kSpoolInMemory)
            continue;
        const bool to_disk = spool.size() + gathered.size() > base::limits::kSpoolInMemory;
        try {
            if (kept && to_disk) {
                auto write = [&spool, &gathered] { spool.append(gathered); };
                co_await session.strand().offload(std::move(write));
            } else if (kept) {
                spool.append(gathered);
            }
        } catch (const std::system_error& error) {
            base::logError("imap", "spool", {{"account", session.account().address}, {"reason", error.what()}});
            kept = false;
        }
        gathered.clear();
    }
    co_return kept;
}

[[noreturn]] void refuse(const delivery::Result& result)
{
    using enum delivery::Outcome;
    switch (result.outcome) {
    case infected: throw No("CANNOT", "message contains " + result.detail);
    case unscannable: throw No("CANNOT", "message could not be scanned: " + result.detail);
    case overQuota: throw No("OVERQUOTA", "The account is full; delete something first");
    case noMailbox: throw No("TRYCREATE", "There is no such mailbox");
    case tooLarge: throw No("TOOBIG", "The message is too large");
    case limit: throw No("LIMIT", "That is more than an account may have");
    case stored:
    case quarantined:
    case unavailable: break;
    }
    throw No("UNAVAILABLE", "The message cannot be taken now; try again later");
}

} // namespace

net::Task<Tagged> cmdAppend(Session& session, Request& request)
{
    const Announced announced = parseArguments(session, request.args);
    if (!request.message)
        throw BadSyntax("A message as a literal expected");
    const Literal literal = *request.message;
    if (literal.size > session.context().messageSize())
        throw No("TOOBIG", "The message is too large");

    const store::AccountId id = session.account().id;
    auto look = [&announced, id, &literal](store::ReadTx& tx) {
        if (!tx.findMailbox(id, announced.mailbox))
            throw No("TRYCREATE", "There is no such mailbox");
        const auto account = tx.account(id);
        if (account && account->quota != 0 && account->used + literal.size > account->quota)
            throw No("OVERQUOTA", "The account is full; delete something first");
        return true;
    };
    co_await reading(session.strand(), session.store(), std::move(look));

    if (literal.waits)
        session.stream().write("+ Send the message\r\n");
    request.message.reset();
    delivery::Spool spool = session.context().delivery.newSpool();
    const bool kept = co_await receive(session, literal, spool);
    const std::string_view behind = co_await session.stream().line(base::limits::kLineAfterLogin);
    if (literalAtEnd(behind))
        throw Bye("Only one message at a time");
    if (!behind.empty())
        throw BadSyntax("Nothing may follow the message");
    if (!kept)
        throw No("UNAVAILABLE", "The message cannot be taken now; try again later");

    delivery::Delivery& door = session.context().delivery;
    const delivery::Result result = co_await door.append(session.strand(), session.account(), announced.mailbox, announced.item, spool);
    if (result.outcome != delivery::Outcome::stored)
        refuse(result);
    const std::string code = "APPENDUID " + std::to_string(result.where.uid_validity) + ' ' + std::to_string(result.where.uid.value);
    co_return Tagged::ok(code, "APPEND completed");
}

} // namespace postfach::imap
