// What POP3 does with downloaded mail and what an account may log in to, changed over HTTP and on the command line while clients come and go.
#include "admin/cli/cli.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <iostream>
#include <sstream>

using namespace postfach::test;

namespace {
const std::string kAlice = "/api/v1/accounts/alice@example.org";
const std::string kDomain = "/api/v1/domains/example.org";

std::string shown(const HttpReply& reply, const std::string& field = "pop3_in_force")
{
    std::ostringstream out;
    reply.json()->getObject(field)->stringify(out);
    return out.str();
}

std::string expire(TestServer& server)
{
    auto client = server.pop3();
    for (const auto& line : client.list("CAPA"))
        if (line.rfind("EXPIRE", 0) == 0)
            return line;
    return {};
}

std::string pop3Login(TestServer& server, const std::string& password = "secret")
{
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    client.talk("USER alice@example.org");
    return client.talk("PASS " + password);
}

std::string imapLogin(TestServer& server)
{
    auto imap = server.connect<ImapClient>("imap");
    imap.line();
    return imap.talk("LOGIN alice@example.org secret").back();
}

std::string cli(TestServer& server, std::vector<std::string> words, int status = 0)
{
    words.insert(words.end(), {"--data", server.data() + "/data"});
    words.insert(words.begin(), "postfach");
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    std::ostringstream out, err;
    auto* const stdout_was = std::cout.rdbuf(out.rdbuf());
    auto* const stderr_was = std::cerr.rdbuf(err.rdbuf());
    const int got = postfach::admin::runCli(static_cast<int>(argv.size()), argv.data());
    std::cout.rdbuf(stdout_was);
    std::cerr.rdbuf(stderr_was);
    INFO(err.str());
    CHECK(got == status);
    return out.str();
}
} // namespace

TEST_CASE("A POP3 policy that cannot be meant is refused and changes nothing", "[admin][pop3][retention]")
{
    TestServer server;
    Http http(server, server.token());
    for (const std::string policy : {R"({"retention":"for a while"})", R"({"retention":14})", R"({"retention":{"days":0}})", R"({"retention":{"days":36501}})",
                                     R"({"retention":{}})", R"({"retention":{"weeks":1}})", R"({"retention":["keep"]})", R"({"seen":"yes"})", R"({"delete":"maybe"})",
                                     R"({"delete":true})", R"({"exclusive":1})", R"({"colour":"red"})", R"("keep")", "[]"}) {
        INFO(policy);
        for (const auto& path : {kAlice, kDomain}) {
            CHECK(http.patch(path, "{\"pop3\":" + policy + "}").status == 422);
            CHECK(http.put(path, "{\"pop3\":" + policy + "}").status == 422);
        }
    }
    CHECK(http.patch(kAlice, R"({"pop3_in_force":{"retention":"keep"}})").text("code") == "read_only_field");
    CHECK(http.patch("/api/v1/domains/nowhere.example", R"({"pop3":{"retention":"keep"}})").status == 404);
    CHECK(shown(http.get(kAlice)) == R"({"delete":"remove","exclusive":false,"retention":"keep","seen":true})");
    CHECK(expire(server) == "EXPIRE NEVER");
}

