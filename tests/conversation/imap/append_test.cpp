#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

TEST_CASE("APPEND refuses before the client sends, and keeps every byte of what it takes", "[imap][append][rfc9051-6.3.12]")
{
    TestServer::Settings settings;
    settings.config.emplace_back("limits.message_size", "1 MiB");
    TestServer server(settings);
    server.addAccount("small@example.org", "secret", 2'000);
    auto client = server.imap();

    SECTION("refusals that come instead of +")
    {
        CHECK_THAT(client.append("nowhere", "x").back(), Catch::StartsWith("NO [TRYCREATE]"));
        CHECK_THAT(client.talk("APPEND INBOX {10737418240}").back(), Catch::StartsWith("NO [TOOBIG]"));
        CHECK_THAT(client.talk("APPEND INBOX {1048577}").back(), Catch::StartsWith("NO [TOOBIG]"));
        CHECK_THAT(client.talk("APPEND INBOX (\\Recent) {3}").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("APPEND INBOX \"32-Mar-2026 00:00:00 +0000\" {3}").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("APPEND INBOX").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("APPEND INBOX \"text\"").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("APPEND &Jjo {3}").back(), Catch::StartsWith("NO [CANNOT]"));
        auto small = server.imap("small@example.org");
        CHECK_THAT(small.talk("APPEND INBOX {3000}").back(), Catch::StartsWith("NO [OVERQUOTA]"));
        CHECK(client.talk("STATUS INBOX (MESSAGES)").front() == "* STATUS INBOX (MESSAGES 0)");
    }
    SECTION("a refused message that is already on its way is read away")
    {
        CHECK_THAT(client.talk("APPEND nowhere {5+}\r\nhello").back(), Catch::StartsWith("NO [TRYCREATE]"));
        CHECK_THAT(client.talk("APPEND INBOX (\\Nonsense) {5+}\r\nhello").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("APPEND INBOX {1500000+}\r\n" + std::string(1'500'000, 'x')).back(), Catch::StartsWith("NO [TOOBIG]"));
        CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
        client.send("a APPEND INBOX {104857600+}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE [TOOBIG]"));
    }
    SECTION("before login a message is no message")
    {
        auto stranger = server.connect<ImapClient>("imap");
        stranger.line();
        stranger.send("a APPEND INBOX {1000000+}\r\n");
        CHECK_THAT(stranger.line(), Catch::StartsWith("* BYE [TOOBIG]"));
    }
    SECTION("infected: refused by name, nothing stored")
    {
        const auto answer = client.append("INBOX", "Subject: x\r\n\r\n" + eicar() + "\r\n").back();
        CHECK_THAT(answer, Catch::StartsWith("NO [CANNOT] message contains "));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)");
    }
    SECTION("no verdict: not taken")
    {
        server.scanner().available = false;
        CHECK_THAT(client.append("INBOX", "Subject: x\r\n\r\ny\r\n").back(), Catch::StartsWith("NO [UNAVAILABLE]"));
    }
    SECTION("something behind the message is BAD, and the next command is heard")
    {
        CHECK_THAT(client.talk("APPEND INBOX {5+}\r\nhello more").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
    }
    SECTION("flags, date and bytes, NUL and bare line ends among them")
    {
        using namespace std::string_literals;
        const std::string odd = "Subject: odd\n\nbare LF\nbare CR\rNUL \0 and \xff\r\n"s;
        auto watcher = server.imap();
        watcher.select();
        const auto answer = client.append("INBOX", odd, "(\\Seen $Later) \" 5-Feb-2026 12:00:00 +0100\"").back();
        CHECK_THAT(answer, Catch::StartsWith("OK [APPENDUID "));
        CHECK_THAT(answer, Catch::EndsWith(" 1] APPEND completed"));
        const auto news = watcher.talk("NOOP");
        CHECK(news.front() == "* 1 EXISTS");
        CHECK(watcher.talk("FETCH 1 INTERNALDATE").front() == "* 1 FETCH (INTERNALDATE \"05-Feb-2026 11:00:00 +0000\")");
        const auto fetched = watcher.talk("FETCH 1 BODY.PEEK[]").front();
        CHECK(fetched == "* 1 FETCH (BODY[] {" + std::to_string(odd.size()) + "}\r\n" + odd + ")");
        client.select();
        CHECK(client.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Seen $Later))");
    }
    SECTION("header fields with 8-bit characters, from who has not enabled UTF8=ACCEPT too (RFC.md says why)")
    {
        const std::string old = "Subject: Gr\xfc\xdf" "e\r\nFrom: \xe9t\xe9 <a@example.com>\r\n\r\nLatin-1\r\n";
        const std::string fresh = "Subject: Gr\xc3\xbc\xc3\x9f" "e\r\nFrom: \xc3\xa9t\xc3\xa9 <a@example.com>\r\n\r\nUTF-8\r\n";
        auto modern = server.imap();
        modern.talk("ENABLE UTF8=ACCEPT");
        for (ImapClient* by : {&client, &modern})
            for (const std::string& message : {old, fresh})
                CHECK_THAT(by->append("INBOX", message).back(), Catch::StartsWith("OK [APPENDUID"));
        for (ImapClient* by : {&client, &modern}) {
            by->select();
            for (int n = 1; n <= 4; ++n) {
                const std::string& message = n % 2 == 1 ? old : fresh;
                const std::string size = std::to_string(message.size());
                CHECK(by->talk("FETCH " + std::to_string(n) + " BODY.PEEK[]").front()
                    == "* " + std::to_string(n) + " FETCH (BODY[] {" + size + "}\r\n" + message + ")");
                CHECK(by->talk("FETCH " + std::to_string(n) + " (ENVELOPE BODYSTRUCTURE)").back() == "OK FETCH completed");
            }
        }
    }
    SECTION("into the selected mailbox: EXISTS comes before OK")
    {
        client.select();
        const auto lines = client.append("INBOX", sampleMessage(1));
        REQUIRE(lines.size() == 3);
        CHECK(lines.front() == "* 1 EXISTS");
    }
    SECTION("the mailbox as a literal")
    {
        CHECK_THAT(client.talk("APPEND {5+}\r\nINBOX {5+}\r\nhello").back(), Catch::StartsWith("OK [APPENDUID "));
    }
}
