// Mail programs set themselves up, and the zone that leads them here. What is told is the same for every address of a
// domain, whether there is such an account or not; for domains that are not served here there is nothing.
#include "admin/api/handlers.h"
#include "admin/api/schemas.h"
#include "admin/setup/certificate.h"
#include "admin/setup/dns_records.h"
#include "admin/setup/mail_setup.h"
#include "server/base/text.h"

#include <openssl/ssl.h>

#include <mutex>

namespace postfach::admin {

std::vector<Route> setupRoutes()
{
    using enum BodyKind;
    return {
        // clang-format off
        {"GET",  "/mail/config-v1.1.xml", "", "mozillaConfig", "Thunderbird and others set themselves up (autoconfig.DOMAIN)", handle::mozillaConfig, none, "", "xml", {200, 404}, {"emailaddress"}, true},
        {"GET",  "/.well-known/autoconfig/mail/config-v1.1.xml", "", "mozillaConfigWellKnown", "The same under the domain itself", handle::mozillaConfig, none, "", "xml", {200, 404}, {"emailaddress"}, true},
        {"POST", "/autodiscover/autodiscover.xml", "", "outlookDiscover", "Outlook sets itself up (MS-OXDSCLI)", handle::outlookDiscover, xml, "xml", "xml", {200}, {}, true},
        {"GET",  "/autodiscover/autodiscover.json", "", "outlookDiscoverJson", "Outlook asks where its settings are", handle::outlookDiscoverJson, none, "", "OutlookUrl", {200, 404}, {"Email", "Protocol"}, true},
        {"GET",  "/autodiscover/autodiscover.json/v1.0/{address}", "", "outlookDiscoverJsonAddress", "The same, the address in the path", handle::outlookDiscoverJson, none, "", "OutlookUrl", {200, 404}, {"Protocol"}, true},
        {"GET",  "/mail/apple.mobileconfig", "", "appleConfig", "A profile for iOS, iPadOS and macOS, signed with the server's certificate", handle::appleConfig, none, "", "profile", {200, 404}, {"emailaddress"}, true},
        {"GET",  "/.well-known/user-agent-configuration.json", "", "paccConfig", "Mail programs that know PACC set themselves up (draft-ietf-mailmaint-pacc)", handle::paccConfig, none, "", "Pacc", {200, 404}, {}, true},
        {"GET",  "/api/v1/domains/{name}/dns", "read", "getDomainDns", "The DNS records that the domain needs", handle::getDomainDns, none, "", "DomainDns", {200, 404, 429}, {"check"}},
        // clang-format on
    };
}

const char* setupSchemas()
{
    return R"json({
"OutlookUrl": {"type": "object", "required": ["Protocol", "Url"], "additionalProperties": false, "properties": {
  "Protocol": {"type": "string"}, "Url": {"type": "string"}}},
"PaccServer": {"type": "object", "required": ["host"], "additionalProperties": false, "properties": {"host": {"type": "string"}}},
"Pacc": {"type": "object", "required": ["protocols", "authentication", "info"], "additionalProperties": false, "properties": {
  "protocols": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/PaccServer"}},
  "authentication": {"type": "object", "required": ["password"], "additionalProperties": false, "properties": {"password": {"type": "boolean"}}},
  "info": {"type": "object", "required": ["provider"], "additionalProperties": false, "properties": {
    "provider": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {"name": {"type": "string"}}}}}}},
"DnsRecord": {"type": "object", "required": ["name", "type", "value", "purpose", "state", "found"], "additionalProperties": false, "properties": {
  "name": {"type": "string", "description": "Absolute: it ends in a dot"}, "type": {"type": "string", "enum": ["MX", "SRV", "CNAME", "TXT", "TLSA"]},
  "value": {"type": "string", "description": "As in a zone file; TXT without its quotes"}, "purpose": {"type": "string"},
  "state": {"type": "string", "enum": ["unchecked", "present", "differs", "missing"]},
  "found": {"type": "array", "items": {"type": "string"}, "description": "What DNS says instead, or besides"}}},
"DomainDns": {"type": "object", "required": ["domain", "records"], "additionalProperties": false, "properties": {
  "domain": {"type": "string"}, "records": {"type": "array", "items": {"$ref": "#/components/schemas/DnsRecord"}}}}
})json";
}

