// Service: live sessions, and the end of those whose account may no longer be here.
#include "admin/service.h"
#include "admin/api/json.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
constexpr const char* kOurOwn = "admin"; // who asks is no news

Problem noSession(const std::string& id) { return {404, "not_found", "There is no session " + base::printable(id, 100) + "."}; }
} // namespace

std::vector<net::SessionInfo> Service::sessions(const net::Sessions::Filter& filter, const store::Page& page)
{
    net::Sessions::Filter asked = filter;
    asked.account = base::lower(asked.account);
    asked.except = kOurOwn;
    return context_.sessions.list(asked, page.after, page.limit);
}

net::SessionInfo Service::session(const std::string& id)
{
    auto found = context_.sessions.find(id);
    if (!found || found->service == kOurOwn)
        throw noSession(id);
    return *std::move(found);
}

void Service::endSession(const By& by, const std::string& id)
{
    const auto known = session(id);
    note(by, "session.end", (known.account.empty() ? "-" : known.account) + "/" + id, without(toJson(known), {"state", "bytes_in", "bytes_out"}));
    if (!context_.sessions.end(id)) // behind the entry: what cannot be noted is not done
        throw noSession(id);
}

void Service::endSessions(const store::Account& account, const std::set<std::string>& protocols, const char* reason)
{
    const auto ended = context_.sessions.endAll(account.address, protocols);
    if (ended > 0)
        base::logInfo("admin", "sessions ended", {{"account", account.address}, {"sessions", ended}, {"reason", reason}});
}

// A password is changed because somebody else may know it; whoever is in with the old one must not stay.
void Service::endWhoMayNoLonger(const store::Account& before, const store::Account& after, bool new_password)
{
    if (!after.enabled)
        return endSessions(after, {}, "account disabled");
    if (new_password)
        return endSessions(after, {}, "new password");
    std::set<std::string> lost(before.services.begin(), before.services.end());
    for (const auto& service : after.services)
        lost.erase(service);
    if (!lost.empty())
        endSessions(after, lost, "service taken away");
}

} // namespace postfach::admin
