#include "server/auth/scram.h"
#include "server/auth/inner.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <gsasl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace postfach::auth {
namespace {

constexpr std::size_t kLongestMessage = 4096; // a name of 320 bytes, a nonce, a binding: real ones stay under 400

// "=2C" and "=3D" stand for ',' and '='; nothing else may follow '='.
std::optional<std::string> unescaped(std::string_view name)
{
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '=') {
            out += name[i];
            continue;
        }
        const auto code = name.substr(i, 3);
        if (code != "=2C" && code != "=3D")
            return std::nullopt;
        out += code == "=2C" ? ',' : '=';
        i += 2;
    }
    return out;
}

struct Keys { // of one password
    std::string stored, server, label; // label of the app password; empty: the account's own
};

class Scram;
int answer(Gsasl*, Gsasl_session* session, Gsasl_property property);

// One library context for the process; it is not changed after its making, and sessions of it are independent.
Gsasl* library()
{
    static Gsasl* const context = [] {
        Gsasl* made = nullptr;
        if (const int result = gsasl_init(&made); result != GSASL_OK)
            throw std::runtime_error(std::string("GNU SASL cannot start: ") + gsasl_strerror(result));
        gsasl_callback_set(made, answer);
        return made;
    }();
    return context;
}

class Scram final : public SaslExchange {
public:
    Scram(Authenticator& authenticator, SaslPeer peer, bool plus)
        : self_(authenticator.inner()), peer_(std::move(peer)), name_(plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256"),
          attempt_("", "", peer_.service, peer_.address, peer_.tls)
    {
        if (const int result = gsasl_server_start(library(), name_, &session_); result != GSASL_OK)
            throw std::runtime_error(std::string("SCRAM cannot start: ") + gsasl_strerror(result));
        gsasl_session_hook_set(session_, this);
    }
    ~Scram() override { gsasl_finish(session_); }

    int property(Gsasl_property wanted);

private:
    enum class State { first, final, acknowledged };

    net::Task<SaslTurn> take(net::Strand& strand, std::optional<std::string> message) override;
    net::Task<SaslTurn> first(net::Strand& strand, std::string message);
    net::Task<SaslTurn> final(net::Strand& strand, std::string message);
    std::optional<std::string> run(const std::string& message, int wanted); // the library's answer; none when it refuses
    void offer(const Known& known);
    const Keys& choose();
    net::Task<SaslTurn> refuse(net::Strand& strand, bool looked);

    Authenticator::Inner& self_; // of the authenticator, which outlives every session
    const SaslPeer peer_;
    const char* const name_;
    Attempt attempt_;
    Gsasl_session* session_ = nullptr;
    State state_ = State::first;
    Authenticator::Inner::KnownPtr known_;
    Guard::SteadyTime began_{};
    bool refused_ = false, chosen_ = false;
    std::string salt_, why_;
    std::uint32_t iterations_ = 0;
    std::string bare_, server_first_, client_final_; // AuthMessage's parts
    std::vector<Keys> keys_;                         // of every password that may be the one; never empty
    std::size_t choice_ = 0;
    Login login_;
};

// What GNU SASL asks for. Nothing may be thrown through its C.
int answer(Gsasl*, Gsasl_session* session, Gsasl_property property)
{
    auto* exchange = static_cast<Scram*>(gsasl_session_hook_get(session));
    try {
        return exchange != nullptr ? exchange->property(property) : GSASL_NO_CALLBACK;
    } catch (const std::exception&) {
        return GSASL_MALLOC_ERROR;
    }
}

int Scram::property(Gsasl_property wanted)
{
    const auto give = [&](const std::string& value) { return gsasl_property_set(session_, wanted, value.c_str()); };
    switch (wanted) {
    case GSASL_SCRAM_ITER: return give(std::to_string(iterations_));
    case GSASL_SCRAM_SALT: return give(base::base64(salt_));
    case GSASL_SCRAM_STOREDKEY: return give(base::base64(choose().stored));
    case GSASL_SCRAM_SERVERKEY: return give(base::base64(choose().server));
    case GSASL_CB_TLS_EXPORTER: return peer_.exporter.empty() ? GSASL_NO_CB_TLS_EXPORTER : give(base::base64(peer_.exporter));
    default: return GSASL_NO_CALLBACK;
    }
}

std::optional<std::string> Scram::run(const std::string& message, int wanted)
{
    char* out = nullptr;
    std::size_t length = 0;
    const int result = gsasl_step(session_, message.data(), message.size(), &out, &length);
    std::string text(out != nullptr ? out : "", out != nullptr ? length : 0);
    gsasl_free(out);
    if (result != wanted)
        return std::nullopt;
    return text;
}

// All passwords of the account share its salt, so one first message serves them all; the proof then tells which it was.
void Scram::offer(const Known& known)
{
    const auto& own = known.credentials;
    if (known.account && !own.scram_salt.empty() && own.scram_iterations != 0) {
        salt_ = own.scram_salt;
        iterations_ = own.scram_iterations;
        if (own.scram_stored_key.size() == 32 && own.scram_server_key.size() == 32)
            keys_.push_back({own.scram_stored_key, own.scram_server_key, ""});
        for (const auto& app : known.app_passwords)
            if (app.scram_salt == salt_ && app.scram_iterations == iterations_)
                keys_.push_back({app.scram_stored_key, app.scram_server_key, app.label});
    } else {
        salt_ = base::hmacSha256(self_.secret, "salt " + base::lower(attempt_.user)).substr(0, kScramSalt);
        iterations_ = kScramIterations;
    }
    if (keys_.empty()) // no proof fits these
        keys_.push_back({base::hmacSha256(self_.secret, "stored " + attempt_.user), base::hmacSha256(self_.secret, "server " + attempt_.user), ""});
}

// Which of the passwords the proof was made with (RFC 5802 3). The library then judges by its keys alone.
const Keys& Scram::choose()
{
    if (chosen_ || keys_.size() == 1)
        return keys_[choice_];
    chosen_ = true;
    const auto at = client_final_.rfind(",p=");
    const auto proof = at == std::string::npos ? std::nullopt : base::unbase64(std::string_view(client_final_).substr(at + 3));
    if (!proof || proof->size() != 32)
        return keys_[choice_];
    const std::string message = bare_ + ',' + server_first_ + ',' + client_final_.substr(0, at);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        std::string client_key = base::hmacSha256(keys_[i].stored, message);
        for (std::size_t b = 0; b < client_key.size(); ++b)
            client_key[b] = static_cast<char>(client_key[b] ^ (*proof)[b]);
        const auto stored = base::sha256(client_key);
        if (base::equalsConstantTime(std::string_view(reinterpret_cast<const char*>(stored.data()), stored.size()), keys_[i].stored))
            choice_ = i;
    }
    return keys_[choice_];
}

