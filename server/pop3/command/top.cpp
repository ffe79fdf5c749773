#include "server/base/text.h"
#include "server/pop3/commands.h"
#include "server/pop3/message_stream.h"

namespace postfach::pop3 {

// TOP: the header, the empty line and so many lines of the body. Not counted as read. RFC 1939 7.
net::Task<> cmdTop(Session& session, std::string argument)
{
    const auto blank = argument.find(' ');
    if (blank == std::string::npos)
        throw BadCommand("TOP needs a message number and a number of lines");
    const std::uint32_t number = messageNumber(session.maildrop(), std::string_view(argument).substr(0, blank));
    const auto lines = base::parseU32(base::trim(std::string_view(argument).substr(blank)));
    if (!lines)
        throw BadCommand("TOP needs a number of lines");
    co_await sendMessage(session, number, lines);
}

} // namespace postfach::pop3
