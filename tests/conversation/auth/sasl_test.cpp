// SASL as clients speak it, over IMAP and POP3: the mechanisms that are announced, what goes wrong, what must not differ.
#include "tests/conversation/auth/sasl_client.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <array>

using namespace postfach::test;
using namespace std::string_literals;

namespace {
constexpr auto kAlice = "alice@example.org";

ImapClient imap(TestServer& server, bool tls = false)
{
    auto client = server.connect<ImapClient>(tls ? "imaps" : "imap", tls);
    client.line();
    return client;
}
Pop3Client pop3(TestServer& server, bool tls = false)
{
    auto client = server.connect<Pop3Client>(tls ? "pop3s" : "pop3", tls);
    client.line();
    return client;
}
std::string plain(const std::string& message) { return postfach::base::base64(message); }

std::string scram(TestServer& server, const std::string& user, const std::string& password, Lines* heard = nullptr)
{
    auto client = imap(server);
    SaslClient sasl("SCRAM-SHA-256", user, password);
    const auto answer = authenticate(client, "a AUTHENTICATE", sasl, true, heard);
    if (answer.starts_with("OK") && !sasl.proven())
        throw std::runtime_error("let in without the server's proof");
    return answer;
}
const std::string kWrong = "NO [AUTHENTICATIONFAILED] Name or password is wrong";
} // namespace

TEST_CASE("the mechanisms that are announced are those that work", "[auth][sasl]")
{
    TestServer::Settings settings;
    settings.config = {{"auth.plaintext", "tls"}};
    TestServer server(settings);
    SECTION("in the clear nobody logs in: nothing is announced and everything refused")
    {
        auto client = imap(server);
        const auto capability = client.talk("CAPABILITY").front();
        CHECK(capability.find("AUTH=") == std::string::npos);
        CHECK_THAT(capability, Catch::ContainsSubstring("LOGINDISABLED"));
        for (const auto* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "MAGIC"})
            CHECK_THAT(client.talk("AUTHENTICATE "s + mechanism).back(), Catch::StartsWith("NO [PRIVACYREQUIRED]"));
        auto other = pop3(server);
        const auto capabilities = other.list("CAPA");
        CHECK(std::none_of(capabilities.begin(), capabilities.end(), [](const auto& line) { return line.starts_with("SASL"); }));
        for (const auto* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"})
            CHECK_THAT(other.talk("AUTH "s + mechanism), Catch::StartsWith("-ERR"));
    }
    SECTION("under TLS all of them, -PLUS too")
    {
        auto client = imap(server, true);
        CHECK_THAT(client.talk("CAPABILITY").front(), Catch::ContainsSubstring(" AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS"));
        auto other = pop3(server, true);
        const auto capabilities = other.list("CAPA");
        CHECK(std::count(capabilities.begin(), capabilities.end(), "SASL PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS") == 1);
        CHECK(other.list("AUTH") == Lines{"+OK mechanisms follow", "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"});
    }
    SECTION("-PLUS needs a binding: not in the clear, even where one may log in there")
    {
        TestServer open;
        auto client = imap(open);
        CHECK_THAT(client.talk("CAPABILITY").front(), Catch::EndsWith("AUTH=SCRAM-SHA-256"));
        CHECK_THAT(client.talk("AUTHENTICATE SCRAM-SHA-256-PLUS").back(), Catch::StartsWith("NO [CANNOT]"));
    }
}

