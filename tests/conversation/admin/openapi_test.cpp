// The document and the server say the same, in both directions.
#include "admin/api/routes.h"
#include "server/auth/totp.h"
#include "server/base/text.h"
#include "server/delivery/rescan.h"
#include "tests/conversation/admin/browser.h"
#include "tests/support/catch.h"

#include <Poco/Dynamic/Var.h>

#include <cctype>
#include <chrono>
#include <set>

using namespace postfach::test;
using Poco::Dynamic::Var;
using Poco::JSON::Array;
using Poco::JSON::Object;

namespace {

class Schemas {
public:
    explicit Schemas(Object::Ptr document) : schemas_(document->getObject("components")->getObject("schemas")) {}

    // Empty when `value` fits; else where it does not.
    std::string misfit(const Var& value, Object::Ptr schema, const std::string& where = "$") const
    {
        if (schema->has("$ref")) {
            const auto name = schema->getValue<std::string>("$ref");
            return misfit(value, schemas_->getObject(name.substr(name.rfind('/') + 1)), where);
        }
        if (schema->has("oneOf")) {
            std::size_t fits = 0;
            for (const auto& one : *schema->getArray("oneOf"))
                fits += misfit(value, one.extract<Object::Ptr>(), where).empty() ? 1 : 0;
            return fits == 1 ? std::string() : where + " fits " + std::to_string(fits) + " of the oneOf";
        }
        std::set<std::string> types;
        const auto type = schema->get("type");
        if (type.type() == typeid(Array::Ptr))
            for (const auto& one : *type.extract<Array::Ptr>())
                types.insert(one.convert<std::string>());
        else
            types.insert(type.convert<std::string>());
        const auto is = value.isEmpty()                             ? "null"
                        : value.type() == typeid(Object::Ptr)       ? "object"
                        : value.type() == typeid(Array::Ptr)        ? "array"
                        : value.isString()                          ? "string"
                        : value.isBoolean()                         ? "boolean"
                                                                    : "integer";
        if (!types.contains(is))
            return where + " is " + is;
        if (is == std::string("null"))
            return {};
        if (is == std::string("object")) {
            const auto object = value.extract<Object::Ptr>();
            const auto properties = schema->has("properties") ? schema->getObject("properties") : Object::Ptr(new Object);
            if (schema->has("required"))
                for (const auto& name : *schema->getArray("required"))
                    if (!object->has(name.convert<std::string>()))
                        return where + " lacks " + name.convert<std::string>();
            for (const auto& [name, inner] : *object) {
                Object::Ptr rule = properties->has(name) ? properties->getObject(name) : nullptr;
                if (!rule && schema->has("additionalProperties") && schema->get("additionalProperties").type() == typeid(Object::Ptr))
                    rule = schema->getObject("additionalProperties");
                if (!rule && schema->has("additionalProperties"))
                    return where + " has an undocumented " + name;
                if (rule)
                    if (const auto bad = misfit(inner, rule, where + "." + name); !bad.empty())
                        return bad;
            }
        }
        if (is == std::string("array") && schema->has("items"))
            for (const auto& item : *value.extract<Array::Ptr>())
                if (const auto bad = misfit(item, schema->getObject("items"), where + "[]"); !bad.empty())
                    return bad;
        if (schema->has("enum")) {
            for (const auto& one : *schema->getArray("enum"))
                if (one.convert<std::string>() == value.convert<std::string>())
                    return {};
            return where + " is none of the enum";
        }
        return {};
    }

private:
    Object::Ptr schemas_;
};

const HttpHeaders kAlice{{"Authorization", "Basic " + postfach::base::base64("alice@example.org:secret")}}; // an owner

std::string filled(std::string path, const std::string& value)
{
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
        path.replace(at, path.find('}') - at + 1, value);
    return path;
}

std::string upper(std::string text)
{
    for (char& c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}
} // namespace

TEST_CASE("Every route is documented and every documented operation is a route", "[admin][openapi]")
{
    TestServer server;
    Http http(server, server.token()), owner(server);
    const auto document = http.get("/openapi.json").json();
    CHECK(document->getValue<std::string>("openapi") == "3.1.0");
    const auto paths = document->getObject("paths");
    std::size_t operations = 0;
    std::set<std::string> ids;
    for (const auto& path : paths->getNames())
        for (const auto& method : paths->getObject(path)->getNames()) {
            ++operations;
            const auto operation = paths->getObject(path)->getObject(method);
            CHECK(ids.insert(operation->getValue<std::string>("operationId")).second);
            INFO(method << " " << path);
            // With a name that nothing has: any answer but "no such route" proves that it is one.
            const bool mine = path.starts_with("/api/v1/me");
            Http one(server, mine ? "" : server.token());
            const auto reply = one.request(upper(method), filled(path, "0"), {}, mine ? kAlice : HttpHeaders{});
            CHECK(reply.status != 405);
            CHECK(reply.body.find("There is nothing under this path") == std::string::npos);
            CHECK((operation->getObject("responses")->has(std::to_string(reply.status))));
        }
    CHECK(operations == postfach::admin::routes().size());
    for (const auto& route : postfach::admin::routes()) {
        INFO(route.method << " " << route.path);
        REQUIRE(paths->has(route.path));
        std::string method = route.method;
        for (char& c : method)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        CHECK(paths->getObject(route.path)->has(method));
    }
    for (const auto& path : paths->getNames())
        for (const std::string method : {"GET", "PUT", "POST", "PATCH", "DELETE"}) {
            std::string lower = method;
            for (char& c : lower)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            if (paths->getObject(path)->has(lower))
                continue;
            INFO(method << " " << path);
            CHECK((path.starts_with("/api/v1/me") ? owner.request(method, filled(path, "0"), {}, kAlice) : http.request(method, filled(path, "0"))).status == 405);
        }
}

TEST_CASE("Every body has an example that fits its schema", "[admin][openapi]")
{
    TestServer server;
    const auto document = Http(server, server.token()).get("/openapi.json").json();
    const Schemas schemas(document);
    std::size_t shown = 0;
    for (const auto& route : postfach::admin::routes()) {
        if (route.body == postfach::admin::BodyKind::none || route.body == postfach::admin::BodyKind::signatures)
            continue;
        std::string method = route.method;
        for (char& c : method)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto content = document->getObject("paths")->getObject(route.path)->getObject(method)->getObject("requestBody")->getObject("content");
        for (const auto& kind : content->getNames()) {
            INFO(route.method << " " << route.path << " " << kind);
            REQUIRE(content->getObject(kind)->has("example"));
            CHECK(schemas.misfit(content->getObject(kind)->get("example"), content->getObject(kind)->getObject("schema")) == "");
            ++shown;
        }
    }
    CHECK(shown > 20);
}

TEST_CASE("Every answer fits the schema that the document promises", "[admin][openapi]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto secret = admin.post("/api/v1/tokens", "{\"name\":\"all\",\"scopes\":[\"admin\",\"mail\"]}").text("token");
    Http http(server, secret);
    Http owner(server);
    const auto document = http.get("/openapi.json").json();
    const Schemas schemas(document);
    std::set<std::string> proven;

    const auto check = [&](const std::string& method, const std::string& target, const std::string& path, int status, const std::string& body = {},
                           const std::string& type = "application/json") {
        INFO(method << " " << target);
        HttpHeaders headers;
        if (!body.empty())
            headers.emplace_back("Content-Type", type);
        headers.emplace_back("Accept", "application/json");
        const auto entries = server.store().read()->auditHead().id;
        if (target.starts_with("/api/v1/me"))
            headers.push_back(kAlice[0]);
        const auto reply = (target.starts_with("/api/v1/me") ? owner : http).request(method, target, body, headers);
        CHECK(reply.status == status);
        const bool changed = method != "GET" && reply.status < 300 && target.starts_with("/api/") && target.find("dry_run") == std::string::npos; // and whatever changes something is in the audit
        const bool shows = target.find("/messages") != std::string::npos || target.ends_with("/zip"); // what somebody wrote to somebody
        CHECK((server.store().read()->auditHead().id > entries) == (changed || shows));
        std::string lower = method;
        for (char& c : lower)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto answers = document->getObject("paths")->getObject(path)->getObject(lower)->getObject("responses");
        const auto key = std::to_string(reply.status);
        REQUIRE(answers->has(key));
        proven.insert(lower + path);
        if (!answers->getObject(key)->has("content")) {
            CHECK(reply.body.empty());
            return reply;
        }
        const auto content = answers->getObject(key)->getObject("content");
        const auto given = reply.headers.at("content-type");
        const auto media = given.substr(0, given.find(';'));
        REQUIRE(content->has(media));
        if (media.find("json") != std::string::npos) {
            const auto misfit = schemas.misfit(reply.json(), content->getObject(media)->getObject("schema"));
            CHECK(misfit == "");
        }
        return reply;
    };

    server.fill(3);
    server.lmtp().deliver({"alice@example.org", "bob@example.org"}, "Subject: bad\r\n\r\n" + eicar() + "\r\n");
    const std::string v1 = "/api/v1", alice = v1 + "/accounts/alice@example.org";
    for (const std::string path : {"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"})
        check("GET", path, path, 200);
    for (const std::string path : {"/server", "/domains", "/accounts", "/aliases", "/tokens", "/quarantine", "/scans", "/backups"})
        check("GET", v1 + path, v1 + path, 200);
    check("PUT", v1 + "/domains/x.org", v1 + "/domains/{name}", 201, "{}");
    check("GET", v1 + "/domains/x.org", v1 + "/domains/{name}", 200);
    check("PATCH", v1 + "/domains/x.org", v1 + "/domains/{name}", 200, R"({"pop3":{"retention":"delete","seen":false,"delete":"hide","exclusive":true},"scan":{"macros":"reject"},"trash":{"trash_days":3}})",
          "application/merge-patch+json");
    check("DELETE", v1 + "/domains/x.org", v1 + "/domains/{name}", 204);
    check("GET", v1 + "/domains/x.org", v1 + "/domains/{name}", 404);
    check("PUT", v1 + "/accounts/x@y.org", v1 + "/accounts/{address}", 201, "{\"password\":\"p\"}");
    check("PATCH", v1 + "/accounts/x@y.org", v1 + "/accounts/{address}", 200, R"({"name":"n","pop3":{"retention":{"days":14}},"trash":{"junk_days":0,"expunge_to_trash":null}})",
          "application/merge-patch+json");
    check("GET", alice, v1 + "/accounts/{address}", 200);
    check("DELETE", v1 + "/accounts/x@y.org", v1 + "/accounts/{address}", 204);
    check("GET", alice + "/mailboxes", v1 + "/accounts/{address}/mailboxes", 200);
    check("GET", alice + "/mailboxes/INBOX/messages", v1 + "/accounts/{address}/mailboxes/{mailbox}/messages", 200);
    check("POST", alice + "/mailboxes/INBOX/messages", v1 + "/accounts/{address}/mailboxes/{mailbox}/messages", 201, "Subject: z\r\n\r\n", "message/rfc822");
    check("GET", alice + "/mailboxes/INBOX/messages/1", v1 + "/accounts/{address}/mailboxes/{mailbox}/messages/{uid}", 200);
    const std::string one_mailbox = v1 + "/accounts/{address}/mailboxes/{mailbox}";
    check("PUT", alice + "/mailboxes/Work", one_mailbox, 201, "{}");
    check("GET", alice + "/mailboxes/Work", one_mailbox, 200);
    check("PATCH", alice + "/mailboxes/Work", one_mailbox, 200, R"({"subscribed":false})", "application/merge-patch+json");
    check("DELETE", alice + "/mailboxes/Work", one_mailbox, 204);
    const auto office = check("GET", v1 + "/configuration/snapshot", v1 + "/configuration/snapshot", 200).body;
    check("POST", v1 + "/configuration/apply?dry_run=true", v1 + "/configuration/apply", 200, office);
    check("POST", v1 + "/configuration/apply", v1 + "/configuration/apply", 202, office);
    const std::string app_passwords = v1 + "/accounts/{address}/app-passwords";
    check("POST", alice + "/app-passwords", app_passwords, 201, "{\"label\":\"phone\",\"scopes\":[\"imap\"],\"expires\":\"2030-01-01T00:00:00Z\"}");
    check("POST", alice + "/app-passwords", app_passwords, 409, "{\"label\":\"phone\",\"scopes\":[\"imap\"]}");
    check("GET", alice + "/app-passwords", app_passwords, 200);
    check("GET", alice + "/logins", v1 + "/accounts/{address}/logins", 200);
    check("DELETE", alice + "/app-passwords/phone", app_passwords + "/{label}", 204);
    auto guesser = server.connect<ImapClient>("imap");
    guesser.line();
    for (int i = 0; i < 2; ++i)
        guesser.talk("LOGIN alice@example.org wrong");
    check("GET", v1 + "/sessions", v1 + "/sessions", 200);
    check("GET", v1 + "/sessions?service=http", v1 + "/sessions", 422);
    const auto guest = http.get("/api/v1/sessions?service=imap").column("id").back();
    check("GET", v1 + "/sessions/" + guest, v1 + "/sessions/{id}", 200);
    check("DELETE", v1 + "/sessions/" + guest, v1 + "/sessions/{id}", 204);
    check("GET", v1 + "/sessions/none", v1 + "/sessions/{id}", 404);
    check("GET", v1 + "/bans", v1 + "/bans", 200);
    check("DELETE", v1 + "/bans/127.0.0.1", v1 + "/bans/{subject}", 204);
    check("DELETE", v1 + "/bans/127.0.0.1", v1 + "/bans/{subject}", 404);
    check("PUT", v1 + "/aliases/i@example.org", v1 + "/aliases/{address}", 201, "{\"targets\":[\"bob@example.org\"]}");
    check("GET", v1 + "/aliases/i@example.org", v1 + "/aliases/{address}", 200);
    check("GET", v1 + "/aliases", v1 + "/aliases", 200);
    check("DELETE", v1 + "/aliases/i@example.org", v1 + "/aliases/{address}", 204);
    check("POST", v1 + "/tokens", v1 + "/tokens", 201, "{\"name\":\"t\",\"scopes\":[\"read\"]}");
    check("POST", v1 + "/tokens/t/rotate", v1 + "/tokens/{name}/rotate", 200);
    check("DELETE", v1 + "/tokens/t", v1 + "/tokens/{name}", 204);
    const auto ids = http.get("/api/v1/quarantine").column("id");
    REQUIRE(ids.size() == 2);
    check("GET", v1 + "/quarantine/" + ids[0], v1 + "/quarantine/{id}", 200);
    check("GET", v1 + "/quarantine/" + ids[0] + "/exposure", v1 + "/quarantine/{id}/exposure", 200);
    check("GET", v1 + "/quarantine?reason=infected", v1 + "/quarantine", 200);
    check("GET", v1 + "/quarantine/" + ids[0] + "/structure", v1 + "/quarantine/{id}/structure", 200);
    check("GET", v1 + "/quarantine/" + ids[0] + "/zip", v1 + "/quarantine/{id}/zip", 200);
    check("POST", v1 + "/quarantine/" + ids[0] + "/release", v1 + "/quarantine/{id}/release", 422, "{\"never_again\":\"sender\"}");
    check("POST", v1 + "/quarantine/" + ids[0] + "/release", v1 + "/quarantine/{id}/release", 204);
    check("DELETE", v1 + "/quarantine/" + ids[1], v1 + "/quarantine/{id}", 204);
    check("PUT", v1 + "/allowances/signature/Some.Name", v1 + "/allowances/{kind}/{what}", 200, "{\"expires\":\"2030-01-01T00:00:00Z\"}");
    check("GET", v1 + "/allowances", v1 + "/allowances", 200);
    check("DELETE", v1 + "/allowances/signature/Some.Name", v1 + "/allowances/{kind}/{what}", 204);
    check("GET", v1 + "/signatures", v1 + "/signatures", 200);
    check("PUT", v1 + "/signatures/own.ndb", v1 + "/signatures/{file}", 422, "no signature", "application/octet-stream");
    check("DELETE", v1 + "/signatures/not-there.ndb", v1 + "/signatures/{file}", 404);
    auto pop3 = server.pop3();
    pop3.talk("DELE 1");
    pop3.talk("DELE 2");
    pop3.talk("QUIT");
    const auto deleted = http.get(alice + "/deleted").column("id");
    REQUIRE(deleted.size() == 2);
    check("GET", alice + "/deleted", v1 + "/accounts/{address}/deleted", 200);
    check("POST", alice + "/deleted/" + deleted[0] + "/restore", v1 + "/accounts/{address}/deleted/{id}/restore", 200);
    check("DELETE", alice + "/deleted/" + deleted[1], v1 + "/accounts/{address}/deleted/{id}", 204);
    server.scanner().learn("Subject: message 3", "Test.Late");
    check("POST", v1 + "/scans", v1 + "/scans", 202);
    REQUIRE(server.appliance().rescan().awaitStatus([](const auto& status) { return status.hits == 1 && status.finished; }, std::chrono::seconds(60)));
    check("GET", v1 + "/scans", v1 + "/scans", 200);
    const auto late = http.get("/api/v1/quarantine").column("id").back();
    check("GET", v1 + "/quarantine/" + late + "/exposure", v1 + "/quarantine/{id}/exposure", 200);
    check("POST", v1 + "/scans/findings/Test.Late/confirm", v1 + "/scans/findings/{signature}/confirm", 204);
    check("POST", v1 + "/scans/findings/Test.Late/dismiss", v1 + "/scans/findings/{signature}/dismiss", 200);
    check("POST", v1 + "/scans/findings/None/dismiss", v1 + "/scans/findings/{signature}/dismiss", 404);
    check("DELETE", v1 + "/scans/pass", v1 + "/scans/pass", 204);
    const auto task = check("POST", v1 + "/checks", v1 + "/checks", 202, "{}");
    check("GET", v1 + "/tasks/" + task.text("id"), v1 + "/tasks/{id}", 200);
    check("GET", v1 + "/tasks", v1 + "/tasks", 200);
    check("POST", v1 + "/tasks/0/cancel", v1 + "/tasks/{id}/cancel", 404);
    check("GET", v1 + "/audit", v1 + "/audit", 200);
    check("GET", v1 + "/audit/verify", v1 + "/audit/verify", 200);
    check("GET", v1 + "/events", v1 + "/events", 200);
    check("GET", v1 + "/statistics?step=day", v1 + "/statistics", 200);
    check("PUT", v1 + "/webhooks/pager", v1 + "/webhooks/{name}", 201, R"({"url":"https://hooks.example.com/x","secret":"0123456789abcdef","kinds":["ban"]})");
    check("GET", v1 + "/webhooks", v1 + "/webhooks", 200);
    check("GET", v1 + "/webhooks/pager", v1 + "/webhooks/{name}", 200);
    check("GET", v1 + "/webhooks/pager/attempts", v1 + "/webhooks/{name}/attempts", 200);
    check("DELETE", v1 + "/webhooks/pager", v1 + "/webhooks/{name}", 204);
    check("POST", v1 + "/backups", v1 + "/backups", 422, "{\"folder\":\"../../etc\"}");
    check("POST", v1 + "/backups", v1 + "/backups", 422, "{\"folder\":\"/tmp/x\"}");
    check("POST", v1 + "/backups", v1 + "/backups", 202, "{\"folder\":\"monday\"}");
    check("POST", v1 + "/backups/restore", v1 + "/backups/restore", 422, "{\"folder\":\"/etc\",\"account\":\"alice@example.org\"}");
    check("POST", v1 + "/backups/restore", v1 + "/backups/restore", 422, "{\"folder\":\"monday\",\"account\":\"alice@example.org\",\"uid\":1}");
    check("POST", v1 + "/backups/restore", v1 + "/backups/restore", 202, "{\"folder\":\"monday\",\"account\":\"alice@example.org\"}");
    check("GET", "/mail/config-v1.1.xml?emailaddress=a%40example.org", "/mail/config-v1.1.xml", 200);
    check("GET", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=a%40x.example", "/.well-known/autoconfig/mail/config-v1.1.xml", 404);
    check("POST", "/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.xml", 200, "<EMailAddress>a@example.org</EMailAddress>", "text/xml");
    const std::string discover_json = "/autodiscover/autodiscover.json";
    check("GET", discover_json + "?Email=a%40example.org&Protocol=AutodiscoverV1", discover_json, 200);
    check("GET", discover_json + "/v1.0/a%40example.org?Protocol=Rest", discover_json + "/v1.0/{address}", 404);
    check("GET", "/mail/apple.mobileconfig?emailaddress=a%40example.org", "/mail/apple.mobileconfig", 200);
    check("GET", "/.well-known/user-agent-configuration.json", "/.well-known/user-agent-configuration.json", 404);
    http.put("/api/v1/domains/mail.example.org", "{}"); // what we ask it as
    check("GET", "/.well-known/user-agent-configuration.json", "/.well-known/user-agent-configuration.json", 200);
    check("GET", v1 + "/domains/example.org/dns", v1 + "/domains/{name}/dns", 200);
    const std::string me = v1 + "/me";
    check("GET", me, me, 200);
    check("GET", me + "/app-passwords", me + "/app-passwords", 200);
    check("POST", me + "/app-passwords", me + "/app-passwords", 201, R"({"label":"tablet","scopes":["imap"]})");
    check("DELETE", me + "/app-passwords/tablet", me + "/app-passwords/{label}", 204);
    check("GET", me + "/sessions", me + "/sessions", 200);
    check("DELETE", me + "/sessions/none", me + "/sessions/{id}", 404);
    check("GET", me + "/logins", me + "/logins", 200);
    check("GET", me + "/quarantine", me + "/quarantine", 200);
    for (const auto& own : http.get("/api/v1/quarantine?account=alice@example.org").column("id"))
        check("POST", me + "/quarantine/" + own + "/ask", me + "/quarantine/{id}/ask", 204, R"({"words":"please"})");
    check("POST", me + "/quarantine/0/ask", me + "/quarantine/{id}/ask", 404);
    check("GET", v1 + "/quarantine?asked=true", v1 + "/quarantine", 200);
    check("GET", me + "/deleted", me + "/deleted", 200);
    check("POST", me + "/deleted/99999/restore", me + "/deleted/{id}/restore", 404);
    check("PUT", me + "/password", me + "/password", 200, R"({"password":"secret"})");
    const std::string totp = me + "/totp";
    check("GET", totp, totp, 200);
    check("POST", totp, totp, 201, "{}");
    check("POST", totp + "/confirm", totp + "/confirm", 403, R"({"code":"1"})");
    const auto id = server.store().read()->findAccount("alice@example.org")->id;
    const auto codeNow = [&] {
        return postfach::auth::hotp(server.store().read()->totp(id)->secret,
                                    static_cast<std::uint64_t>(postfach::base::toMillis(server.clock().now()) / 30'000));
    };
    const auto codes = check("POST", totp + "/confirm", totp + "/confirm", 200, "{\"code\":\"" + codeNow() + "\"}");
    const auto recovery = codes.json()->getArray("recovery_codes")->get(0).convert<std::string>();
    check("POST", totp + "/remove", totp + "/remove", 204, R"({"password":"secret","code":")" + recovery + "\"}");
    check("DELETE", alice + "/totp", v1 + "/accounts/{address}/totp", 404);
    check("POST", v1 + "/session", v1 + "/session", 422, R"({"account":"alice@example.org"})");
    check("GET", v1 + "/session", v1 + "/session", 403); // a token is no browser
    Browser browser(server);
    const auto browse = [&](const std::string& method, const std::string& target, const std::string& path, int status) {
        INFO(method << " " << target);
        const auto reply = browser.ask(method, target);
        CHECK(reply.status == status);
        std::string lower = method;
        for (char& c : lower)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto answers = document->getObject("paths")->getObject(path)->getObject(lower)->getObject("responses");
        REQUIRE(answers->has(std::to_string(status)));
        const auto answer = answers->getObject(std::to_string(status));
        if (answer->has("content"))
            CHECK(schemas.misfit(reply.json(), answer->getObject("content")->getObject(reply.headers.at("content-type"))->getObject("schema")) == "");
        proven.insert(lower + path);
    };
    CHECK(schemas.misfit(browser.opened().json(), document->getObject("components")->getObject("schemas")->getObject("SignedIn")) == "");
    browse("GET", v1 + "/session", v1 + "/session", 200);
    browse("GET", me + "/web-sessions", me + "/web-sessions", 200);
    browse("DELETE", me + "/web-sessions/none", me + "/web-sessions/{id}", 404);
    browse("DELETE", v1 + "/session", v1 + "/session", 204);
    CHECK(proven.size() == postfach::admin::routes().size()); // nothing was left out
}

TEST_CASE("The page for people names every path, shape and code, and wants nothing from elsewhere", "[admin][openapi]")
{
    TestServer server;
    Http http(server);
    const auto page = http.get("/docs");
    REQUIRE(page.status == 200);
    const auto document = http.get("/openapi.json").json();
    for (const auto& route : postfach::admin::routes()) {
        INFO(route.method << " " << route.path);
        CHECK(page.body.find("<section id=\"" + std::string(route.id) + "\">") != std::string::npos);
    }
    for (const auto& name : document->getObject("components")->getObject("schemas")->getNames())
        CHECK(page.body.find("<section id=\"" + name + "\">") != std::string::npos);
    for (const auto& one : postfach::admin::problemCodes())
        CHECK(page.body.find("<code>" + std::string(one.code) + "</code>") != std::string::npos);
    CHECK_THAT(page.body, Catch::ContainsSubstring("curl -X PUT -H &quot;Authorization: Bearer $TOKEN&quot; -H 'Content-Type: application/json' \\\n"
                                                   "  --data-binary '{&quot;targets&quot;:["));
    CHECK_THAT(page.body, Catch::ContainsSubstring("curl -X PUT -u ADDRESS "));
    CHECK_THAT(page.body, Catch::ContainsSubstring("curl -X POST -H 'Content-Type: application/json'")); // signing in
    // Every link leads to a place in the page, or to this server.
    std::size_t links = 0;
    for (auto at = page.body.find("href=\""); at != std::string::npos; at = page.body.find("href=\"", at + 1), ++links) {
        const auto target = page.body.substr(at + 6, page.body.find('"', at + 6) - at - 6);
        INFO(target);
        CHECK((target.starts_with("/") || page.body.find("id=\"" + target.substr(1) + "\"") != std::string::npos));
    }
    CHECK(links > 50);
    for (const std::string outside : {"<script", "src=", "http://", "url("})
        CHECK(page.body.find(outside) == std::string::npos);
}
