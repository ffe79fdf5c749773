#include "server/base/log.h"
#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"
#include "server/imap/syntax/writer.h"
#include "server/net/sessions.h"

namespace postfach::imap {

// RFC 2971. Clients say who they are for the log; we say our name and version, as the greeting does.
net::Task<Tagged> cmdId(Session& session, Request& request)
{
    constexpr int kPairs = 30; // RFC 2971 3.3
    Parser& args = request.args;
    std::string client, name, version;
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
            if (base::iequals(field, "name") || base::iequals(field, "version"))
                (base::iequals(field, "name") ? name : version) = value.value_or("");
            client.append(client.empty() ? "" : " ").append(field).append("=").append(value.value_or(""));
        }
    }
    args.end();

    base::logDebug("imap", "client", {{"address", session.stream().peerAddress()}, {"id", client}});
    session.strand().record().client(version.empty() ? name : name + ' ' + version);
    session.untagged("ID (\"name\" \"Postfach\" \"version\" \"" POSTFACH_VERSION "\")");
    co_return Tagged::ok("ID completed");
}

} // namespace postfach::imap
