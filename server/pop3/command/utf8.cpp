#include "server/pop3/commands.h"

namespace postfach::pop3 {

// UTF8: the client reads UTF-8 in headers and may send it in names. Messages are served as they are, with UTF8 and without: their bytes
// are what was delivered, and a client that cannot read one is better served by its bytes than by -ERR [UTF8]. RFC 6856 2.
net::Task<> cmdUtf8(Session& session, std::string argument)
{
    noArgument(argument);
    session.utf8 = true;
    session.ok("UTF8");
    co_return;
}

} // namespace postfach::pop3
