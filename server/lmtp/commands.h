#pragma once
// Every command of LMTP and its function. One file a command in command/.
#include "server/lmtp/session.h"

#include <string>
#include <string_view>

namespace postfach::lmtp {

struct Command {
    std::string_view name;
    bool needs_greeting;
    net::Task<> (*run)(Session& session, std::string argument);
};
const Command* findCommand(std::string_view verb); // any case; null when unknown

net::Task<> cmdLhlo(Session& session, std::string argument);
net::Task<> cmdHelo(Session& session, std::string argument);
net::Task<> cmdMail(Session& session, std::string argument);
net::Task<> cmdRcpt(Session& session, std::string argument);
net::Task<> cmdData(Session& session, std::string argument);
net::Task<> cmdRset(Session& session, std::string argument);
net::Task<> cmdNoop(Session& session, std::string argument);
net::Task<> cmdVrfy(Session& session, std::string argument);
net::Task<> cmdQuit(Session& session, std::string argument);
net::Task<> cmdStarttls(Session& session, std::string argument);

// Of MAIL and RCPT: an address beyond ASCII is taken where MAIL said SMTPUTF8 (RFC 6531 3.4); BadCommand.
void requireSmtpUtf8(bool said, const std::string& address);

} // namespace postfach::lmtp
