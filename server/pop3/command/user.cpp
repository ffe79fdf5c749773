#include "server/base/text.h"
#include "server/pop3/commands.h"

namespace postfach::pop3 {

// USER: names the account; says nothing of whether it exists. RFC 1939 7.
net::Task<> cmdUser(Session& session, std::string argument)
{
    if (argument.empty())
        throw BadCommand("USER needs a name");
    if (!session.mayLogin())
        throw Refusal("[AUTH] logging in needs TLS: use STLS or the TLS port");
    if (!base::isUtf8(argument))
        throw Refusal("[AUTH] the name is no UTF-8"); // RFC 6856 2.2
    session.user = std::move(argument);
    session.say("now the password");
    co_return;
}

} // namespace postfach::pop3
