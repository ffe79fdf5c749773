#include "server/auth/sasl.h"
#include "server/base/limits.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"
#include "server/net/sessions.h"

namespace postfach::imap {

// RFC 9051 6.2.2 with SASL-IR (RFC 4959); the mechanisms are in server/auth/sasl.h.
net::Task<Tagged> cmdAuthenticate(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string mechanism = args.atom();
    std::optional<std::string> line;
    if (args.trySpace() && !args.atEnd())
        line = args.rest();
    if (!session.mayLogin())
        throw No("PRIVACYREQUIRED", "Logging in needs TLS; say STARTTLS first");
    net::Stream& stream = session.stream();
    session.strand().record().loginBegins();
    auth::SaslPeer peer("imap", stream.peerAddress(), stream.isProtected(), stream.tls().exporter);
    const auto exchange = auth::SaslExchange::begin(session.context().authenticator, mechanism, std::move(peer));
    if (!exchange)
        throw No("CANNOT", "That mechanism is not known here");
    for (;;) {
        auth::SaslTurn turn = co_await exchange->step(session.strand(), std::move(line));
        switch (turn.kind) {
        case auth::SaslTurn::Kind::challenge: break;
        case auth::SaslTurn::Kind::done: co_return session.welcome(turn.login);
        case auth::SaslTurn::Kind::aborted: throw BadSyntax("Given up");
        case auth::SaslTurn::Kind::malformed: throw BadSyntax("That is not what the mechanism wants");
        }
        stream.write("+ " + turn.challenge + "\r\n");
        const std::string_view answer = co_await stream.line(base::limits::kLineBeforeLogin);
        line = std::string(answer);
    }
}

} // namespace postfach::imap