TEST_CASE("LOGIN asks for two answers, PLAIN for one, and nobody acts for another", "[auth][sasl][rfc4616]")
{
    TestServer server;
    SECTION("LOGIN over IMAP")
    {
        auto client = imap(server);
        client.send("a AUTHENTICATE LOGIN\r\n");
        CHECK(client.line() == "+ VXNlcm5hbWU6");
        client.send(plain(kAlice) + "\r\n");
        CHECK(client.line() == "+ UGFzc3dvcmQ6");
        client.send(plain("secret") + "\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a OK [CAPABILITY"));
    }
    SECTION("LOGIN with the name at once, over POP3")
    {
        auto client = pop3(server);
        CHECK(client.talk("AUTH LOGIN " + plain(kAlice)) == "+ UGFzc3dvcmQ6");
        CHECK_THAT(client.talk(plain("wrong")), Catch::StartsWith("-ERR [AUTH]"));
        CHECK(client.talk("AUTH LOGIN") == "+ VXNlcm5hbWU6");
        CHECK(client.talk(plain(kAlice)) == "+ UGFzc3dvcmQ6");
        CHECK_THAT(client.talk(plain("secret")), Catch::StartsWith("+OK"));
    }
    SECTION("an authorization identity of one's own is fine, another's is a wrong login")
    {
        auto client = imap(server);
        CHECK(client.talk("AUTHENTICATE PLAIN " + plain("bob@example.org\0alice@example.org\0secret"s)).back() == kWrong);
        CHECK_THAT(client.talk("AUTHENTICATE PLAIN " + plain("alice@example.org\0alice@example.org\0secret"s)).back(), Catch::StartsWith("OK"));
    }
    SECTION("so it is with SCRAM")
    {
        auto client = imap(server);
        SaslClient other("SCRAM-SHA-256", kAlice, "secret");
        other.set(GSASL_AUTHZID, "bob@example.org");
        CHECK(authenticate(client, "a AUTHENTICATE", other) == kWrong);
        SaslClient own("SCRAM-SHA-256", kAlice, "secret");
        own.set(GSASL_AUTHZID, kAlice);
        CHECK_THAT(authenticate(client, "a AUTHENTICATE", own), Catch::StartsWith("OK"));
    }
}

TEST_CASE("SCRAM-SHA-256 lets in who knows the password, and shows that the server knows it", "[auth][sasl][rfc5802][rfc7677]")
{
    TestServer server;
    SECTION("refusals say what a wrong password says")
    {
        CHECK(scram(server, kAlice, "wrong") == kWrong);
        CHECK(scram(server, "nobody@example.org", "secret") == kWrong);
        CHECK(scram(server, "alice", "secret") == kWrong);
    }
    SECTION("over IMAP, with an initial response and without; again on one connection")
    {
        auto client = imap(server);
        SaslClient bad("SCRAM-SHA-256", kAlice, "wrong");
        CHECK(authenticate(client, "a AUTHENTICATE", bad) == kWrong);
        SaslClient good("SCRAM-SHA-256", "ALICE@example.org", "secret");
        CHECK_THAT(authenticate(client, "a AUTHENTICATE", good), Catch::StartsWith("OK [CAPABILITY"));
        CHECK(good.proven());
        CHECK_THAT(client.select().back(), Catch::StartsWith("OK"));
        CHECK_THAT(scram(server, kAlice, "secret"), Catch::StartsWith("OK"));
    }
    SECTION("over POP3")
    {
        for (const bool initial : {true, false}) {
            auto client = pop3(server);
            SaslClient sasl("SCRAM-SHA-256", kAlice, "secret");
            CHECK_THAT(authenticate(client, "AUTH", sasl, initial), Catch::StartsWith("+OK"));
            CHECK(sasl.proven());
            CHECK_THAT(client.talk("STAT"), Catch::StartsWith("+OK"));
        }
    }
    SECTION("a client that does not believe the server's proof gives up, and is not in")
    {
        auto client = imap(server);
        SaslClient sasl("SCRAM-SHA-256", kAlice, "secret");
        client.send("a AUTHENTICATE SCRAM-SHA-256 " + plain(sasl.step("")) + "\r\n");
        const auto first = postfach::base::unbase64(client.line().substr(2)).value();
        client.send(plain(sasl.step(first)) + "\r\n");
        CHECK_THAT(postfach::base::unbase64(client.line().substr(2)).value(), Catch::StartsWith("v="));
        client.send("*\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a BAD"));
        CHECK_THAT(client.select().back(), Catch::StartsWith("BAD"));
    }
    SECTION("a disabled account hears so only with the right password")
    {
        server.store().writeAndWait([](postfach::store::WriteTx& tx) {
            postfach::store::AccountPatch off;
            off.enabled = false;
            tx.changeAccount(tx.findAccount(kAlice)->id, off);
            postfach::store::AccountPatch mail_only;
            mail_only.services = std::vector<std::string>{"pop3"};
            tx.changeAccount(tx.findAccount("bob@example.org")->id, mail_only);
        });
        CHECK(scram(server, kAlice, "wrong") == kWrong);
        CHECK_THAT(scram(server, kAlice, "secret"), Catch::StartsWith("NO [CONTACTADMIN]"));
        CHECK_THAT(scram(server, "bob@example.org", "secret"), Catch::StartsWith("NO [CONTACTADMIN]"));
        CHECK_THAT(server.pop3("bob@example.org").talk("STAT"), Catch::StartsWith("+OK"));
    }
}

