#include "server/base/text.h"
#include "server/lmtp/commands.h"
#include "server/lmtp/path.h"

namespace postfach::lmtp {

void requireSmtpUtf8(bool said, const std::string& address)
{
    if (!said && !base::isAscii(address))
        throw BadCommand("553 5.6.7 an address beyond ASCII needs SMTPUTF8");
}

// MAIL: RFC 5321 4.1.1.2; SIZE (RFC 1870) is checked before a byte is sent; BODY changes nothing: bytes are kept.
net::Task<> cmdMail(Session& session, std::string argument)
{
    if (session.transaction.open)
        throw BadCommand("503 5.5.1 a mail is under way: RSET first");
    const auto path = parsePath(argument, "FROM:");
    if (!path)
        throw BadCommand("501 5.1.7 malformed sender");
    for (const auto& [keyword, value] : path->parameters) {
        if (keyword == "SIZE") {
            const auto size = base::parseU64(value);
            if (!size)
                throw BadCommand("501 5.5.4 malformed SIZE");
            if (*size > session.context.delivery.policy().message_size)
                throw Reply("552 5.3.4 message too large");
        } else if (keyword != "BODY" && keyword != "SMTPUTF8") {
            throw BadCommand("555 5.5.4 unknown parameter");
        }
    }
    const bool utf8 = path->has("SMTPUTF8");
    requireSmtpUtf8(utf8, path->address);
    session.transaction.open = true;
    session.transaction.utf8 = utf8;
    session.transaction.from = path->address;
    session.reply("250 2.1.0 sender taken");
    co_return;
}

} // namespace postfach::lmtp
