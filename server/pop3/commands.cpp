#include "server/pop3/commands.h"
#include "server/base/text.h"

namespace postfach::pop3 {
namespace {
constexpr Command kCommands[] = {
    {"USER", kAuthorization, cmdUser}, {"PASS", kAuthorization, cmdPass}, {"AUTH", kAuthorization, cmdAuth}, {"APOP", kAuthorization, cmdApop},
    {"STLS", kAuthorization, cmdStls}, {"UTF8", kAuthorization, cmdUtf8}, {"LANG", kAnyState, cmdLang},      {"CAPA", kAnyState, cmdCapa},
    {"QUIT", kAnyState, cmdQuit},      {"NOOP", kTransaction, cmdNoop},   {"STAT", kTransaction, cmdStat},   {"LIST", kTransaction, cmdList},
    {"UIDL", kTransaction, cmdUidl},   {"RETR", kTransaction, cmdRetr},   {"TOP", kTransaction, cmdTop},     {"DELE", kTransaction, cmdDele},
    {"RSET", kTransaction, cmdRset},
};
} // namespace

const Command* findCommand(std::string_view verb)
{
    for (const auto& command : kCommands)
        if (base::iequals(command.name, verb))
            return &command;
    return nullptr;
}

void noArgument(const std::string& argument)
{
    if (!argument.empty())
        throw BadCommand("this command takes no argument");
}

std::uint32_t messageNumber(const Maildrop& maildrop, std::string_view argument)
{
    const auto number = base::parseU32(argument);
    if (!number)
        throw BadCommand("a message number is needed");
    if (*number == 0 || *number > maildrop.count())
        throw Refusal("there is no message with that number");
    if (maildrop.isDeleted(*number))
        throw Refusal("that message is marked as deleted");
    return *number;
}

} // namespace postfach::pop3