TEST_CASE("An account's POP3 policy is its own, then its domain's, then the default", "[admin][pop3][retention]")
{
    TestServer server;
    Http http(server, server.token());
    REQUIRE(http.patch(kDomain, R"({"pop3":{"retention":{"days":30},"exclusive":true}})").status == 200);
    CHECK(shown(http.get(kAlice)) == R"({"delete":"remove","exclusive":true,"retention":{"days":30},"seen":true})");
    CHECK(shown(http.get(kAlice), "pop3") == R"({"delete":null,"exclusive":null,"retention":null,"seen":null})");
    CHECK(expire(server) == "EXPIRE 30");
    REQUIRE(http.patch(kAlice, R"({"pop3":{"retention":"delete","exclusive":false}})").status == 200);
    CHECK(expire(server) == "EXPIRE 0"); // the next session, no restart
    REQUIRE(http.patch(kAlice, R"({"pop3":{"seen":false}})").status == 200);
    CHECK(shown(http.get(kAlice)) == R"({"delete":"remove","exclusive":false,"retention":"delete","seen":false})"); // a patch leaves the rest
    REQUIRE(http.patch(kAlice, R"({"pop3":{"retention":null}})").status == 200);
    CHECK(expire(server) == "EXPIRE 30");
    REQUIRE(http.patch(kAlice, R"({"pop3":null})").status == 200);
    CHECK(shown(http.get(kAlice), "pop3") == R"({"delete":null,"exclusive":null,"retention":null,"seen":null})");
    const std::string token = server.token(); // told once, at the first start
    server.restart();
    CHECK(expire(server) == "EXPIRE 30");
    Http again(server, token);
    REQUIRE(again.put(kDomain, "{}").status == 200); // PUT: defaults for what is not said
    CHECK(expire(server) == "EXPIRE NEVER");
}

TEST_CASE("POP3 policies are shown and changed on the command line", "[admin][cli][pop3][retention]")
{
    TestServer server;
    CHECK(cli(server, {"domain", "policy", "example.org"}).find("RETENTION  default") == 0);
    cli(server, {"domain", "policy", "example.org", "--retention", "30d"});
    CHECK(cli(server, {"account", "policy", "alice@example.org"}).find("RETENTION  30 days after the first download (inherited)") == 0);
    cli(server, {"account", "policy", "alice@example.org", "--retention", "delete", "--delete", "hide", "--seen", "no", "--exclusive", "yes"});
    CHECK(expire(server) == "EXPIRE 0");
    const auto own = cli(server, {"account", "policy", "alice@example.org"});
    CHECK(own.find("RETENTION  delete\n") != std::string::npos);
    CHECK(own.find("DELETE     hide\n") != std::string::npos);
    cli(server, {"account", "policy", "alice@example.org", "--retention", "inherit"});
    CHECK(expire(server) == "EXPIRE 30");
    CHECK(cli(server, {"account", "policy", "alice@example.org", "--json"}).find("\"pop3_in_force\"") != std::string::npos);
    for (const std::string wrong : {"30", "d", "-1d", "for ever", ""})
        cli(server, {"account", "policy", "alice@example.org", "--retention", wrong}, 2);
    cli(server, {"account", "policy", "alice@example.org", "--retention", "0d"}, 1);
    cli(server, {"account", "policy", "alice@example.org", "--seen", "perhaps"}, 2);
    cli(server, {"account", "policy", "alice@example.org", "--delete", "perhaps"}, 1);
    cli(server, {"account", "policy", "nobody@example.org"}, 1);
    CHECK(expire(server) == "EXPIRE 30");
}

TEST_CASE("A service is switched off and on while clients come, and only who has the password hears of it", "[admin][services]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(pop3Login(server).substr(0, 3) == "+OK");
    const auto wrong = pop3Login(server, "wrong");

    REQUIRE(http.patch(kAlice, R"({"services":["imap","smtp"]})").status == 200);
    CHECK(pop3Login(server) == "-ERR [AUTH] this account may not use POP3");
    CHECK(pop3Login(server, "wrong") == wrong); // a guesser learns nothing
    CHECK(imapLogin(server).substr(0, 2) == "OK");

    cli(server, {"account", "change", "alice@example.org", "--services", "pop3"});
    CHECK(pop3Login(server).substr(0, 3) == "+OK");
    CHECK(imapLogin(server).substr(0, 2) == "NO");
    CHECK(http.patch(kAlice, R"({"services":[]})").json()->getArray("services")->size() == 0);
    CHECK(pop3Login(server).substr(0, 11) == "-ERR [AUTH]");
    CHECK(imapLogin(server).substr(0, 2) == "NO");
    CHECK(http.patch(kAlice, R"({"services":null})").json()->getArray("services")->size() == 3);
    CHECK(pop3Login(server).substr(0, 3) == "+OK");
    CHECK(imapLogin(server).substr(0, 2) == "OK");
}
