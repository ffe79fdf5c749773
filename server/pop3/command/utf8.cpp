#include "server/pop3/commands.h"

namespace postfach::pop3 {

// UTF8: the client reads UTF-8 in headers and may send it in names. Who said it gets messages as they are; who did not, the surrogates of
// server/mail/surrogate.h where a header is not ASCII. RFC 6856 2.
net::Task<> cmdUtf8(Session& session, std::string argument)
{
    noArgument(argument);
    session.utf8 = true;
    session.ok("UTF8");
    co_return;
}

} // namespace postfach::pop3
