// Second factors: setting them up, signing in with them, losing them.
#include "server/auth/totp.h"
#include "server/base/text.h"
#include "tests/conversation/admin/browser.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/support/catch.h"

#include <chrono>
#include <set>
#include <tuple>

using namespace postfach;
using namespace postfach::test;
using namespace std::chrono_literals;

namespace {
constexpr auto kAlice = "/api/v1/accounts/alice@example.org";
constexpr auto kTotp = "/api/v1/me/totp";

// An account with its authenticator.
class Phone {
public:
    explicit Phone(TestServer& server, const std::string& account = "alice@example.org") :
        server_(server), basic_("Basic " + base::base64(account + ":secret")), account_(server.store().read()->findAccount(account)->id)
    {
    }
    HttpReply ask(const std::string& method, const std::string& path, const std::string& body = {})
    {
        HttpHeaders headers{{"Authorization", basic_}};
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return Http(server_).request(method, kTotp + path, body, headers);
    }
    std::string code(int steps_ahead = 0) const
    {
        const auto step = base::toMillis(server_.clock().now()) / 30'000 + steps_ahead;
        return auth::hotp(server_.store().read()->totp(account_)->secret, static_cast<std::uint64_t>(step));
    }
    std::vector<std::string> enrol() // the recovery codes
    {
        REQUIRE(ask("POST", "").status == 201);
        const auto done = ask("POST", "/confirm", "{\"code\":\"" + code() + "\"}");
        REQUIRE(done.status == 200);
        server_.clock().advance(30s); // that code is used up
        std::vector<std::string> codes;
        const auto told = done.json()->getArray("recovery_codes");
        for (const auto& one : *told)
            codes.push_back(one.convert<std::string>());
        return codes;
    }

private:
    TestServer& server_;
    const std::string basic_;
    const store::AccountId account_;
};

HttpReply signIn(TestServer& server, const std::string& code, const std::string& password = "secret", const std::string& account = "alice@example.org")
{
    return Http(server).request("POST", "/api/v1/session",
        R"({"account":")" + account + R"(","password":")" + password + R"(","code":")" + code + "\"}", {{"Content-Type", "application/json"}});
}
} // namespace

TEST_CASE("A second factor is in force once its owner has shown a code of it", "[admin][totp]")
{
    TestServer server;
    Http admin(server, server.token());
    Phone phone(server);
    CHECK(phone.ask("POST", "/confirm", R"({"code":"123456"})").text("code") == "not_begun");
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret","code":"1"})").status == 404);
    const auto begun = phone.ask("POST", "");
    REQUIRE(begun.status == 201);
    const auto kept = server.store().read()->totp(server.store().read()->findAccount("alice@example.org")->id);
    CHECK(begun.text("secret") == auth::base32(kept->secret));
    CHECK(begun.text("uri").find("otpauth://totp/") == 0);
    CHECK(phone.ask("GET", "").text("enabled") == "false");
    CHECK(signIn(server, "").status == 201); // it counts from its confirmation on
    const auto next = phone.ask("POST", "").text("secret");
    CHECK(next != begun.text("secret")); // begun again: the other one is forgotten
    CHECK(phone.ask("POST", "/confirm", R"({})").status == 422);
    CHECK(phone.ask("POST", "/confirm", R"({"code":"000000x"})").text("code") == "wrong_code");
    const auto done = phone.ask("POST", "/confirm", "{\"code\":\"" + phone.code() + "\"}");
    REQUIRE(done.status == 200);
    CHECK(done.json()->getArray("recovery_codes")->size() == 10);
    CHECK(phone.ask("POST", "").status == 403); // the password alone only looks from now on
    CHECK(phone.ask("POST", "/confirm", "{\"code\":\"" + phone.code(1) + "\"}").status == 403);
    CHECK(phone.ask("GET", "").text("enabled") == "true");
    CHECK(admin.get(kAlice).text("totp") == "true");
    CHECK(admin.patch(kAlice, R"({"totp":false})").text("code") == "read_only_field");
    CHECK(admin.get("/api/v1/audit?action=totp").column("action") == std::vector<std::string>{"totp.enable", "totp.begin", "totp.begin"});
    const auto journal = admin.get("/api/v1/audit").body + admin.get("/api/v1/events", {{"Accept", "application/json"}}).body;
    CHECK(journal.find(next) == std::string::npos);
}

