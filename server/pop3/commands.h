#pragma once
// Every command of POP3: its name, the states it is allowed in, its function. One file a command in command/.
#include "server/pop3/session.h"

#include <string>
#include <string_view>

namespace postfach::pop3 {

struct Command {
    std::string_view name;
    unsigned states;
    net::Task<> (*run)(Session& session, std::string argument);
};
const Command* findCommand(std::string_view verb); // any case; null when unknown

net::Task<> cmdApop(Session& session, std::string argument);
net::Task<> cmdAuth(Session& session, std::string argument);
net::Task<> cmdCapa(Session& session, std::string argument);
net::Task<> cmdDele(Session& session, std::string argument);
net::Task<> cmdLang(Session& session, std::string argument);
net::Task<> cmdList(Session& session, std::string argument);
net::Task<> cmdNoop(Session& session, std::string argument);
net::Task<> cmdPass(Session& session, std::string argument);
net::Task<> cmdQuit(Session& session, std::string argument);
net::Task<> cmdRetr(Session& session, std::string argument);
net::Task<> cmdRset(Session& session, std::string argument);
net::Task<> cmdStat(Session& session, std::string argument);
net::Task<> cmdStls(Session& session, std::string argument);
net::Task<> cmdTop(Session& session, std::string argument);
net::Task<> cmdUidl(Session& session, std::string argument);
net::Task<> cmdUser(Session& session, std::string argument);
net::Task<> cmdUtf8(Session& session, std::string argument);

// --- what arguments have in common; both throw Refusal
void noArgument(const std::string& argument);
// A number of the maildrop that is there and not deleted.
std::uint32_t messageNumber(const Maildrop& maildrop, std::string_view argument);

} // namespace postfach::pop3
