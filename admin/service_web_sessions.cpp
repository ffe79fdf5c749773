// Service: browsers that have signed in.
#include "admin/answering.h"
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
using namespace std::chrono_literals;

constexpr std::size_t kClient = 200;  // bytes of a User-Agent that are kept
constexpr auto kSeenEvery = 1min;
constexpr auto kRemembered = 24h;     // what is over is known as such for so long: an old cookie is no attack
constexpr unsigned kRefusalsAMinute = 10; // that stand in the audit: it is kept for ever
constexpr auto kRefusalAgain = 1h;    // of one account from one network
constexpr std::size_t kRefusals = 10'000;

std::string hashOf(const std::string& secret) { return base::hex(base::sha256(secret)); }

Poco::JSON::Object::Ptr shown(const store::WebSession& session)
{
    auto out = object();
    out->set("address", session.address);
    out->set("client", session.client.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(session.client));
    return out;
}
} // namespace

base::Time Service::endOf(const store::WebSession& session) const
{
    return std::min(session.created + context_.web.lifetime, session.seen + context_.web.idle);
}

bool Service::lacksTotp(const store::Account& account) const { return context_.web.require_totp && !account.scopes.empty() && !account.totp; }

OpenedWebSession Service::openWebSession(const By& by, const store::Account& account, const std::string& client, const std::string& instead,
    auth::Login::Second second)
{
    OpenedWebSession opened;
    opened.secret = base::randomHex(32);
    auto& session = opened.kept;
    session.id = base::randomHex(8);
    session.account = account.id;
    session.hash = hashOf(opened.secret);
    session.address = by.address;
    session.client = base::printable(client, kClient);
    auto said = shown(session);
    said->set("second_factor", second == auth::Login::Second::none ? "none" : second == auth::Login::Second::totp ? "totp" : "recovery code");
    change("session", by, [&](store::WriteTx& tx, Notes& notes) {
        // What has changed since the password was looked at may have been the password.
        const auto now = tx.account(account.id);
        if (!now || !now->enabled || now->version != account.version)
            throw Problem(401, "unauthorized", "The address or the password is wrong.");
        session.created = session.seen = tx.now();
        tx.forgetWebSessions(tx.now() - context_.web.lifetime - kRemembered, tx.now() - context_.web.idle - kRemembered);
        if (const auto before = instead.empty() ? std::nullopt : tx.findWebSession(hashOf(instead)); before) {
            tx.removeWebSession(before->account, before->id);
            if (const auto whose = tx.account(before->account))
                notes.add("web-session.end", whose->address + "/" + before->id);
        }
        tx.addWebSession(session);
        notes.add("web-session.open", account.address + "/" + session.id, nullptr, said);
    });
    return opened;
}

void Service::signInRefused(const By& by, const std::string& account)
{
    const auto now = context_.clock.now();
    std::uint64_t untold = 0;
    {
        const std::lock_guard lock(mutex_);
        if (now - refusals_minute_ >= 1min || now < refusals_minute_)
            refusals_minute_ = now, refusals_noted_ = 0;
        if (refusals_.size() >= kRefusals)
            refusals_.clear();
        auto& noted = refusals_[base::lower(account) + ' ' + auth::Guard::network(by.address)];
        if ((noted != base::Time{} && now >= noted && now - noted < kRefusalAgain) || refusals_noted_ >= kRefusalsAMinute) {
            ++refusals_untold_;
            return;
        }
        noted = now;
        ++refusals_noted_;
        untold = std::exchange(refusals_untold_, 0);
    }
    auto said = object();
    said->set("untold", untold);
    note(by, "web-session.refused", base::printable(base::lower(account)), said);
}

Service::Browser Service::browserOf(const std::string& secret, bool active)
{
    Browser browser;
    if (secret.size() != 64)
        return browser;
    const auto hash = hashOf(secret);
    answering("session", [&] {
        const auto tx = context_.store.read();
        auto found = tx->findWebSession(hash);
        if (!found || !base::equalsConstantTime(found->hash, hash))
            return;
        browser.known = true;
        const auto now = context_.clock.now();
        if (now >= endOf(*found))
            return;
        auto account = tx->account(found->account);
        if (!account || !account->enabled || lacksTotp(*account))
            return;
        browser.account = std::move(account);
        browser.session = *std::move(found);
    });
    if (!browser.account || !active)
        return browser;
    if (const auto now = context_.clock.now(); now - browser.session.seen >= kSeenEvery) {
        browser.session.seen = now;
        context_.store.write([hash, now](store::WriteTx& tx) { tx.touchWebSession(hash, now); }, [](std::exception_ptr) {});
    }
    return browser;
}

std::vector<store::WebSession> Service::webSessions(const std::string& address)
{
    auto all = answering("account " + address, [&] {
        const auto tx = context_.store.read();
        return tx->webSessions(require(*tx, address).id);
    });
    std::erase_if(all, [&](const auto& session) { return context_.clock.now() >= endOf(session); });
    return all;
}

void Service::endWebSession(const By& by, const std::string& address, const std::string& id)
{
    const auto owner = account(address);
    change("session " + base::printable(id, 100), by, [&](store::WriteTx& tx, Notes& notes) {
        tx.removeWebSession(owner.id, id);
        notes.add("web-session.end", owner.address + "/" + id);
    });
}

} // namespace postfach::admin