TEST_CASE("Where there is a second factor, the password alone looks and changes nothing", "[admin][totp][me]")
{
    TestServer server;
    Phone phone(server);
    const auto basic = [&server](const std::string& method, const std::string& path, const std::string& body = {}) {
        HttpHeaders headers{{"Authorization", "Basic " + base::base64("alice@example.org:secret")}};
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return Http(server).request(method, "/api/v1/me" + path, body, headers);
    };
    const std::string label = R"({"label":"phone","scopes":["imap"]})", fresh = R"({"password":"another long password"})";
    CHECK(basic("POST", "/app-passwords", label).status == 201);
    const auto recovery = phone.enrol();
    CHECK(basic("GET", "").status == 200);
    CHECK(basic("GET", "/app-passwords").column("label") == std::vector<std::string>{"phone"});
    for (const auto& [method, path, body] : std::vector<std::tuple<std::string, std::string, std::string>>{
             {"PUT", "/password", fresh}, {"POST", "/app-passwords", R"({"label":"mine","scopes":["imap"]})"}, {"DELETE", "/app-passwords/phone", ""},
             {"POST", "/quarantine/1/ask", "{}"}}) {
        INFO(method << " " << path);
        const auto refused = basic(method, path, body);
        CHECK(refused.status == 403);
        CHECK(refused.text("detail").find("second factor") != std::string::npos);
    }
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret","code":"000000"})").status != 204);
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret","code":")" + recovery.at(0) + "\"}").status == 204); // both are in the body
    CHECK(basic("PUT", "/password", fresh).status == 200);
}

TEST_CASE("A browser needs the code, each code works once, and a wrong one is slowed as a wrong password is", "[admin][totp][rfc6238-5.2]")
{
    TestServer server;
    const std::string token = server.token();
    const auto lift = [&] { Http(server, token).remove("/api/v1/bans/127.0.0.1"); };
    const auto get = [&](const std::string& path) { return Http(server, token).get(path); };
    Phone phone(server);
    Browser before(server);
    REQUIRE(before.ask("GET", "/api/v1/session").status == 200);
    phone.enrol();
    CHECK(before.ask("GET", "/api/v1/session").status == 401); // opened without it

    CHECK(signIn(server, "").text("code") == "totp_code");
    CHECK(signIn(server, "", "wrong").text("code") == "unauthorized"); // who does not know the password learns nothing of it
    CHECK(signIn(server, phone.code(), "wrong").text("code") == "unauthorized");
    lift();
    const auto code = phone.code();
    CHECK(signIn(server, code).status == 201);
    CHECK(signIn(server, code).text("code") == "unauthorized");      // used
    CHECK(signIn(server, phone.code(-1)).status == 401);             // earlier than what was used
    server.restart();                                                // nor does a restart forget
    CHECK(signIn(server, code).status == 401);
    CHECK(signIn(server, phone.code(1)).status == 201);              // the clock of the phone is ahead
    server.clock().advance(90s);
    CHECK(signIn(server, phone.code(-2)).status == 401);
    CHECK(signIn(server, phone.code(2)).status == 401);
    const auto bans = get("/api/v1/bans").json()->getArray("items");
    CHECK(bans->size() > 0);
    CHECK(get("/api/v1/audit?action=web-session.refused").column("target").size() > 0);
    lift();
    CHECK(get("/api/v1/bans").json()->getArray("items")->empty());
    for (int i = 0; i < 3; ++i) // the right password does not wash the wrong codes away
        signIn(server, "nonsense");
    CHECK(get("/api/v1/bans").body.find("alice@example.org") != std::string::npos);
    lift();
    CHECK(signIn(server, phone.code()).status == 201);
    auto imap = server.imap(); // the mail services know no second factor
    CHECK(imap.talk("NOOP").back().substr(0, 2) == "OK");
}

TEST_CASE("Each recovery code stands in once", "[admin][totp]")
{
    TestServer server;
    Http admin(server, server.token());
    Phone phone(server), bob(server, "bob@example.org");
    const auto codes = phone.enrol(), others = bob.enrol();
    CHECK(std::set<std::string>(codes.begin(), codes.end()).size() == 10);
    CHECK(signIn(server, others[0]).status == 401); // another's
    CHECK(signIn(server, base::upper(codes[0])).status == 201);
    CHECK(signIn(server, codes[0]).status == 401);
    CHECK(phone.ask("GET", "").text("recovery_codes") == "9");
    CHECK(admin.get("/api/v1/audit?action=web-session.open").body.find("recovery code") != std::string::npos);
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret","code":"nonsense"})").text("code") == "wrong_password");
    CHECK(phone.ask("POST", "/remove", R"({"password":"wrong","code":")" + codes[1] + "\"}").text("code") == "wrong_password");
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret"})").status == 422);
    Browser browser(server, "bob@example.org", "secret");
    CHECK(browser.opened().text("code") == "totp_code");
    CHECK(phone.ask("POST", "/remove", R"({"password":"secret","code":")" + codes[1] + "\"}").status == 204);
    CHECK(signIn(server, "").status == 201);
    CHECK(admin.get("/api/v1/audit?action=totp.remove").column("target") == std::vector<std::string>{"alice@example.org"});
    phone.enrol();
    CHECK(signIn(server, codes[2]).status == 401); // of the factor before
}

