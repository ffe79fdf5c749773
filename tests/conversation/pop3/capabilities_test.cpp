// What CAPA announces is true where it is said: before and after login, with TLS and without, under every policy.
#include "server/pop3/texts.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach::test;
namespace store = postfach::store;

namespace {

bool has(const Lines& lines, const std::string& line) { return std::count(lines.begin(), lines.end(), line) == 1; }

std::string starting(const Lines& lines, const std::string& word)
{
    for (const auto& line : lines)
        if (line.rfind(word, 0) == 0)
            return line;
    return "none";
}

Pop3Client stranger(TestServer& server)
{
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    return client;
}

void setPolicy(TestServer& server, const std::string& whose, std::optional<std::uint32_t> retention)
{
    server.store().writeAndWait([&](store::WriteTx& tx) {
        store::Pop3Policy policy;
        policy.retention = retention;
        if (whose.find('@') == std::string::npos)
            return tx.changeDomain(whose, {policy, {}});
        store::AccountPatch patch;
        patch.pop3 = policy;
        tx.changeAccount(tx.findAccount(whose)->id, patch);
    });
}

} // namespace

TEST_CASE("capabilities are the same before and after login but for what login and TLS change", "[pop3][capa][rfc2449]")
{
    TestServer server;
    auto client = stranger(server);
    CHECK_THAT(client.talk("CAPA x"), Catch::StartsWith("-ERR"));
    const auto before = client.list("capa ");
    client.talk("USER alice@example.org");
    client.talk("PASS secret");
    const auto after = client.list("CAPA");
    for (const auto& lines : {before, after}) {
        for (const auto* name : {"TOP", "UIDL", "USER", "STLS", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "LOGIN-DELAY 0", "UTF8 USER",
                                 "LANG", "IMPLEMENTATION Postfach"})
            CHECK(has(lines, name));
        CHECK(starting(lines, "SASL ").find("PLAIN") != std::string::npos);
        CHECK(lines.size() == 14); // the status line, and each once
    }
    // "UIDL", "TOP", "LANG" and pipelining are not only said.
    client.send("UIDL\r\nLANG\r\nNOOP\r\n");
    for (const auto* wanted : {"+OK", ".", "+OK", "en English", "de Deutsch", ".", "+OK"})
        CHECK_THAT(client.line(), Catch::StartsWith(wanted));
}

TEST_CASE("EXPIRE tells the least of all before login, and the account's own after it", "[pop3][capa][rfc2449-6.7]")
{
    TestServer server;
    const auto before = [&] { return starting(stranger(server).list("CAPA"), "EXPIRE"); };
    const auto after = [&](const std::string& user) { return starting(server.pop3(user).list("CAPA"), "EXPIRE"); };
    CHECK(before() == "EXPIRE NEVER");
    setPolicy(server, "alice@example.org", 30);
    CHECK(before() == "EXPIRE 30 USER");
    CHECK(after("alice@example.org") == "EXPIRE 30");
    CHECK(after("bob@example.org") == "EXPIRE NEVER");
    setPolicy(server, "example.org", 0);
    CHECK(before() == "EXPIRE 0 USER");
    CHECK(after("alice@example.org") == "EXPIRE 30");
    CHECK(after("bob@example.org") == "EXPIRE 0");
    setPolicy(server, "example.org", std::nullopt);
    setPolicy(server, "alice@example.org", store::Pop3Policy::kForEver);
    CHECK(before() == "EXPIRE NEVER");
}

TEST_CASE("APOP is refused, and the greeting does not ask for it", "[pop3][rfc1939-7]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    const auto greeting = client.line();
    CHECK(greeting.find('<') == std::string::npos);
    CHECK_THAT(client.talk("APOP alice@example.org c4c9334bac560ecc979e58001b3e22fb"), Catch::StartsWith("-ERR [AUTH] APOP"));
}

