#include "server/auth/sasl.h"
#include "server/base/limits.h"
#include "server/net/sessions.h"
#include "server/pop3/commands.h"

namespace postfach::pop3 {

// AUTH: SASL. RFC 5034, with an initial response or without; the mechanisms are in server/auth/sasl.h.
net::Task<> cmdAuth(Session& session, std::string argument)
{
    if (argument.empty()) { // asked for the list, as some clients do (RFC 1734's successor practice)
        session.say("mechanisms follow");
        if (session.mayLogin())
            for (const std::string_view mechanism : auth::saslMechanisms(!session.stream.tls().exporter.empty()))
                session.line(mechanism);
        session.line(".");
        co_return;
    }
    if (!session.mayLogin())
        throw Refusal("[AUTH] logging in needs TLS: use STLS or the TLS port");
    const auto blank = argument.find(' ');
    session.stream.strand().record().loginBegins();
    auth::SaslPeer peer("pop3", session.stream.peerAddress(), session.stream.isProtected(), session.stream.tls().exporter);
    const auto exchange = auth::SaslExchange::begin(session.context.authenticator, argument.substr(0, blank), std::move(peer));
    if (!exchange)
        throw BadCommand("[AUTH] unknown mechanism");
    std::optional<std::string> line;
    if (blank != std::string::npos)
        line = argument.substr(blank + 1);
    for (;;) {
        auth::SaslTurn turn = co_await exchange->step(session.stream.strand(), std::move(line));
        switch (turn.kind) {
        case auth::SaslTurn::Kind::challenge: break;
        case auth::SaslTurn::Kind::done: {
            co_await session.enter(std::move(turn.login));
            co_return;
        }
        case auth::SaslTurn::Kind::aborted: throw Refusal("[AUTH] given up");
        case auth::SaslTurn::Kind::malformed: throw BadCommand("[AUTH] that is not what the mechanism wants");
        }
        session.line("+ " + turn.challenge);
        const std::string_view answer = co_await session.stream.line(base::limits::kLineBeforeLogin);
        line = std::string(answer);
    }
}

} // namespace postfach::pop3