TEST_CASE("an account that does not exist has a salt like any other, the same after a restart", "[auth][sasl][threats-24]")
{
    TestServer server;
    const auto salt = [&](const std::string& user) {
        Lines heard;
        CHECK(scram(server, user, "wrong", &heard) == kWrong);
        const auto& first = heard.at(0); // r=…,s=…,i=…
        return first.substr(first.find(",s="));
    };
    const auto nobody = salt("nobody@example.org"), alice = salt(kAlice);
    CHECK(nobody.size() == alice.size());
    CHECK_THAT(nobody, Catch::EndsWith(",i=10000"));
    CHECK_THAT(alice, Catch::EndsWith(",i=10000"));
    CHECK(nobody != salt("nothing@example.org"));
    CHECK(nobody == salt("NOBODY@example.org"));
    server.restart();
    CHECK(salt("nobody@example.org") == nobody);
    CHECK(salt(kAlice) == alice);
}

TEST_CASE("SCRAM-SHA-256-PLUS is bound to its TLS connection", "[auth][sasl][rfc9266]")
{
    TestServer server;
    auto client = imap(server, true);
    REQUIRE(client.exporter().size() == 32);
    SECTION("over IMAP and POP3")
    {
        SaslClient sasl("SCRAM-SHA-256-PLUS", kAlice, "secret", client.exporter());
        CHECK_THAT(authenticate(client, "a AUTHENTICATE", sasl, true), Catch::StartsWith("OK"));
        CHECK(sasl.proven());
        auto other = pop3(server, true);
        SaslClient second("SCRAM-SHA-256-PLUS", kAlice, "secret", other.exporter());
        CHECK_THAT(authenticate(other, "AUTH", second), Catch::StartsWith("+OK"));
    }
    SECTION("somebody in the middle has another binding")
    {
        SaslClient sasl("SCRAM-SHA-256-PLUS", kAlice, "secret", std::string(32, 'x'));
        CHECK(authenticate(client, "a AUTHENTICATE", sasl) == kWrong);
    }
    SECTION("a client that was kept from seeing -PLUS says so, and is refused")
    {
        client.send("a AUTHENTICATE SCRAM-SHA-256 " + plain("y,,n=alice@example.org,r=fyko+d2lbbFgONRv9qkxdawL") + "\r\n");
        CHECK(client.line() == "a " + kWrong);
        auto clear = imap(server); // in the clear there was nothing to keep from it
        clear.send("a AUTHENTICATE SCRAM-SHA-256 " + plain("y,,n=alice@example.org,r=fyko+d2lbbFgONRv9qkxdawL") + "\r\n");
        CHECK_THAT(clear.line(), Catch::StartsWith("+ "));
    }
    SECTION("-PLUS without a binding, or with one of another kind, is no -PLUS")
    {
        for (const auto* header : {"n,,", "y,,", "p=tls-unique,,"}) {
            client.send("a AUTHENTICATE SCRAM-SHA-256-PLUS " + plain(header + "n=alice@example.org,r=abcdefgh"s) + "\r\n");
            CHECK(client.line() == "a " + kWrong);
        }
    }
}

