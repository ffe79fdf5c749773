// Service: tokens of the HTTP API.
#include "admin/answering.h"
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/text.h"
#include "server/net/address.h"

#include <algorithm>

namespace postfach::admin {
namespace {
std::string newSecret() { return "pf_" + base::randomHex(32); }
} // namespace

const std::vector<std::string>& Service::scopes()
{
    static const std::vector<std::string> all{"read", "accounts", "scan", "mail", "audit", "admin"};
    return all;
}

std::vector<store::Token> Service::tokens()
{
    auto found = answering("token", [&] { return context_.store.read()->tokens(); });
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return found;
}

std::string Service::createToken(const By& by, const NewToken& wanted)
{
    if (wanted.name.empty() || wanted.name.size() > 100 || !base::isUtf8(wanted.name) || base::printable(wanted.name) != wanted.name)
        throw Problem(422, "invalid_field", "The field \"name\" must have 1 to 100 printable characters.");
    if (wanted.scopes.empty())
        throw Problem(422, "invalid_field", "The field \"scopes\" must name at least one scope.");
    for (const auto& scope : wanted.scopes)
        if (std::find(scopes().begin(), scopes().end(), scope) == scopes().end())
            throw Problem(422, "invalid_field", "The scopes are read, accounts, scan, mail, audit and admin.");
    if (wanted.expires && *wanted.expires <= context_.clock.now())
        throw Problem(422, "invalid_field", "The field \"expires\" must lie in the future.");
    for (const auto& network : wanted.networks)
        if (!net::inNetwork("127.0.0.1", network))
            throw Problem(422, "invalid_field", "The field \"networks\" names addresses or networks such as 192.0.2.7 or 2001:db8::/32.");
    const auto secret = newSecret();
    store::Token token;
    token.name = wanted.name;
    token.hash = base::hex(base::sha256(secret));
    token.scopes = wanted.scopes;
    token.expires = wanted.expires;
    token.networks = wanted.networks;
    change("token " + wanted.name, by, [&](store::WriteTx& tx, Notes& notes) {
        token.created = tx.now();
        tx.putToken(token);
        notes.add("token.create", wanted.name, nullptr, without(toJson(token), {"last_used"}));
    });
    return secret;
}

void Service::removeToken(const By& by, const std::string& name)
{
    change("token " + base::printable(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto all = tx.tokens();
        const auto known = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.name == name; });
        if (known == all.end())
            throw Problem(404, "not_found", "There is no token " + base::printable(name) + ".");
        tx.removeToken(name);
        notes.add("token.remove", name, without(toJson(*known), {"last_used"}));
    });
}

std::string Service::rotateToken(const By& by, const std::string& name)
{
    const auto secret = newSecret();
    change("token " + base::printable(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto all = tx.tokens();
        const auto known = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.name == name; });
        if (known == all.end())
            throw Problem(404, "not_found", "There is no token " + base::printable(name) + ".");
        auto token = *known;
        token.hash = base::hex(base::sha256(secret));
        token.last_used.reset();
        tx.removeToken(name);
        tx.putToken(token);
        notes.add("token.rotate", name);
    });
    return secret;
}

std::optional<std::string> Service::firstToken()
{
    if (!tokens().empty())
        return std::nullopt;
    return createToken(By::server(), {"administrator", {"admin"}, std::nullopt, {}});
}

// The secret has 256 random bits and is looked up by its hash: how long that takes says nothing about the secrets there are.
std::optional<store::Token> Service::tokenOf(std::string_view secret, const std::string& address)
{
    const auto hash = base::hex(base::sha256(secret));
    auto found = answering("token", [&] { return context_.store.read()->findToken(hash); });
    const auto now = context_.clock.now();
    if (!found || !base::equalsConstantTime(found->hash, hash) || (found->expires && *found->expires <= now))
        return std::nullopt;
    if (!found->networks.empty() && !net::inAnyNetwork(address, found->networks)) {
        base::logWarning("admin", "token used from an address that is not its own", {{"token", found->name}, {"address", address}});
        return std::nullopt;
    }
    bool touch = false;
    {
        const std::lock_guard lock(mutex_);
        auto known = std::find_if(touched_.begin(), touched_.end(), [&](const auto& t) { return t.first == hash; });
        touch = known == touched_.end() || now - known->second >= std::chrono::minutes(1);
        if (known != touched_.end())
            known->second = touch ? now : known->second;
        else {
            if (touched_.size() >= 1000)
                touched_.clear();
            touched_.emplace_back(hash, now);
        }
    }
    if (touch)
        context_.store.write([hash, now](store::WriteTx& tx) { tx.touchToken(hash, now); }, [](std::exception_ptr) {});
    return found;
}

TokenGuard::Decision Service::tokenRefused(const std::string& address)
{
    const auto decision = token_guard_.failed(address);
    if (decision.tell > 0)
        tell("token.refused", "", {{"address", address}, {"times", decision.tell}});
    return decision;
}

} // namespace postfach::admin
