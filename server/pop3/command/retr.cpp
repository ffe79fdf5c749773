#include "server/pop3/commands.h"
#include "server/pop3/message_stream.h"

namespace postfach::pop3 {

// RETR: the whole message; it counts as read from here on. RFC 1939 5.
net::Task<> cmdRetr(Session& session, std::string argument)
{
    const std::uint32_t number = messageNumber(session.maildrop(), argument);
    co_await sendMessage(session, number, std::nullopt);
    session.maildrop().markRetrieved(number);
}

} // namespace postfach::pop3
