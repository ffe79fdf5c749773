#include "server/pop3/commands.h"

namespace postfach::pop3 {

// NOOP. RFC 1939 5.
net::Task<> cmdNoop(Session& session, std::string argument)
{
    noArgument(argument);
    session.say("still here");
    co_return;
}

} // namespace postfach::pop3
