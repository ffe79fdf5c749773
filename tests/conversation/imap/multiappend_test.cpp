#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <map>

using namespace postfach::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

std::string sent(const std::string& text, const char* mark = "+")
{
    return "{" + std::to_string(text.size()) + mark + "}\r\n" + text;
}
std::string sentBinary(const std::string& text) { return "~" + sent(text); }
std::string literal(const std::string& text) { return "{" + std::to_string(text.size()) + "}\r\n" + text; }

std::string bodyOf(ImapClient& client, int number)
{
    const std::string line = client.talk("FETCH " + std::to_string(number) + " BODY.PEEK[]").front();
    const std::size_t at = line.find("}\r\n");
    REQUIRE(at != std::string::npos);
    return line.substr(at + 3, line.size() - at - 4);
}

const std::string kEmpty = "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)";

} // namespace

TEST_CASE("one APPEND brings several messages, all or none", "[imap][append][multiappend][rfc3502]")
{
    TestServer::Settings settings;
    settings.config.emplace_back("limits.message_size", "1 MiB");
    TestServer server(settings);
    server.addAccount("small@example.org", "secret", 2'000);
    auto client = server.imap();

    SECTION("refusals leave nothing, and the stream in step")
    {
        const std::string first = "APPEND INBOX " + sent(sampleMessage(1));
        for (const std::string& second : {" (\\Nonsense) "s + sent("x"), " \"32-Mar-2026 00:00:00 +0000\" "s + sent("x"),
                 sent("x"), " more"s, " "s + sent(""), " (\\Seen)"s, " "s + sent("x") + " "s + sent("y") + " TEXT "s + sent("z"),
                 " CATENATE (TEXT "s + sent("x") + " TEXT \"y\")"s}) {
            const auto answer = client.talk(first + second).back();
            INFO(second << ": " << answer);
            CHECK((answer.starts_with("BAD") || answer.starts_with("NO")));
            CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
        }
        CHECK_THAT(client.talk(first + " " + sent("Subject: x\r\n\r\n" + eicar() + "\r\n")).back(),
            Catch::StartsWith("NO [CANNOT] message contains"));
        CHECK_THAT(client.talk(first + " " + sent(std::string(1'500'000, 'x')) + " " + sent(sampleMessage(3))).back(),
            Catch::StartsWith("NO [TOOBIG]"));
        CHECK_THAT(client.talk("APPEND nowhere " + sent("one") + " " + sent("two") + " " + sent("three")).back(),
            Catch::StartsWith("NO [TRYCREATE]"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("one that waits is told no before it sends")
    {
        client.send("a APPEND INBOX {5}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        client.send("hello (\\Seen) {1048577}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a NO [TOOBIG]"));
        client.send("b APPEND INBOX {5}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        client.send("hello {0}\r\n"); // it has changed its mind
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        client.send("\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("b NO"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("together they must fit into the account")
    {
        auto small = server.imap("small@example.org");
        const std::string big = sampleMessage(1, std::string(900, 'x') + "\r\n");
        small.send("a APPEND INBOX " + literal(big).substr(0, literal(big).find('\n') + 1));
        CHECK_THAT(small.line(), Catch::StartsWith("+ "));
        small.send(big + " {1000}\r\n");
        CHECK_THAT(small.line(), Catch::StartsWith("a NO [OVERQUOTA]"));
        CHECK(small.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("no verdict for one is none for all")
    {
        server.scanner().available = false;
        CHECK_THAT(client.talk("APPEND INBOX " + sent(sampleMessage(1)) + " " + sent(sampleMessage(2))).back(),
            Catch::StartsWith("NO [UNAVAILABLE]"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("too many for one command")
    {
        std::string command = "APPEND INBOX";
        for (int i = 0; i < 1'001; ++i)
            command += " " + sent("x");
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("NO [LIMIT]"));
        CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
    }
    SECTION("each with its flags and date, in order, and others hear of them together")
    {
        auto watcher = server.imap();
        watcher.select();
        std::string odd = "Subject: NUL\r\n\r\n\0\r\n"s;
        const std::string large = sampleMessage(2, std::string(500'000, 'l') + "\r\n");
        const auto answer = client
                                .talk("APPEND INBOX (\\Seen $Work) \" 5-Feb-2026 12:00:00 +0100\" " + sent(sampleMessage(1)) + " "
                                    + sent(large) + " () " + sent(odd) + " (\\Draft) " + sent(sampleMessage(4)))
                                .back();
        CHECK_THAT(answer, Catch::StartsWith("OK [APPENDUID "));
        CHECK_THAT(answer, Catch::EndsWith(" 1:4] APPEND completed"));
        CHECK(watcher.talk("NOOP").front() == "* 4 EXISTS");
        watcher.talk("FETCH 1 FLAGS"); // learns the keyword
        CHECK(watcher.talk("FETCH 1 (FLAGS INTERNALDATE)").front()
            == "* 1 FETCH (FLAGS (\\Seen \\Recent $Work) INTERNALDATE \"05-Feb-2026 11:00:00 +0000\")");
        CHECK(watcher.talk("FETCH 4 FLAGS").front() == "* 4 FETCH (FLAGS (\\Draft \\Recent))");
        CHECK(bodyOf(watcher, 1) == sampleMessage(1));
        CHECK(bodyOf(watcher, 2) == large);
        CHECK(bodyOf(watcher, 3) == odd);
        CHECK(bodyOf(watcher, 4) == sampleMessage(4));
    }
}

TEST_CASE("the messages of one APPEND are scanned some at a time, and judged in their order", "[imap][append][multiappend][rfc3502]")
{
    TestServer server;
    FakeScanner& scanner = server.scanner();
    scanner.workers = 3;
    auto client = server.imap();
    const auto bad = [](const std::string& word) { return "Subject: bad\r\n\r\nFOUND: " + word + "\r\n"; };
    const auto append = [&](int count, const std::map<int, std::string>& others) {
        std::string command = "APPEND INBOX";
        for (int n = 1; n <= count; ++n)
            command += ' ' + sent(others.count(n) != 0 ? others.at(n) : sampleMessage(n));
        scanner.hold();
        const auto tag = client.sendTagged(command);
        CHECK(within(60s, [&] { return scanner.held() == 4; }));
        return tag;
    };

    SECTION("as many as there are workers, and one more that is ready")
    {
        scanner.scans = 0;
        const auto tag = append(9, {});
        CHECK(server.imap().talk("NOOP").back() == "OK NOOP completed");
        CHECK(scanner.held() == 4);
        scanner.letGo();
        CHECK_THAT(client.until(tag).back(), Catch::StartsWith("OK [APPENDUID "));
        CHECK(scanner.scans == 9);
        client.select();
        for (int n = 1; n <= 9; ++n)
            CHECK(bodyOf(client, n) == sampleMessage(n));
    }
    SECTION("of several that are bad the first is named, whichever was known first, and nothing is stored")
    {
        const auto tag = append(4, {{2, "Subject: x\r\n\r\n" + eicar() + "\r\n"}, {3, bad("infected")}});
        scanner.letGo();
        CHECK(client.until(tag).back() == "NO [CANNOT] message contains Eicar-Test-Signature");
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
        const int scans = scanner.scans;
        CHECK_THAT(client.talk("APPEND INBOX " + sent(sampleMessage(1)) + ' ' + sent(sampleMessage(4))).back(), Catch::StartsWith("OK "));
        CHECK(scanner.scans == scans); // those beside it are known
    }
    SECTION("one infected in the middle of many")
    {
        const auto tag = append(40, {{20, bad("infected")}});
        scanner.letGo();
        CHECK(client.until(tag).back() == "NO [CANNOT] message contains Fake.infected");
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
        CHECK(scanner.scans >= 20);
        CHECK(scanner.scans <= 23);
    }
    SECTION("no verdict")
    {
        scanner.available = false;
        CHECK_THAT(client.talk("APPEND INBOX " + sent(sampleMessage(1)) + ' ' + sent(sampleMessage(2))).back(),
            Catch::StartsWith("NO [UNAVAILABLE]"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("who goes meanwhile leaves the server as it was")
    {
        append(9, {});
        client.reset();
        scanner.letGo();
        CHECK(server.imap().talk("NOOP").back() == "OK NOOP completed");
    }
}

TEST_CASE("a binary literal brings NUL, and no client is ever sent one", "[imap][append][binary][rfc3516-4.4]")
{
    TestServer server;
    auto client = server.imap();
    const std::string head = "Subject: picture\r\nMIME-Version: 1.0\r\n";
    const std::string picture = "\x89PNG\0\0\r\n\x1a"s;

    SECTION("NUL where nothing says binary is refused, and the bytes are read")
    {
        CHECK_THAT(client.talk("APPEND INBOX " + sentBinary("Subject: a\0b\r\n\r\ntext\r\n"s)).back(),
            Catch::StartsWith("NO [UNKNOWN-CTE]"));
        CHECK_THAT(
            client.talk("APPEND INBOX " + sentBinary(head + "\r\nte\0xt\r\n"s)).back(), Catch::StartsWith("NO [UNKNOWN-CTE]"));
        CHECK_THAT(client.talk("APPEND INBOX ~{5").back(), Catch::StartsWith("BAD"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
    }
    SECTION("without NUL it stays as it came")
    {
        const std::string plain = head + "Content-Transfer-Encoding: binary\r\n\r\n" + std::string(2'000, 'x');
        CHECK_THAT(client.talk("APPEND INBOX (\\Seen) " + sentBinary(plain)).back(), Catch::StartsWith("OK [APPENDUID "));
        client.select();
        CHECK(bodyOf(client, 1) == plain);
    }
    SECTION("a binary part is in base64 then")
    {
        const std::string message = head
            + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: image/png\r\n"
            + "Content-Transfer-Encoding: binary\r\n\r\n" + picture + "\r\n--b--\r\n";
        client.send("a APPEND INBOX ~{" + std::to_string(message.size()) + "}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        client.send(message + " " + sent(sampleMessage(2)) + "\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a OK [APPENDUID "));
        client.select();
        CHECK(client.talk("FETCH 1 BODY.PEEK[2]").front() == "* 1 FETCH (BODY[2] " + literal("iVBORwAADQoa") + ")");
        CHECK_THAT(client.talk("FETCH 1 BODYSTRUCTURE").front(),
            Catch::ContainsSubstring("\"image\" \"png\" NIL NIL NIL \"base64\" 12"));
        CHECK(bodyOf(client, 2) == sampleMessage(2));
    }
}

TEST_CASE("UTF8 around a message needs UTF8=ACCEPT", "[imap][append][utf8][rfc6855-4]")
{
    TestServer server;
    auto client = server.imap();
    const std::string message = "From: J\xc3\xb6rg <j\xc3\xb6rg@example.org>\r\nSubject: Gr\xc3\xbc\xc3\x9f"
                                "e\r\n\r\ntext\r\n";
    CHECK_THAT(client.talk("APPEND INBOX UTF8 (" + sentBinary(message) + ")").back(), Catch::StartsWith("NO Say ENABLE"));
    CHECK(client.talk("ENABLE UTF8=ACCEPT").front() == "* ENABLED UTF8=ACCEPT");
    CHECK(client.talk("ENABLE UTF8=ACCEPT").front() == "* ENABLED");
    CHECK_THAT(client.talk("APPEND INBOX UTF8 " + sentBinary(message)).back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("APPEND INBOX UTF8 (" + sent(message) + ")").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("APPEND INBOX UTF8 (" + sentBinary(message) + " x)").back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);

    CHECK_THAT(client.talk("APPEND INBOX (\\Seen) UTF8 (" + sentBinary(message) + ") " + sent(message)).back(),
        Catch::EndsWith(" 1:2] APPEND completed"));
    client.select();
    CHECK(bodyOf(client, 1) == message);
    CHECK(bodyOf(client, 2) == message);
    CHECK_THAT(client.talk("CREATE \"Entw\xfcrfe\"").back(), Catch::StartsWith("BAD"));
    client.talk("CREATE \"Entw\xc3\xbcrfe\"");
    CHECK(client.talk("LIST \"\" Entw*").front() == "* LIST (\\HasNoChildren) \"/\" \"Entw\xc3\xbcrfe\"");
    auto other = server.imap();
    CHECK(other.talk("LIST \"\" Entw*").front() == "* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe");
}

TEST_CASE("CATENATE makes a message of what comes and what is there", "[imap][append][catenate][rfc4469]")
{
    TestServer::Settings settings;
    settings.config.emplace_back("limits.message_size", "1 MiB");
    TestServer server(settings);
    auto client = server.imap();
    const std::string draft =
        "Subject: draft\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nold text\r\n--b\r\n"
        "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n";
    client.append("Drafts", draft);
    client.append("Drafts", "Subject: large\r\n\r\n" + std::string(700'000, 'x'));
    const std::string status = client.talk("STATUS Drafts (UIDVALIDITY)").front();
    const std::string validity = status.substr(status.rfind(' ') + 1, status.size() - status.rfind(' ') - 2);
    const std::string base = "/Drafts;UIDVALIDITY=" + validity + "/;UID=1";

    SECTION("refusals")
    {
        const auto answer = [&client](const std::string& parts) { return client.talk("APPEND INBOX CATENATE " + parts).back(); };
        for (const auto* wrong : {"", "()", "(", "(URL)", "(TEXT)", "(TEXT \"x\")", "(BLOB {1+}\r\nx)", "(URL /Drafts/;UID=1",
                 "URL /Drafts/;UID=1", "(TEXT {1+}\r\nx", "(TEXT {1+}\r\nx x)"})
            CHECK_THAT(answer(wrong), Catch::StartsWith("BAD"));
        CHECK(answer("(URL \"/Drafts/;UID=9\" TEXT {5+}\r\nhello)")
            == "NO [BADURL /Drafts/;UID=9] There is no such message or part");
        CHECK_THAT(answer("(TEXT {5+}\r\nhello URL \"/Nowhere/;UID=1\")"), Catch::StartsWith("NO [BADURL /Nowhere/;UID=1]"));
        CHECK_THAT(answer("(URL \"/Drafts;UIDVALIDITY=1/;UID=1\")"), Catch::StartsWith("NO [BADURL "));
        CHECK_THAT(answer("(URL \"" + base + "/;SECTION=3\")"), Catch::StartsWith("NO [BADURL "));
        CHECK_THAT(answer("(URL \"imap://bob@mail.example.org/INBOX/;UID=1\")"), Catch::StartsWith("NO [BADURL imap://bob@"));
        CHECK_THAT(answer("(URL {31+}\r\n/Drafts/;UID=1/;SECTION=x] OK y)"),
            Catch::StartsWith("NO [BADURL /Drafts/;UID=1/;SECTION=x%5d%20OK%20y]"));
        CHECK_THAT(answer("(URL \";UID=1\")"), Catch::StartsWith("NO [BADURL ")); // nothing is selected
        CHECK_THAT(answer("(URL {5000+}\r\n" + std::string(5'000, 'u') + " TEXT {1+}\r\nx)"), Catch::StartsWith("BAD"));
        CHECK_THAT(answer("(URL \"/Drafts/;UID=2\" URL \"/Drafts/;UID=2\" TEXT {1+}\r\nx)"), Catch::StartsWith("NO [TOOBIG]"));
        CHECK_THAT(
            answer("(URL \"/Drafts/;UID=1/;SECTION=TEXT/;PARTIAL=99999\")"), Catch::StartsWith("NO A message without a byte"));
        std::string many = "(";
        for (int i = 0; i < 1'001; ++i)
            many += "URL \"/Drafts/;UID=1\" ";
        CHECK_THAT(answer(many + "TEXT {1+}\r\nx)"), Catch::StartsWith("BAD"));
        CHECK(client.talk("STATUS INBOX (MESSAGES UIDNEXT)").front() == kEmpty);
        auto bob = server.imap("bob@example.org");
        CHECK_THAT(bob.talk("APPEND INBOX CATENATE (URL \"" + base + "\")").back(), Catch::StartsWith("NO [BADURL "));
    }
    SECTION("the draft with a new text and its old attachment")
    {
        const std::string text = "\r\n--b\r\n\r\nnew text\r\n--b\r\n";
        CHECK_THAT(
            client
                .talk("APPEND INBOX (\\Seen) CATENATE (URL \"" + base + "/;SECTION=HEADER\" TEXT " + sent(text) + " URL "
                    + sent(base + "/;SECTION=2.MIME") + " URL \"" + base + "/;section=2\" TEXT " + sent("\r\n--b--\r\n") + ")")
                .back(),
            Catch::StartsWith("OK [APPENDUID "));
        client.select();
        const std::string header = draft.substr(0, draft.find("\r\n\r\n") + 4);
        CHECK(bodyOf(client, 1)
            == header + text + "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n");
        CHECK(client.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Seen \\Recent))");
        client.select("Drafts");
        CHECK(client.talk("SEARCH SEEN").front() == "* SEARCH");
    }
    SECTION("whole messages, parts of parts, relative to the selected mailbox, with other messages in one command")
    {
        client.select("Drafts");
        CHECK_THAT(client
                       .talk("APPEND INBOX CATENATE (URL \"/Drafts/;UID=2\") " + sent("Subject: x\r\n\r\n")
                           + " CATENATE (URL \";UID=1/;SECTION=HEADER.FIELDS%20(Subject)\""
                             " URL \"Drafts/;UID=1/;SECTION=1/;PARTIAL=4.4\" URL \"Drafts/;UID=1/;SECTION=1/;PARTIAL=3\")")
                       .back(),
            Catch::EndsWith(" 1:3] APPEND completed"));
        client.select();
        CHECK(bodyOf(client, 1) == "Subject: large\r\n\r\n" + std::string(700'000, 'x'));
        CHECK(bodyOf(client, 2) == "Subject: x\r\n\r\n");
        CHECK(bodyOf(client, 3) == "Subject: draft\r\n\r\ntext text");
    }
    SECTION("what is made is scanned")
    {
        const std::string half = eicar().substr(0, 20);
        client.append("Drafts", half);
        CHECK_THAT(client.talk("APPEND INBOX CATENATE (URL \"/Drafts/;UID=3\" TEXT " + sent(eicar().substr(20)) + ")").back(),
            Catch::StartsWith("NO [CANNOT] message contains"));
    }
}