namespace handle {
namespace {
constexpr std::size_t kAddress = 320; // RFC 3696, erratum 1690

std::string checkedAddressText(const std::string& address)
{
    if (address.size() > kAddress)
        throw Problem(422, "invalid_parameter", "The address is too long.");
    return address;
}

// Throws Problem 404 for a domain that is not served here.
MailSetup setupFor(Service& service, const Call& call, const std::string& address)
{
    const auto* host = call.head.find("host");
    const auto domain = askedDomain(checkedAddressText(address), host ? *host : std::string());
    return mailSetup(service.context(), service.domain(domain).name);
}

std::shared_ptr<const net::TlsContext> certificateOf(Service& service)
{
    return service.context().tls ? service.context().tls->current() : nullptr;
}

// That for the name by which mail programs know the server, where there is one.
SSL_CTX* shownTo(const net::TlsContext& certificates, const std::string& name)
{
    SSL_CTX* const named = certificates.forName(name);
    return named ? named : certificates.native();
}
} // namespace

Response mozillaConfig(Service& service, const Call& call)
{
    return {200, "text/xml; charset=utf-8", mozillaAutoconfig(setupFor(service, call, call.parameter("emailaddress"))), {}};
}

Response outlookDiscover(Service& service, const Call& call)
{
    const auto answer = [](std::string xml) { return Response{200, "text/xml; charset=utf-8", std::move(xml), {}}; };
    const auto now = service.context().clock.now();
    const auto request = parseOutlookRequest(call.body);
    if (request.address.find('@') == std::string::npos || request.address.size() > kAddress)
        return answer(outlookError(600, "Invalid Request", now));
    if (!request.schema.empty() && !request.schema.ends_with("/outlook/responseschema/2006a"))
        return answer(outlookError(601, "The requested schema version is not supported", now));
    try {
        return answer(outlookSettings(setupFor(service, call, request.address), request.address));
    } catch (const Problem& problem) {
        if (problem.status != 404)
            throw;
        return answer(outlookError(500, "The domain is not served here", now));
    }
}

Response outlookDiscoverJson(Service& service, const Call& call)
{
    const auto setup = setupFor(service, call, call.values.empty() ? call.parameter("Email") : call.values[0]);
    if (!base::iequals(call.parameter("Protocol"), "AutodiscoverV1"))
        throw Problem(404, "not_found", "The protocol AutodiscoverV1 can be had here, and no other.");
    auto out = object();
    out->set("Protocol", "AutodiscoverV1");
    out->set("Url", "https://autodiscover." + dnsName(setup.domain) + "/autodiscover/autodiscover.xml");
    return Response::json(200, out);
}

Response appleConfig(Service& service, const Call& call)
{
    const auto address = call.parameter("emailaddress");
    if (!address.empty() && address.find('@') == std::string::npos)
        throw Problem(422, "invalid_parameter", "The parameter \"emailaddress\" must be an address.");
    const auto profile = appleProfile(setupFor(service, call, address), address);
    Response response{200, "application/x-apple-aspen-config", {}, {}};
    if (const auto certificate = certificateOf(service))
        response.body = signedByServer(shownTo(*certificate, service.context().server_name), profile);
    if (response.body.empty()) // it can be used all the same; the device says that nobody signed it
        response.body = profile;
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"mail.mobileconfig\"");
    return response;
}

Response paccConfig(Service& service, const Call& call)
{
    // Byte for byte what the digest in DNS speaks of.
    return {200, "application/json", paccDocument(setupFor(service, call, {})), {}};
}

Response getDomainDns(Service& service, const Call& call)
{
    const auto domain = service.domain(call.values[0]).name;
    const auto& check = call.parameter("check");
    if (!check.empty() && check != "true" && check != "false")
        throw Problem(422, "invalid_parameter", "The parameter \"check\" must be true or false.");
    const auto certificate = certificateOf(service);
    const auto& context = service.context();
    auto records =
        dnsRecords(context, mailSetup(context, domain), certificate ? shownTo(*certificate, context.server_name) : nullptr);
    if (check == "true") {
        static std::mutex one_at_a_time; // it waits for others, on a helper thread
        const std::unique_lock lock(one_at_a_time, std::try_to_lock);
        if (!lock.owns_lock())
            throw busyFor(10, "DNS is being asked already: try again in some seconds.");
        checkRecords(records, *systemResolver(context.clients.dns_server));
    }
    Poco::JSON::Array::Ptr list = new Poco::JSON::Array;
    for (const auto& record : records) {
        auto one = object();
        one->set("name", record.name);
        one->set("type", record.type);
        one->set("value", record.value);
        one->set("purpose", record.purpose);
        one->set("state", std::string(stateName(record.state)));
        one->set("found", array(record.found));
        list->add(one);
    }
    auto out = object();
    out->set("domain", domain);
    out->set("records", list);
    return Response::json(200, out);
}

} // namespace handle
} // namespace postfach::admin