TEST_CASE("LANG changes the language of every answer, and STLS takes it back", "[pop3][rfc6856-3]")
{
    TestServer server;
    auto client = stranger(server);
    CHECK_THAT(client.talk("LANG fr"), Catch::StartsWith("-ERR that language"));
    CHECK(client.list("LANG") == Lines{"+OK languages follow", "en English", "de Deutsch"});
    CHECK(client.talk("LANG de-AT") == "+OK de Sprache gewechselt");
    CHECK(client.talk("USER alice@example.org") == "+OK jetzt das Passwort");
    CHECK(client.talk("PASS wrong") == "-ERR [AUTH] falscher Name oder falsches Passwort");
    CHECK_THAT(client.talk("LANG xx"), Catch::StartsWith("-ERR diese Sprache"));
    CHECK(client.talk("LANG *") == "+OK en language changed");
    client.talk("LANG i-DEFAULT");
    client.talk("lang DE");
    CHECK_THAT(client.talk("STLS"), Catch::StartsWith("+OK TLS beginnt"));
    client.startTls();
    CHECK(client.talk("USER alice@example.org") == "+OK now the password");
    CHECK(client.talk("PASS secret") == "+OK logged in, 0 messages (0 octets)");
    CHECK(client.talk("LANG de") == "+OK de Sprache gewechselt");
    CHECK(client.talk("RSET") == "+OK 0 Nachrichten (0 Oktette)");
    CHECK(client.talk("RETR 1") == "-ERR eine Nachricht mit dieser Nummer gibt es nicht");
    CHECK(client.talk("QUIT") == "+OK auf Wiedersehen");
}

TEST_CASE("no refusal of the protocol is English for who asked for German", "[pop3][rfc6856-3]")
{
    TestServer server;
    server.fill(2);
    auto english = server.pop3();
    auto german = server.pop3();
    german.talk("LANG de");
    for (auto* client : {&english, &german})
        client->talk("DELE 2");
    for (const auto* command : {"FOO", "USER x", "RETR", "RETR 0", "RETR 2", "RETR 3", "TOP 1", "TOP 1 x", "DELE 2", "NOOP 1", "STAT 1", "LANG a b", "LANG xx", "UTF8", "STLS x"}) {
        INFO(command);
        const auto en = english.talk(command);
        const auto de = german.talk(command);
        CHECK_THAT(en, Catch::StartsWith("-ERR "));
        CHECK_THAT(de, Catch::StartsWith("-ERR "));
        CHECK(en != de);
    }
}

TEST_CASE("UTF8 is said before login and before TLS, and changes no message", "[pop3][rfc6856-2]")
{
    TestServer server;
    server.addAccount("j\xC3\xBCrgen@example.org");
    const std::string mail = "Subject: Gr\xC3\xBC\xC3\x9F""e\r\n\r\nk\xC3\xB6rper\r\n";
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, mail).at(0), Catch::StartsWith("250"));
    const auto without = server.pop3().retrieve("RETR 1");
    CHECK_THAT(without, Catch::EndsWith(mail));

    auto client = stranger(server);
    CHECK_THAT(client.talk("UTF8 yes"), Catch::StartsWith("-ERR"));
    CHECK_THAT(client.talk("UTF8"), Catch::StartsWith("+OK"));
    CHECK_THAT(client.talk("STLS"), Catch::StartsWith("-ERR STLS comes before UTF8"));
    CHECK_THAT(client.talk("USER j\xFCrgen@example.org"), Catch::StartsWith("-ERR [AUTH]")); // Latin-1
    CHECK_THAT(client.talk("USER alice@example.org"), Catch::StartsWith("+OK"));
    CHECK_THAT(client.talk("PASS secret"), Catch::StartsWith("+OK"));
    CHECK(client.retrieve("RETR 1") == without);
    CHECK(client.talk("LIST 1") == "+OK 1 " + std::to_string(without.size()));
    CHECK_THAT(client.talk("UTF8"), Catch::StartsWith("-ERR"));

    auto german = stranger(server);
    german.talk("UTF8");
    CHECK_THAT(german.talk("USER j\xC3\xBCrgen@example.org"), Catch::StartsWith("+OK"));
    CHECK_THAT(german.talk("PASS secret"), Catch::StartsWith("+OK"));
}
