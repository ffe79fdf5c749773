#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 4978 3. The answer is the last thing said uncompressed. Whatever the client sent behind the command is compressed
// already; one that sent plain text there has broken the rule to wait, and ends as corrupt data does.
net::Task<Tagged> cmdCompress(Session& session, Request& request)
{
    request.args.space();
    const std::string algorithm = request.args.atom();
    request.args.end();
    if (!base::iequals(algorithm, "DEFLATE"))
        throw BadSyntax("DEFLATE is the only compression there is");
    if (session.stream().isCompressed())
        throw No("COMPRESSIONACTIVE", "DEFLATE is active already");
    session.stream().write(request.tag + " OK DEFLATE active\r\n");
    co_await session.stream().startDeflate();
    co_return Tagged(""); // answered above, uncompressed
}

} // namespace postfach::imap
