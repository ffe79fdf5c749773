#include "server/imap/appending.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.3.12, RFC 3502 (several messages: all or none), RFC 4315 2 (APPENDUID), RFC 7889 (APPENDLIMIT). The messages go through
// the delivery door as any other mail.
net::Task<Tagged> cmdAppend(Session& session, Request& request)
{
    request.args.space();
    std::string mailbox = mailboxArgument(request.args, session.enabled());
    Appending appending(session, request, std::move(mailbox));
    do
        co_await appending.take();
    while (!appending.atEnd());
    const std::string code = co_await appending.store();
    co_return Tagged::ok(code, "APPEND completed");
}

} // namespace postfach::imap
