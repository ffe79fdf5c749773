#include "server/imap/refusal.h"

#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/imap/errors.h"
#include "server/imap/syntax/parser.h"
#include "server/imap/syntax/search.h"
#include "server/net/stream.h"
#include "server/store/types.h"

namespace postfach::imap {
namespace {

std::string no(std::string_view code, std::string_view text)
{
    std::string line = "NO ";
    if (!code.empty())
        line.append("[").append(code).append("] ");
    return line.append(text);
}

// The reference ties the client's answer to the log's line, where the reason stands.
std::string ours(std::string_view code, std::string_view text, std::string_view command, const char* reason)
{
    const std::string reference = base::newReference();
    base::logError("imap", "command failed", {{"command", command}, {"reference", reference}, {"reason", reason}});
    return no(code, std::string(text) + ", reference " + reference);
}

std::string ofStore(const store::Error& error, std::string_view command)
{
    using enum store::Error::Kind;
    switch (error.kind) {
    case noSuchMailbox: return no("NONEXISTENT", "There is no such mailbox");
    case noSuchAccount: return no("NONEXISTENT", "The account is gone");
    case noSuchMessage:
    case noSuchEntry: return no("EXPUNGEISSUED", "Some of the messages no longer exist");
    case alreadyExists: return no("ALREADYEXISTS", "There is such a mailbox already");
    case notEmpty: return no("HASCHILDREN", "The mailbox has mailboxes below it; delete those first");
    case badName: return no("CANNOT", "A mailbox cannot have that name");
    case reserved: return no("CANNOT", "That mailbox must stay");
    case overQuota: return no("OVERQUOTA", "The account is full; delete something first");
    case infected: return no("CANNOT", "The message is infected");
    case limit: return no("LIMIT", "That is more than an account may have");
    case diskFull:
    case unavailable: return ours("UNAVAILABLE", "The server cannot do this now; try again later", command, error.what());
    case damaged: return ours("CORRUPTION", "Stored data is damaged; tell the administrator", command, error.what());
    }
    return ours("SERVERBUG", "Internal error", command, error.what());
}

} // namespace

Refusal refusalOf(const std::exception_ptr& error, std::string_view command)
{
    try {
        std::rethrow_exception(error);
    } catch (const net::SessionOver&) {
        throw;
    } catch (const net::LineTooLong&) {
        throw;
    } catch (const Bye&) {
        throw;
    } catch (const BadSyntax& e) {
        return {"BAD " + base::printable(e.what()), true};
    } catch (const Bad& e) {
        return {"BAD [" + e.code + "] " + e.what(), true};
    } catch (const No& e) {
        return {no(e.code, e.what()), false};
    } catch (const BadCharset&) {
        return {no("BADCHARSET (UTF-8 US-ASCII)", "The charset is not known"), false};
    } catch (const store::Error& e) {
        return {ofStore(e, command), false};
    } catch (const std::exception& e) {
        return {ours("SERVERBUG", "Internal error", command, e.what()), false};
    }
}

} // namespace postfach::imap
