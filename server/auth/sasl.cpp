#include "server/auth/sasl.h"
#include "server/auth/scram.h"
#include "server/base/text.h"

#include <utility>

namespace postfach::auth {
namespace {

class Plain final : public SaslExchange {
public:
    Plain(Authenticator& authenticator, SaslPeer peer) : authenticator_(authenticator), peer_(std::move(peer)) {}

private:
    net::Task<SaslTurn> take(net::Strand& strand, std::optional<std::string> message) override
    {
        if (!message)
            co_return challenge("");
        auto credentials = parsePlain(*message);
        if (!credentials)
            co_return SaslTurn();
        Attempt attempt(std::move(credentials->user), std::move(credentials->password), peer_.service, peer_.address, peer_.tls);
        Login login = co_await authenticator_.login(strand, std::move(attempt));
        co_return done(std::move(login));
    }

    Authenticator& authenticator_;
    const SaslPeer peer_;
};

// LOGIN was never written down but in a draft; Outlook speaks it. Two questions, two answers.
class LoginMechanism final : public SaslExchange {
public:
    LoginMechanism(Authenticator& authenticator, SaslPeer peer) : authenticator_(authenticator), peer_(std::move(peer)) {}

private:
    net::Task<SaslTurn> take(net::Strand& strand, std::optional<std::string> message) override
    {
        if (!message)
            co_return challenge("Username:");
        if (!user_) {
            if (message->empty() || !base::isUtf8(*message))
                co_return SaslTurn();
            user_ = std::move(*message);
            co_return challenge("Password:");
        }
        Attempt attempt(std::move(*user_), std::move(*message), peer_.service, peer_.address, peer_.tls);
        Login login = co_await authenticator_.login(strand, std::move(attempt));
        co_return done(std::move(login));
    }

    Authenticator& authenticator_;
    const SaslPeer peer_;
    std::optional<std::string> user_;
};

} // namespace

std::vector<std::string_view> saslMechanisms(bool has_exporter)
{
    std::vector<std::string_view> names{"PLAIN", "LOGIN", "SCRAM-SHA-256"};
    if (has_exporter)
        names.emplace_back("SCRAM-SHA-256-PLUS");
    return names;
}

std::unique_ptr<SaslExchange> SaslExchange::begin(Authenticator& authenticator, std::string_view mechanism, SaslPeer peer)
{
    if (base::iequals(mechanism, "PLAIN"))
        return std::make_unique<Plain>(authenticator, std::move(peer));
    if (base::iequals(mechanism, "LOGIN"))
        return std::make_unique<LoginMechanism>(authenticator, std::move(peer));
    if (base::iequals(mechanism, "SCRAM-SHA-256"))
        return makeScram(authenticator, std::move(peer), false);
    if (base::iequals(mechanism, "SCRAM-SHA-256-PLUS") && !peer.exporter.empty())
        return makeScram(authenticator, std::move(peer), true);
    return nullptr;
}

net::Task<SaslTurn> SaslExchange::step(net::Strand& strand, std::optional<std::string> line)
{
    SaslTurn turn;
    std::optional<std::string> message;
    if (line) {
        const auto text = base::trim(*line);
        if (text == "*") { // RFC 4422 3.5, RFC 9051 6.2.2
            turn.kind = SaslTurn::Kind::aborted;
            co_return turn;
        }
        message = text == "=" ? std::optional<std::string>(std::string()) : base::unbase64(text);
        if (!message)
            co_return turn;
    }
    turn = co_await take(strand, std::move(message));
    co_return turn;
}

SaslTurn SaslExchange::challenge(std::string_view bytes)
{
    SaslTurn turn;
    turn.kind = SaslTurn::Kind::challenge;
    turn.challenge = base::base64(bytes);
    return turn;
}

SaslTurn SaslExchange::done(Login login)
{
    SaslTurn turn;
    turn.kind = SaslTurn::Kind::done;
    turn.login = std::move(login);
    return turn;
}

} // namespace postfach::auth
