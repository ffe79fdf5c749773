#include "server/base/log.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"
#include "server/imap/syntax/writer.h"

namespace postfach::imap {

// RFC 2971. Clients say who they are for the log; we say our name and version, as the greeting does.
net::Task<Tagged> cmdId(Session& session, Request& request)
{
    constexpr int kPairs = 30; // RFC 2971 3.3
    Parser& args = request.args;
    std::string client;
    args.space();
    if (!args.tryWord("NIL")) {
        args.expect('(');
        args.trySpace();
        for (int pair = 0; !args.tryChar(')'); ++pair) {
            if (pair == kPairs)
                throw BadSyntax("Too many fields");
            const std::string field = args.string();
            args.space();
            const auto value = args.nstring();
            args.trySpace();
            client.append(client.empty() ? "" : " ").append(field).append("=").append(value.value_or(""));
        }
    }
    args.end();

    base::logDebug("imap", "client", {{"address", session.stream().peerAddress()}, {"id", client}});
    session.untagged("ID (\"name\" \"Postfach\" \"version\" \"" POSTFACH_VERSION "\")");
    co_return Tagged::ok("ID completed");
}

} // namespace postfach::imap
