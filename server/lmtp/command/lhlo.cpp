#include "server/base/text.h"
#include "server/lmtp/commands.h"
#include "server/net/sessions.h"

namespace postfach::lmtp {

// LHLO: RFC 2033 4.1. What is announced is what is done: 8BITMIME, SIZE, SMTPUTF8, one answer a recipient.
net::Task<> cmdLhlo(Session& session, std::string argument)
{
    if (argument.empty())
        throw BadCommand("501 5.5.4 LHLO needs the name of the client");
    session.client_name = base::printable(argument, 255);
    session.transaction = Transaction{};
    session.stream.strand().record().client(session.client_name);
    session.reply("250-" + session.context.server_name);
    for (const auto* extension : {"250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-SMTPUTF8"})
        session.reply(extension);
    if (!session.stream.isTls())
        session.reply("250-STARTTLS");
    session.reply("250 SIZE " + std::to_string(session.context.delivery.policy().message_size));
    co_return;
}

} // namespace postfach::lmtp
