// What an account's owner does himself.
#include "admin/api/routes.h"
#include "server/base/text.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;

namespace {
// Requests under a name and a password, each on a connection of its own: one that is refused with its body unread ends.
class Owner {
public:
    Owner(TestServer& server, const std::string& address, const std::string& password) :
        server_(server), credentials_("Basic " + postfach::base::base64(address + ":" + password))
    {
    }
    HttpReply ask(const std::string& method, const std::string& path, const std::string& body = {})
    {
        HttpHeaders headers{{"Authorization", credentials_}};
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return Http(server_).request(method, "/api/v1/me" + path, body, headers);
    }

private:
    TestServer& server_;
    std::string credentials_;
};

bool enters(TestServer& server, const std::string& password)
{
    auto imap = server.connect<ImapClient>("imap");
    imap.line();
    return imap.talk("LOGIN alice@example.org \"" + password + "\"").back().substr(0, 2) == "OK";
}
} // namespace

TEST_CASE("Nobody looks after an account without its password", "[admin][me]")
{
    TestServer server;
    Http admin(server, server.token()), nobody(server);
    CHECK(nobody.get("/api/v1/me").status == 401);
    CHECK(nobody.get("/api/v1/me").headers.at("www-authenticate").substr(0, 6) == "Basic ");
    CHECK(admin.get("/api/v1/me").status == 401); // a token has no account
    for (const auto& bad : std::vector<std::string>{"Basic", "Basic !!!",
             "Basic YWxpY2U=", "Basic " + postfach::base::base64(std::string("alice@example.org:\0secret", 25)),
             "Basic " + std::string(4000, 'A')}) {
        INFO(bad.substr(0, 60));
        CHECK(nobody.get("/api/v1/me", {{"Authorization", bad}}).status == 401);
    }
    CHECK(Owner(server, "alice@example.org", "wrong").ask("GET", "").status == 401);
    CHECK(Owner(server, "nobody@example.org", "secret").ask("GET", "").body
        == Owner(server, "alice@example.org", "wrong").ask("GET", "").body);
    CHECK(admin.get("/api/v1/bans").json()->getArray("items")->size() > 0); // the guard of the mail services counts them
    admin.remove("/api/v1/bans/127.0.0.1");
    // A password opens nothing else.
    CHECK(
        nobody.get("/api/v1/accounts", {{"Authorization", "Basic " + postfach::base::base64("alice@example.org:secret")}}).status
        == 401);
    CHECK(Owner(server, "alice@example.org", "secret").ask("GET", "/nothing").status == 404);
    admin.patch("/api/v1/accounts/alice@example.org", R"({"enabled":false})");
    CHECK(Owner(server, "alice@example.org", "secret").ask("GET", "").status == 401);
}

TEST_CASE("An owner sees and changes what is his, and nothing of others", "[admin][me]")
{
    TestServer server;
    Http admin(server, server.token());
    Owner alice(server, "Alice@example.org", "secret");

    SECTION("the account, also where no mail service is open to it")
    {
        admin.patch("/api/v1/accounts/alice@example.org", R"({"services":[]})");
        CHECK(alice.ask("GET", "").text("address") == "alice@example.org");
    }
    SECTION("the password: whoever is in with the old one goes")
    {
        CHECK(alice.ask("PUT", "/password", "{}").status == 422);
        CHECK(alice.ask("PUT", "/password", R"({"password":""})").status == 422);
        CHECK(alice.ask("PUT", "/password", R"({"password":"x","quota":0})").text("code") == "unknown_field");
        auto thief = server.imap();
        CHECK(alice.ask("PUT", "/password", R"({"password":"a new secret"})").status == 200);
        CHECK(thief.line().substr(0, 5) == "* BYE");
        CHECK(enters(server, "a new secret"));
        CHECK(alice.ask("GET", "").status == 401);
    }
    SECTION("app passwords, which themselves may only look")
    {
        const auto made = alice.ask("POST", "/app-passwords", R"({"label":"phone","scopes":["imap"]})");
        REQUIRE(made.status == 201);
        CHECK(enters(server, made.text("password")));
        Owner phone(server, "alice@example.org", made.text("password"));
        CHECK(phone.ask("GET", "").status == 200);
        CHECK(phone.ask("GET", "/app-passwords").column("label") == std::vector<std::string>{"phone"});
        CHECK(phone.ask("PUT", "/password", R"({"password":"taken over"})").text("code") == "scope");
        CHECK(phone.ask("POST", "/app-passwords", R"({"label":"more","scopes":["imap"]})").status == 403);
        CHECK(phone.ask("DELETE", "/app-passwords/phone").status == 403);
        CHECK(alice.ask("DELETE", "/app-passwords/phone").status == 204);
        CHECK(phone.ask("GET", "").status == 401);
    }
    SECTION("sessions")
    {
        auto bob = server.imap("bob@example.org");
        auto mine = server.imap();
        const auto ids = alice.ask("GET", "/sessions").column("id");
        REQUIRE(ids.size() == 1);
        for (const auto& id : admin.get("/api/v1/sessions?account=bob@example.org").column("id"))
            CHECK(alice.ask("DELETE", "/sessions/" + id).status == 404);
        CHECK(bob.talk("NOOP").back().substr(0, 2) == "OK");
        CHECK(alice.ask("DELETE", "/sessions/" + ids[0]).status == 204);
        CHECK(mine.line().substr(0, 5) == "* BYE");
    }
    SECTION("quarantine and what was deleted")
    {
        server.lmtp().deliver({"alice@example.org", "bob@example.org"}, "Subject: bad\r\n\r\n" + eicar() + "\r\n");
        CHECK(alice.ask("GET", "/quarantine").column("account") == std::vector<std::string>{"alice@example.org"});
        server.fill(1);
        for (const std::string who : {"alice@example.org", "bob@example.org"}) {
            auto pop3 = server.pop3(who);
            pop3.talk("DELE 1");
            pop3.talk("QUIT");
        }
        const auto mine = alice.ask("GET", "/deleted").column("id"),
                   bobs = admin.get("/api/v1/accounts/bob@example.org/deleted").column("id");
        REQUIRE(mine.size() == 1);
        REQUIRE(bobs.size() == 1);
        CHECK(alice.ask("POST", "/deleted/" + bobs[0] + "/restore").status == 404);
        CHECK(alice.ask("POST", "/deleted/" + mine[0] + "/restore").text("mailbox") == "INBOX");
    }
}