net::Task<SaslTurn> Scram::take(net::Strand& strand, std::optional<std::string> message)
{
    if (!message)
        co_return challenge("");
    if (state_ == State::acknowledged) {
        if (!message->empty())
            co_return SaslTurn();
        login_ = self_.conclude(attempt_, *known_, true, keys_[choice_].label, name_, why_, true);
        co_return done(std::move(login_));
    }
    if (message->size() > kLongestMessage || message->find('\0') != std::string::npos)
        co_return SaslTurn();
    SaslTurn turn;
    if (state_ == State::first)
        turn = co_await first(strand, std::move(*message));
    else
        turn = co_await final(strand, std::move(*message));
    co_return turn;
}

net::Task<SaslTurn> Scram::first(net::Strand& strand, std::string message)
{
    auto parsed = parseScramFirst(message);
    if (!parsed)
        co_return SaslTurn();
    attempt_.user = std::move(parsed->user);
    bare_ = std::move(parsed->bare);
    if (!parsed->authzid.empty() && !base::iequals(parsed->authzid, attempt_.user)) // nobody acts for another here
        attempt_.user += " as " + parsed->authzid;
    began_ = std::chrono::steady_clock::now();
    known_ = co_await self_.find(strand, attempt_.user);
    if (!known_) {
        Login login;
        login.result = Login::Result::unavailable;
        co_return done(std::move(login));
    }
    offer(*known_);
    auto text = run(message, GSASL_NEEDS_MORE);
    if (!text) {
        // Broken, without the binding that -PLUS is, or "y" although -PLUS was offered (RFC 5802 6).
        SaslTurn turn = co_await refuse(strand, false);
        co_return turn;
    }
    server_first_ = *text;
    state_ = State::final;
    co_return challenge(*text);
}

// Here, and not before, a guess is made: exchanges that were begun together do not end together.
net::Task<SaslTurn> Scram::final(net::Strand& strand, std::string message)
{
    const Guard::Decision asked = co_await self_.admit(strand, attempt_.user, attempt_.address);
    refused_ = asked.refused;
    began_ = std::chrono::steady_clock::now();
    client_final_ = message;
    const auto text = run(message, GSASL_OK);
    bool right = text && !refused_ && known_->account;
    if (right && !keys_[choice_].label.empty()) {
        const auto& label = keys_[choice_].label;
        for (const auto& app : known_->app_passwords)
            if (app.label == label)
                right = self_.usable(app, attempt_.service, why_) != nullptr;
    }
    if (!right) {
        SaslTurn turn = co_await refuse(strand, !refused_);
        co_return turn;
    }
    const auto& services = known_->account->services;
    if (!known_->account->enabled || std::find(services.begin(), services.end(), attempt_.service) == services.end())
        co_return done(self_.conclude(attempt_, *known_, true, keys_[choice_].label, name_, why_, true));
    state_ = State::acknowledged;
    co_return challenge(*text);
}

net::Task<SaslTurn> Scram::refuse(net::Strand& strand, bool looked)
{
    if (why_.empty() && !looked && !refused_)
        why_ = "exchange refused";
    Login login = self_.conclude(attempt_, *known_, false, "", name_, why_, looked);
    co_await self_.pace(strand, began_);
    co_return done(std::move(login));
}

} // namespace

std::optional<ScramFirst> parseScramFirst(std::string_view message)
{
    // gs2-header = gs2-cbind-flag "," [ "a=" saslname ] ","
    if (!base::isUtf8(message))
        return std::nullopt;
    const auto flag = message.find(',');
    const auto end = flag == std::string_view::npos ? flag : message.find(',', flag + 1);
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto authzid = message.substr(flag + 1, end - flag - 1);
    const auto bare = message.substr(end + 1);
    if ((!authzid.empty() && !authzid.starts_with("a=")) || !bare.starts_with("n="))
        return std::nullopt;
    const auto user = unescaped(bare.substr(2, bare.find(',') - 2));
    const auto other = unescaped(authzid.empty() ? authzid : authzid.substr(2));
    if (!user || user->empty() || !other)
        return std::nullopt;
    return ScramFirst{*user, *other, std::string(bare)};
}

std::unique_ptr<SaslExchange> makeScram(Authenticator& authenticator, SaslPeer peer, bool plus)
{
    return std::make_unique<Scram>(authenticator, std::move(peer), plus);
}

} // namespace postfach::auth
