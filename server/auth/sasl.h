#pragma once
// SASL (RFC 4422) for every protocol: one exchange, from the name of a mechanism to a Login. The protocol carries lines, this
// knows what they mean: base64, "*" (given up), "=" (an empty initial response), who it is, and whether he may enter.
//
//   auto exchange = auth::SaslExchange::begin(authenticator, mechanism, peer);      // null: not offered on this connection
//   std::optional<std::string> line = initial;                                      // none: the client waits for us
//   for (;;) {
//       auth::SaslTurn turn = co_await exchange->step(strand, line);
//       if (turn.kind != SaslTurn::Kind::challenge) break;
//       say "+ " turn.challenge; read line;
//   }
//
// PLAIN (RFC 4616) and LOGIN end in Authenticator::login(). SCRAM-SHA-256 (RFC 5802, 7677) and SCRAM-SHA-256-PLUS with
// tls-exporter (RFC 9266) are GNU SASL's. -PLUS is offered where the connection has a binding; a client that could have had it
// and was kept from seeing it ("y") is refused. Unknown accounts get a salt that stays the same, and fail at the end.
#include "server/auth/auth.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::auth {

struct SaslPeer {
    std::string service;  // imap, pop3
    std::string address;
    bool tls = false;
    std::string exporter; // RFC 9266, raw; empty: no channel binding
    SaslPeer(std::string s, std::string a, bool t, std::string e) : service(std::move(s)), address(std::move(a)), tls(t), exporter(std::move(e)) {}
};

struct SaslTurn {
    enum class Kind { challenge, done, aborted, malformed } kind = Kind::malformed;
    std::string challenge; // base64, without "+ "
    Login login;           // when done
    SaslTurn() = default;
};

// What may be announced on a connection on which one may log in: names in order, for AUTH= and SASL.
std::vector<std::string_view> saslMechanisms(bool has_exporter);

class SaslExchange {
public:
    static std::unique_ptr<SaslExchange> begin(Authenticator& authenticator, std::string_view mechanism, SaslPeer peer);
    virtual ~SaslExchange() = default;
    SaslExchange(const SaslExchange&) = delete;
    SaslExchange& operator=(const SaslExchange&) = delete;

    // A line of the client as it came, without CRLF; none at the start where it sent no initial response.
    net::Task<SaslTurn> step(net::Strand& strand, std::optional<std::string> line);

protected:
    SaslExchange() = default;
    // The decoded message; none as above. Throws nothing but what a strand throws.
    virtual net::Task<SaslTurn> take(net::Strand& strand, std::optional<std::string> message) = 0;
    static SaslTurn challenge(std::string_view bytes);
    static SaslTurn done(Login login);
};

} // namespace postfach::auth
