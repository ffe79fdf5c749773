#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.2.1. Whatever is said in the clear behind STARTTLS ends the connection: it must never be answered under TLS
// (CVE-2011-0411 and its many sisters).
net::Task<Tagged> cmdStarttls(Session& session, Request& request)
{
    request.args.end();
    if (!session.canStartTls())
        throw BadSyntax(session.stream().isProtected() ? "TLS is there already" : "There is no certificate to do that with");
    if (session.stream().hasInput()) {
        Tagged refused("BAD Nothing may follow STARTTLS before TLS is there");
        refused.bye = "Nothing may follow STARTTLS";
        co_return refused;
    }
    session.stream().write(request.tag + " OK Begin TLS now\r\n");
    co_await session.stream().flush();
    co_await session.startTls();
    co_return Tagged(""); // answered above, in the clear
}

} // namespace postfach::imap