TEST_CASE("In a browser a second factor is set up with the password once more", "[admin][totp][web-session]")
{
    TestServer server;
    Browser browser(server);
    Phone phone(server);
    CHECK(browser.ask("POST", kTotp).text("code") == "wrong_password");
    CHECK(browser.ask("POST", kTotp, R"({"current_password":"wrong"})").text("code") == "wrong_password");
    REQUIRE(browser.ask("POST", kTotp, R"({"current_password":"secret"})").status == 201);
    const auto done = browser.ask("POST", std::string(kTotp) + "/confirm", "{\"code\":\"" + phone.code() + "\"}");
    CHECK(done.status == 200);
    CHECK(browser.cookie().empty()); // signed out: with the code from now on
}

TEST_CASE("An account is an administrator's in a browser, with the scopes it was given", "[admin][totp][scopes]")
{
    TestServer server;
    Http admin(server, server.token());
    CHECK(admin.patch(kAlice, R"({"scopes":["root"]})").status == 422);
    CHECK(admin.patch(kAlice, R"({"scopes":["read","accounts","read"]})").json()->getArray("scopes")->size() == 2);
    Browser alice(server);
    CHECK(alice.opened().json()->getArray("scopes")->size() == 2);
    CHECK(alice.ask("GET", "/api/v1/accounts").status == 200);
    CHECK(alice.ask("PATCH", "/api/v1/accounts/bob@example.org", R"({"name":"Bob"})").status == 200);
    CHECK(admin.get("/api/v1/audit?target=bob@example.org").column("actor").front() == "account:alice@example.org");
    CHECK(alice.ask("GET", "/api/v1/tokens").status == 403);
    CHECK(alice.ask("GET", "/api/v1/me").status == 200);
    CHECK(Http(server).get("/api/v1/accounts", {{"Authorization", "Basic " + base::base64("alice@example.org:secret")}}).status == 401); // not so

    SECTION("whoever changes an administrator is one")
    {
        const auto office = admin.post("/api/v1/tokens", R"({"name":"office","scopes":["read","accounts"]})").text("token");
        const auto asked = [&](const std::string& method, const std::string& path, const std::string& body) {
            return Http(server, office).request(method, path, body, {{"Content-Type", "application/json"}}).status;
        };
        CHECK(asked("PATCH", kAlice, R"({"password":"mine now"})") == 403);
        CHECK(asked("PUT", kAlice, R"({"password":"mine now"})") == 403);
        CHECK(asked("DELETE", kAlice, "") == 403);
        CHECK(asked("DELETE", std::string(kAlice) + "/totp", "") == 403);
        const std::string label = R"({"label":"phone","scopes":["imap"]})"; // a way into the mailbox is one to its mail
        CHECK(asked("POST", std::string(kAlice) + "/app-passwords", label) == 403);
        CHECK(asked("POST", "/api/v1/accounts/bob@example.org/app-passwords", label) == 201);
        CHECK(asked("PUT", std::string(kAlice) + "/mailboxes/Mine", "{}") == 403);
        CHECK(asked("PUT", "/api/v1/accounts/bob@example.org/mailboxes/Mine", "{}") == 201);
        CHECK(asked("DELETE", std::string(kAlice) + "/mailboxes/Archive", "") == 403);
        CHECK(asked("DELETE", std::string(kAlice) + "/deleted/1", "") == 403);
        CHECK(asked("POST", std::string(kAlice) + "/deleted/1/restore", "") == 403);
        CHECK(alice.ask("POST", "/api/v1/me/app-passwords", R"({"label":"own","scopes":["imap"]})").status == 201);
        CHECK(asked("PATCH", "/api/v1/accounts/bob@example.org", R"({"scopes":["admin"]})") == 403);
        CHECK(asked("PUT", "/api/v1/accounts/new@example.org", R"({"password":"x","scopes":["read"]})") == 403);
        const std::string applied = "/api/v1/configuration/apply";
        CHECK(asked("POST", applied, R"({"accounts":[{"address":"bob@example.org","scopes":["admin"]}]})") == 403);
        CHECK(asked("POST", applied, R"({"accounts":[{"address":"alice@example.org","name":"Other"}]})") == 403);
        CHECK(asked("PATCH", "/api/v1/accounts/bob@example.org", R"({"password":"another"})") == 200);
        CHECK(alice.ask("PATCH", kAlice, R"({"scopes":["admin"]})").status == 403); // not even oneself
        CHECK(server.store().read()->findAccount("bob@example.org")->scopes.empty());
    }
    SECTION("what is taken ends at once, and who keeps it is not asked for it again")
    {
        CHECK(admin.put(kAlice, R"({"name":"Alice"})").json()->getArray("scopes")->size() == 2); // a whole account says nothing of it
        REQUIRE(alice.ask("GET", "/api/v1/accounts").status == 200);
        CHECK(admin.patch(kAlice, R"({"scopes":["accounts","read"]})").status == 200); // the same
        REQUIRE(alice.ask("GET", "/api/v1/accounts").status == 200);
        CHECK(admin.patch(kAlice, R"({"scopes":null})").status == 200);
        CHECK(alice.ask("GET", "/api/v1/session").status == 401);
        CHECK(Browser(server).ask("GET", "/api/v1/accounts").status == 403);
    }
    SECTION("the office as one document has the scopes, and no secret")
    {
        Phone(server).enrol();
        const auto document = admin.get("/api/v1/configuration/snapshot").body;
        CHECK(document.find(R"("scopes":["accounts","read"])") != std::string::npos);
        CHECK(document.find("totp") == std::string::npos);
        admin.patch(kAlice, R"({"scopes":[]})");
        const auto plan = admin.post("/api/v1/configuration/apply?dry_run=true", document);
        CHECK(plan.body.find("\"scopes\"") != std::string::npos);
        CHECK(admin.post("/api/v1/configuration/apply?dry_run=true", R"({"accounts":[{"address":"alice@example.org","scopes":["root"]}]})").status == 422);
    }
    SECTION("admin is every scope but mail")
    {
        admin.patch(kAlice, R"({"scopes":["admin"]})");
        Browser again(server);
        CHECK(again.ask("GET", "/api/v1/tokens").status == 200);
        CHECK(again.ask("GET", "/api/v1/accounts/bob@example.org/mailboxes/INBOX/messages").status == 403);
    }
}