TEST_CASE("what is no SASL message is BAD, and other logins go on", "[auth][sasl][threats-25]")
{
    TestServer server;
    const auto first = plain("n,,n=alice@example.org,r=fyko+d2lbbFgONRv9qkxdawL");
    // The first line behind the mechanism, and the answer to the challenge where there is one.
    const std::vector<std::array<std::string, 3>> bad = {
        {"PLAIN", "!!!!", ""}, {"PLAIN", "AGE", ""}, {"PLAIN", "=", ""}, {"PLAIN", plain("\0u\0pw\0x"s), ""}, {"PLAIN", plain("alice"), ""},
        {"PLAIN", plain(std::string(5000, 'x')), ""}, {"LOGIN", "=", ""}, {"LOGIN", "!!!!", ""}, {"LOGIN", plain(kAlice), "!!!!"}, {"LOGIN", plain("a\xff"), ""},
        {"SCRAM-SHA-256", "!!!!", ""}, {"SCRAM-SHA-256", "=", ""}, {"SCRAM-SHA-256", plain("n,,"), ""}, {"SCRAM-SHA-256", plain(std::string(5000, 'x')), ""},
        {"SCRAM-SHA-256", plain("n,,n=a\0b,r=x"s), ""}, {"SCRAM-SHA-256", first, "!!!!"}, {"SCRAM-SHA-256", first, plain(std::string(5000, 'x'))},
        {"SCRAM-SHA-256", first, plain("c=biws,r=x\0,p=x"s)},
    };
    for (const auto& [mechanism, line, answer] : bad) {
        INFO(mechanism << ' ' << line << ' ' << answer);
        auto client = imap(server);
        auto other = pop3(server);
        client.send("a AUTHENTICATE " + mechanism + " " + line + "\r\n");
        other.send("AUTH " + mechanism + " " + line + "\r\n");
        if (!answer.empty()) {
            CHECK_THAT(client.line(), Catch::StartsWith("+ "));
            CHECK_THAT(other.line(), Catch::StartsWith("+ "));
            client.send(answer + "\r\n");
            other.send(answer + "\r\n");
        }
        CHECK_THAT(client.line(), Catch::StartsWith("a BAD"));
        CHECK_THAT(other.line(), Catch::StartsWith("-ERR"));
        CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK")); // this one too
    }
    SECTION("a proof that is none is a wrong login")
    {
        for (const auto& answer : {"c=biws,r=other,p=AAAA"s, "x"s, "c=biws"s}) {
            auto client = imap(server);
            client.send("a AUTHENTICATE SCRAM-SHA-256 " + first + "\r\n");
            client.line();
            client.send(plain(answer) + "\r\n");
            CHECK(client.line() == "a " + kWrong);
        }
    }
    SECTION("an answer without end is cut off with a word")
    {
        auto client = imap(server);
        client.send("a AUTHENTICATE LOGIN\r\n");
        client.line();
        client.send(std::string(64 * 1024, 'A'));
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
}

TEST_CASE("ten thousand exchanges are given up, and nobody notices", "[auth][sasl][threats-25]")
{
    TestServer server;
    auto witness = server.imap();
    const auto first = plain("n,,n=alice@example.org,r=fyko+d2lbbFgONRv9qkxdawL");
    for (int connection = 0; connection < 3'334; ++connection) {
        auto client = imap(server);
        client.send("a AUTHENTICATE SCRAM-SHA-256 " + first + "\r\n*\r\nb AUTHENTICATE PLAIN\r\n*\r\nc AUTHENTICATE LOGIN " + first + "\r\n*\r\n");
        const auto answers = client.rest();
        for (const auto* tag : {"a BAD", "b BAD", "c BAD", "* BYE"})
            REQUIRE_THAT(answers, Catch::ContainsSubstring(tag));
        if (connection % 500 == 0) {
            CHECK(witness.talk("NOOP") == Lines{"OK NOOP completed"});
            CHECK_THAT(server.pop3().talk("STAT"), Catch::StartsWith("+OK")); // none of them was a guess
        }
    }
}
