#include "server/lmtp/commands.h"
#include "server/base/text.h"

namespace postfach::lmtp {
namespace {
constexpr Command kCommands[] = {
    {"LHLO", false, cmdLhlo}, {"MAIL", true, cmdMail},  {"RCPT", true, cmdRcpt},  {"DATA", true, cmdData},
    {"RSET", false, cmdRset}, {"NOOP", false, cmdNoop}, {"VRFY", false, cmdVrfy}, {"QUIT", false, cmdQuit},
    {"HELO", false, cmdHelo}, {"EHLO", false, cmdHelo}, {"STARTTLS", true, cmdStarttls},
};
} // namespace

const Command* findCommand(std::string_view verb)
{
    for (const auto& command : kCommands)
        if (base::iequals(command.name, verb))
            return &command;
    return nullptr;
}

} // namespace postfach::lmtp