TEST_CASE("Where administrators must have a second factor, none signs in without", "[admin][totp][scopes]")
{
    TestServer::Settings settings;
    settings.config = {{"admin.require_totp", "on"}};
    TestServer server(settings);
    Http admin(server, server.token());
    CHECK(signIn(server, "").status == 201); // alice is none
    Browser early(server);
    admin.patch(kAlice, R"({"scopes":["read"]})");
    CHECK(early.ask("GET", "/api/v1/session").status == 401);
    CHECK(signIn(server, "", "wrong").text("code") == "unauthorized");
    CHECK(signIn(server, "").text("code") == "totp_required");
    Phone phone(server);
    phone.enrol(); // with the password alone, and then
    CHECK(signIn(server, phone.code()).status == 201);
    admin.remove(std::string(kAlice) + "/totp");
    CHECK(signIn(server, "").text("code") == "totp_required");
}

TEST_CASE("The command line makes administrators and takes lost second factors away", "[admin][totp][cli]")
{
    TestServer server;
    Http admin(server, server.token());
    Phone(server).enrol();
    const auto run = [&](std::vector<std::string> words) {
        words.insert(words.end(), {"--data", server.data() + "/data"});
        return command(std::move(words));
    };
    CHECK(run({"account", "change", "alice@example.org", "--scope", "root"}).status == 1);
    CHECK(run({"account", "change", "alice@example.org", "--scope", "read,scan"}).status == 0);
    CHECK(admin.get(kAlice).json()->getArray("scopes")->size() == 2);
    CHECK(run({"account", "show", "alice@example.org"}).out.find("read") != std::string::npos);
    CHECK(run({"account", "change", "alice@example.org", "--scope", "none"}).status == 0);
    CHECK(admin.get(kAlice).json()->getArray("scopes")->empty());
    CHECK(run({"account", "add", "carol@example.org", "--scope", "admin"}).status == 0);
    CHECK(admin.get("/api/v1/accounts/carol@example.org").body.find("\"scopes\":[\"admin\"]") != std::string::npos);
    CHECK(run({"account", "reset-totp", "alice@example.org"}).status == 0);
    CHECK(run({"account", "reset-totp", "alice@example.org"}).status == 1);
    CHECK(admin.get(kAlice).text("totp") == "false");
    CHECK(signIn(server, "").status == 201);
    CHECK(admin.get("/api/v1/audit?action=totp.reset").column("target") == std::vector<std::string>{"alice@example.org"});
}
