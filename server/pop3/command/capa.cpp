#include "server/auth/sasl.h"
#include "server/pop3/commands.h"

#include <string>

namespace postfach::pop3 {
namespace {

std::string expire(std::uint32_t days) { return days == store::Pop3Policy::kForEver ? "EXPIRE NEVER" : "EXPIRE " + std::to_string(days); }

} // namespace

// CAPA: what is true now, before and after login, with TLS and without. RFC 2449 5, 6; RFC 6856 2, 3.
// EXPIRE is the account's own retention once it is known; before that the least of all with USER, which says that it may be more.
net::Task<> cmdCapa(Session& session, std::string argument)
{
    noArgument(argument);
    std::string retention;
    if (session.inTransaction()) {
        retention = expire(session.maildrop().policy().retention.value_or(store::Pop3Policy::kForEver));
    } else {
        auto least = [&session] { return session.context.store.read()->leastPop3Retention(); };
        const std::uint32_t days = co_await session.stream.strand().offload(std::move(least));
        retention = expire(days);
        if (days != store::Pop3Policy::kForEver)
            retention += " USER";
    }
    session.say("capabilities follow");
    for (const auto* capability : {"TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "LOGIN-DELAY 0", "UTF8 USER", "LANG"})
        session.line(capability);
    session.line(retention);
    if (session.mayLogin()) {
        session.line("USER");
        std::string sasl = "SASL";
        for (const std::string_view mechanism : auth::saslMechanisms(!session.stream.tls().exporter.empty()))
            sasl.append(" ").append(mechanism);
        session.line(sasl);
    }
    if (!session.stream.isProtected())
        session.line("STLS");
    session.line("IMPLEMENTATION Postfach");
    session.line(".");
}

} // namespace postfach::pop3
