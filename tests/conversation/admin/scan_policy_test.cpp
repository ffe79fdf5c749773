// What becomes of mail that is not clean, said by domains and accounts over HTTP and on the command line.
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;

namespace {
const std::string kAlice = "/api/v1/accounts/alice@example.org";
const std::string kDomain = "/api/v1/domains/example.org";
const std::string kMacros = "Subject: x\r\n\r\nFOUND: macros\r\n";

std::string line(const HttpReply& reply, const std::string& policy, const std::string& name)
{
    const auto value = reply.json()->getObject(policy)->get(name);
    return value.isEmpty() ? "null" : value.convert<std::string>();
}

std::string cli(TestServer& server, std::vector<std::string> words, int status = 0)
{
    words.insert(words.end(), {"--data", server.data() + "/data"});
    const Run run = command(std::move(words));
    INFO(run.err);
    CHECK(run.status == status);
    return run.out;
}
} // namespace

TEST_CASE("A scanning policy that cannot be meant is refused and changes nothing", "[admin][scan][policy]")
{
    TestServer server;
    Http http(server, server.token());
    for (const std::string policy : {R"({"macros":"maybe"})", R"({"macros":true})", R"({"macros":["mark"]})", R"({"infected":"deliver"})",
                                     R"({"infected":"mark"})", R"({"unscannable":"deliver"})", R"({"viruses":"reject"})", R"("reject")"}) {
        CAPTURE(policy);
        for (const auto& target : {kAlice, kDomain}) {
            CHECK(http.patch(target, "{\"scan\":" + policy + "}").status == 422);
            CHECK(http.put(target, "{\"scan\":" + policy + "}").status == 422);
            CHECK(line(http.get(target), "scan", "macros") == "null");
        }
    }
    CHECK(http.patch(kAlice, R"({"scan_in_force":{}})").status == 422);
}

TEST_CASE("A scanning policy of a domain and of an account holds from the next mail on", "[admin][scan][policy]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(line(http.get(kAlice), "scan_in_force", "macros") == "mark");
    CHECK(line(http.get(kAlice), "scan_in_force", "infected") == "quarantine");
    CHECK(http.patch(kDomain, R"({"scan":{"macros":"reject","limits":"quarantine"}})").status == 200);
    CHECK(line(http.get(kDomain), "scan", "macros") == "reject");
    CHECK(line(http.get(kAlice), "scan_in_force", "macros") == "reject");
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, kMacros).at(0), StartsWith("550"));

    const auto etag = http.get(kAlice).headers["etag"];
    CHECK(http.patch(kAlice, R"({"scan":{"macros":"deliver"}})").status == 200);
    CHECK(http.get(kAlice).headers["etag"] != etag);
    CHECK(line(http.get(kAlice), "scan_in_force", "limits") == "quarantine");
    const auto answers = server.lmtp().deliver({"alice@example.org", "bob@example.org"}, kMacros);
    CHECK_THAT(answers.at(0), StartsWith("250"));
    CHECK_THAT(answers.at(1), StartsWith("550"));

    CHECK(http.patch(kAlice, R"({"scan":{"macros":null}})").status == 200); // inherited again
    CHECK(line(http.get(kAlice), "scan_in_force", "macros") == "reject");
    CHECK(http.patch(kDomain, R"({"pop3":{"seen":false}})").status == 200); // what is not named stays
    CHECK(line(http.get(kDomain), "scan", "macros") == "reject");
    CHECK(http.patch(kDomain, R"({"scan":null})").status == 200);
    CHECK(line(http.get(kAlice), "scan_in_force", "macros") == "mark");

    server.configure("scanner.macros", "quarantine");
    server.reload();
    CHECK(line(http.get(kAlice), "scan_in_force", "macros") == "quarantine");
    CHECK(http.get("/api/v1/accounts").body.find("scan_in_force") != std::string::npos);
}

TEST_CASE("The command line shows and changes scanning policies", "[admin][cli][scan][policy]")
{
    TestServer server;
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org"}), ContainsSubstring("MACROS       mark (inherited)"));
    CHECK_THAT(cli(server, {"domain", "policy", "example.org"}), ContainsSubstring("MACROS       default"));
    CHECK_THAT(cli(server, {"domain", "policy", "example.org", "--macros", "reject", "--encrypted", "quarantine"}), ContainsSubstring("MACROS       reject"));
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org", "--macros", "deliver"}),
               ContainsSubstring("MACROS       deliver\n") && ContainsSubstring("ENCRYPTED    quarantine (inherited)"));
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org", "--macros", "inherit", "--json"}), ContainsSubstring("\"scan_in_force\""));
    cli(server, {"account", "policy", "alice@example.org", "--macros", "maybe"}, 1);
    cli(server, {"account", "policy", "alice@example.org", "--infected", "deliver"}, 1);
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org"}), ContainsSubstring("MACROS       reject (inherited)"));
}
