#include "server/imap/commands.h"

#include "server/imap/command/all.h"

#include <algorithm>
#include <array>

namespace postfach::imap {
namespace {

using enum State;
using enum Numbering;

constexpr std::array kCommands{
    // RFC 9051 6.1: any state
    Command{"CAPABILITY", any, shifts, cmdCapability},
    Command{"NOOP", any, shifts, cmdNoop},
    Command{"LOGOUT", any, silent, cmdLogout},
    Command{"ID", any, shifts, cmdId},
    // 6.2: before login
    Command{"STARTTLS", notAuthenticated, silent, cmdStarttls},
    Command{"AUTHENTICATE", notAuthenticated, silent, cmdAuthenticate},
    Command{"LOGIN", notAuthenticated, silent, cmdLogin},
    // 6.3: after it
    Command{"ENABLE", authenticated, shifts, cmdEnable},
    Command{"COMPRESS", authenticated, silent, cmdCompress},
    Command{"UNAUTHENTICATE", authenticated, silent, cmdUnauthenticate},
    Command{"SELECT", authenticated, silent, cmdSelect},
    Command{"EXAMINE", authenticated, silent, cmdExamine},
    Command{"NAMESPACE", authenticated, shifts, cmdNamespace},
    Command{"LIST", authenticated, shifts, cmdList},
    Command{"LSUB", authenticated, shifts, cmdLsub},
    Command{"SUBSCRIBE", authenticated, shifts, cmdSubscribe},
    Command{"UNSUBSCRIBE", authenticated, shifts, cmdUnsubscribe},
    Command{"CREATE", authenticated, shifts, cmdCreate},
    Command{"DELETE", authenticated, shifts, cmdDelete},
    Command{"RENAME", authenticated, shifts, cmdRename},
    Command{"STATUS", authenticated, shifts, cmdStatus},
    Command{"APPEND", authenticated, shifts, cmdAppend},
    Command{"GETMETADATA", authenticated, shifts, cmdGetMetadata},
    Command{"SETMETADATA", authenticated, shifts, cmdSetMetadata},
    Command{"GETQUOTA", authenticated, shifts, cmdGetQuota},
    Command{"GETQUOTAROOT", authenticated, shifts, cmdGetQuotaRoot},
    Command{"SETQUOTA", authenticated, shifts, cmdSetQuota},
    Command{"IDLE", authenticated, shifts, cmdIdle},
    Command{"NOTIFY", authenticated, shifts, cmdNotify},
    Command{"ESEARCH", authenticated, keeps, cmdEsearch},
    // 6.4: with a mailbox
    Command{"CHECK", selected, shifts, cmdCheck},
    Command{"CLOSE", selected, silent, cmdClose},
    Command{"UNSELECT", selected, silent, cmdUnselect},
    Command{"EXPUNGE", selected, expunges, cmdExpunge},
    Command{"UID EXPUNGE", selected, expunges, cmdExpunge},
    Command{"SEARCH", selected, keeps, cmdSearch},
    Command{"UID SEARCH", selected, shifts, cmdSearch},
    Command{"CANCELUPDATE", selected, shifts, cmdCancelUpdate},
    Command{"SORT", selected, keeps, cmdSort},
    Command{"UID SORT", selected, shifts, cmdSort},
    Command{"THREAD", selected, keeps, cmdThread},
    Command{"UID THREAD", selected, shifts, cmdThread},
    Command{"FETCH", selected, keeps, cmdFetch},
    Command{"UID FETCH", selected, shifts, cmdFetch},
    Command{"STORE", selected, keeps, cmdStore},
    Command{"UID STORE", selected, shifts, cmdStore},
    Command{"REPLACE", selected, expunges, cmdReplace},
    Command{"UID REPLACE", selected, expunges, cmdReplace},
    Command{"COPY", selected, shifts, cmdCopy},
    Command{"UID COPY", selected, shifts, cmdCopy},
    Command{"MOVE", selected, expunges, cmdMove},
    Command{"UID MOVE", selected, expunges, cmdMove},
};

} // namespace

const Command* findCommand(std::string_view name)
{
    const auto row = std::find_if(kCommands.begin(), kCommands.end(), [name](const Command& c) { return c.name == name; });
    return row == kCommands.end() ? nullptr : &*row;
}

} // namespace postfach::imap