TEST_CASE("An app password looks at every route of an owner's, and changes nothing by any", "[admin][me][app-password]")
{
    TestServer server;
    Owner alice(server, "alice@example.org", "secret");
    server.fill(1);
    {
        auto pop3 = server.pop3();
        pop3.talk("DELE 1");
        pop3.talk("QUIT");
    }
    const auto mine = alice.ask("GET", "/deleted").column("id");
    REQUIRE(mine.size() == 1);
    auto imap = server.imap();
    const auto session = alice.ask("GET", "/sessions").column("id");
    REQUIRE(session.size() == 1);
    // Whatever its scopes are: none of them is this API's.
    for (const std::string scopes : {R"(["imap"])", R"(["smtp"])", R"(["imap","pop3","smtp"])"}) {
        const auto made = alice.ask("POST", "/app-passwords", R"({"label":"phone","scopes":)" + scopes + "}");
        REQUIRE(made.status == 201);
        Owner phone(server, "alice@example.org", made.text("password"));
        std::size_t looked = 0, refused = 0;
        for (const auto& route : postfach::admin::routes()) {
            std::string path = route.path;
            if (!path.starts_with("/api/v1/me"))
                continue;
            // With what is really there, so that only the gate can say no.
            const std::pair<std::string, std::string> values[] = {{"/app-passwords/{label}", "/app-passwords/phone"}, {"/sessions/{id}", "/sessions/" + session[0]},
                                                                  {"/deleted/{id}", "/deleted/" + mine[0]}};
            for (const auto& [name, value] : values)
                if (const auto at = path.find(name); at != std::string::npos)
                    path.replace(at, name.size(), value);
            const bool named = path.find('{') != std::string::npos; // by something else, which is not there
            for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
                path.replace(at, path.find('}') - at + 1, "none");
            INFO(route.method << " " << path);
            const std::string body = path.ends_with("/password") ? R"({"password":"taken over"})" : path.ends_with("/app-passwords") ? R"({"label":"more","scopes":["imap"]})" : "";
            const auto reply = phone.ask(route.method, path.substr(std::string("/api/v1/me").size()), std::string(route.method) == "GET" ? "" : body);
            if (std::string(route.method) == "GET") {
                CHECK((reply.status == 200 || (named && reply.status == 404)));
                ++looked;
            } else {
                CHECK(reply.status == 403);
                CHECK(reply.text("code") == "scope");
                ++refused;
            }
        }
        CHECK(looked >= 6);
        CHECK(refused >= 5);
        CHECK(phone.ask("HEAD", "").status == 200);
        CHECK(alice.ask("GET", "/app-passwords").column("label") == std::vector<std::string>{"phone"});
        CHECK(alice.ask("DELETE", "/app-passwords/phone").status == 204);
    }
    CHECK(enters(server, "secret"));
    CHECK(imap.talk("NOOP").back().substr(0, 2) == "OK");
    CHECK(alice.ask("GET", "/deleted").column("id") == mine);
}

TEST_CASE("An answer that an owner was given under an Idempotency-Key is not an app password's to have again", "[admin][me][app-password][idempotency]")
{
    TestServer server;
    Owner alice(server, "alice@example.org", "secret");
    const auto phone = alice.ask("POST", "/app-passwords", R"({"label":"phone","scopes":["imap"]})").text("password");
    const auto post = [&](const std::string& password) {
        return Http(server).request("POST", "/api/v1/me/app-passwords", R"({"label":"tablet","scopes":["imap"]})",
                                    {{"Authorization", "Basic " + postfach::base::base64("alice@example.org:" + password)},
                                     {"Content-Type", "application/json"}, {"Idempotency-Key", "k1"}});
    };
    const auto first = post("secret");
    REQUIRE(first.status == 201);
    CHECK(post("secret").headers.contains("idempotent-replayed"));
    const auto again = post(phone);
    CHECK(again.status == 403);
    CHECK(again.body.find(first.text("password")) == std::string::npos);
}
