// Live sessions.
#include "admin/api/handlers.h"
#include "admin/api/page.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace postfach::admin {
namespace {
Poco::Dynamic::Var textOrNull(const std::string& text) { return text.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(text); }
} // namespace

Poco::JSON::Object::Ptr toJson(const net::SessionInfo& session)
{
    auto out = object();
    out->set("id", session.id);
    out->set("service", session.service);
    out->set("address", session.address);
    out->set("proxy", textOrNull(session.proxy));
    out->set("account", textOrNull(session.account));
    out->set("client", textOrNull(session.client));
    out->set("state", session.state);
    if (session.tls.empty()) {
        out->set("tls", Poco::Dynamic::Var());
    } else {
        auto tls = object();
        tls->set("protocol", session.tls);
        tls->set("cipher", session.cipher);
        out->set("tls", tls);
    }
    out->set("since", base::rfc3339(session.since));
    out->set("bytes_in", session.bytes_in);
    out->set("bytes_out", session.bytes_out);
    return out;
}

namespace handle {

Response listSessions(Service& service, const Call& call)
{
    static constexpr std::array<std::string_view, 5> kServices{"imap", "imaps", "pop3", "pop3s", "lmtp"};
    const auto page = pageOf(call);
    net::Sessions::Filter filter;
    filter.account = call.parameter("account");
    filter.service = call.parameter("service");
    if (!filter.service.empty() && std::find(kServices.begin(), kServices.end(), filter.service) == kServices.end())
        throw Problem(422, "invalid_parameter", "The services are imap, imaps, pop3, pop3s and lmtp.");
    return listOf(call, page, service.sessions(filter, page.oneMore()), [](const auto& s) { return s.id; }, [](const auto& s) { return toJson(s); });
}

Response getSession(Service& service, const Call& call) { return Response::json(200, toJson(service.session(call.values[0]))); }

Response deleteSession(Service& service, const Call& call)
{
    service.endSession(call.who.by, call.values[0]);
    return Response::empty();
}

} // namespace handle
} // namespace postfach::admin
