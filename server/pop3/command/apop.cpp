#include "server/pop3/commands.h"

namespace postfach::pop3 {

// APOP: refused. It is proof of a password that the server must know in the clear; here only its hash is kept. The greeting has no
// time stamp, so no client that follows RFC 1939 7 tries it.
net::Task<> cmdApop(Session&, std::string)
{
    throw BadCommand("[AUTH] APOP is not offered: it needs passwords kept in the clear");
    co_return;
}

} // namespace postfach::pop3
