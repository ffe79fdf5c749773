#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// HELO and EHLO belong to SMTP: RFC 2033 4.1 wants them refused with 500.
net::Task<> cmdHelo(Session&, std::string)
{
    throw BadCommand("500 5.5.1 this is LMTP: say LHLO");
    co_return;
}

} // namespace postfach::lmtp
