#include "server/base/log.h"
#include "server/net/sessions.h"
#include "server/pop3/commands.h"

namespace postfach::pop3 {

// QUIT: the UPDATE state. "+OK" comes after the deletions are on disk; when they could not be made the client is told, and
// nothing was deleted. RFC 1939 6.
net::Task<> cmdQuit(Session& session, std::string argument)
{
    noArgument(argument);
    session.leaving = true;
    session.stream.strand().record().state("update");
    if (session.inTransaction() && session.maildrop().hasWork(true)) {
        const std::size_t leaving_messages = session.maildrop().leaving();
        std::exception_ptr failure;
        std::function<void(std::function<void()>)> write = [&session, &failure](std::function<void()> done) {
            session.context.store.write([&session](store::WriteTx& tx) { session.maildrop().close(tx, true); },
                                        [&failure, done](std::exception_ptr error) {
                                            failure = error;
                                            done();
                                        });
        };
        co_await session.stream.strand().completion(std::move(write));
        session.closeMaildrop();
        if (failure) {
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                base::logError("pop3", "deletions not carried out", {{"reason", error.what()}});
            }
            throw Refusal("[SYS/TEMP] the deletions were not carried out, nothing was lost");
        }
        if (leaving_messages > 0)
            base::logInfo("pop3", "messages left the maildrop", {{"account", session.account()}, {"messages", leaving_messages}});
    }
    session.say("goodbye");
}

} // namespace postfach::pop3
