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

// Of all there are, or one account's. By their arrival, which their ids tell, page by page; else read whole: they are as many as connections.
Response sessionList(Service& service, const Call& call, net::Sessions::Filter filter)
{
    using net::SessionInfo;
    const auto address = call.parameter("address"), part = call.parameter("q");
    const auto span = spanOf(call);
    return walkedList<SessionInfo>(
        call,
        {[&](const store::Page& page) { return service.sessions(filter, page); }, [](const SessionInfo& s) { return s.id; },
         [&](const SessionInfo& s) {
             return (address.empty() || s.address == address) && (hasPart(s.client, part) || hasPart(s.state, part)) && span.has(s.since);
         },
         [&](const std::string& id) { return ifThere([&] { return service.session(id); }); }},
        {{"since", [](const SessionInfo& s) { return sortable(s.since); }},
         {"account", [](const SessionInfo& s) { return s.account; }},
         {"address", [](const SessionInfo& s) { return s.address; }},
         {"bytes_in", [](const SessionInfo& s) { return sortable(s.bytes_in); }},
         {"bytes_out", [](const SessionInfo& s) { return sortable(s.bytes_out); }}},
        [](const SessionInfo& s) { return toJson(s); });
}

Response listSessions(Service& service, const Call& call)
{
    static constexpr std::array<std::string_view, 5> kServices{"imap", "imaps", "pop3", "pop3s", "lmtp"};
    net::Sessions::Filter filter;
    filter.account = call.parameter("account");
    filter.service = call.parameter("service");
    if (!filter.service.empty() && std::find(kServices.begin(), kServices.end(), filter.service) == kServices.end())
        throw Problem(422, "invalid_parameter", "The services are imap, imaps, pop3, pop3s and lmtp.");
    return sessionList(service, call, std::move(filter));
}

Response getSession(Service& service, const Call& call) { return Response::json(200, toJson(service.session(call.values[0]))); }

Response deleteSession(Service& service, const Call& call)
{
    service.endSession(call.who.by, call.values[0]);
    return Response::empty();
}

} // namespace handle
} // namespace postfach::admin
