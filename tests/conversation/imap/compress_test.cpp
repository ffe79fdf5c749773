#include "tests/support/catch.h"
#include "tests/support/compressed.h"
#include "tests/support/test_server.h"

#include <string>

using namespace postfach::test;

TEST_CASE("COMPRESS: when it is refused, and that all is compressed from its answer on", "[imap][compress][rfc4978]")
{
    TestServer server;
    server.fill(2);

    SECTION("not before login, not announced there")
    {
        auto stranger = server.connect<ImapClient>("imap");
        CHECK(stranger.line().find("COMPRESS") == std::string::npos);
        CHECK_THAT(stranger.talk("COMPRESS DEFLATE").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(stranger.talk("LOGIN alice@example.org secret").back(), Catch::ContainsSubstring(" COMPRESS=DEFLATE]"));
    }
    SECTION("syntax and other algorithms")
    {
        auto client = server.imap();
        CHECK_THAT(client.talk("COMPRESS").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("COMPRESS GZIP").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("COMPRESS DEFLATE now").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK")); // in the clear still
    }
    SECTION("twice is NO, and it is announced no more")
    {
        auto client = server.imap();
        CHECK(client.talk("COMPRESS DEFLATE") == Lines{"OK DEFLATE active"});
        Compressed packed(client);
        CHECK_THAT(packed.talk("COMPRESS DEFLATE").back(), Catch::StartsWith("NO [COMPRESSIONACTIVE]"));
        CHECK(packed.talk("CAPABILITY").front().find("COMPRESS") == std::string::npos);
        CHECK(packed.talk("NOOP") == Lines{"OK NOOP completed"});
        const auto goodbye = packed.talk("LOGOUT");
        CHECK_THAT(goodbye.front(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("plain text after it is told to be no DEFLATE")
    {
        auto client = server.imap();
        client.talk("COMPRESS DEFLATE");
        Compressed packed(client);
        client.send(std::string(16, '\xff'));
        CHECK(packed.line() == "* BYE What you sent is not DEFLATE");
        CHECK(client.closed());
    }
    SECTION("mail comes and goes as before, over TLS too, and IDLE is told at once")
    {
        const bool tls = GENERATE(false, true);
        auto client = server.connect<ImapClient>(tls ? "imaps" : "imap", tls);
        client.line();
        client.talk("LOGIN alice@example.org secret");
        Compressed packed(client);
        client.send("c COMPRESS DEFLATE\r\n" + packed.pack("s SELECT INBOX\r\n"));
        CHECK(client.line() == "c OK DEFLATE active");
        while (!packed.line().starts_with("s OK")) {
        }
        const std::string mail = sampleMessage(3);
        packed.send("a APPEND INBOX {" + std::to_string(mail.size()) + "+}\r\n" + mail + "\r\n");
        while (!packed.line().starts_with("a OK")) {
        }
        packed.send("f FETCH 3 RFC822.SIZE\r\n");
        CHECK(packed.line() == "* 3 FETCH (RFC822.SIZE " + std::to_string(mail.size()) + ")");
        CHECK(packed.line() == "f OK FETCH completed");
        packed.send("i IDLE\r\n");
        CHECK_THAT(packed.line(), Catch::StartsWith("+ "));
        auto lmtp = server.lmtp();
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, sampleMessage(9)).front(), Catch::StartsWith("250"));
        CHECK(packed.line() == "* 4 EXISTS");
        packed.send("DONE\r\n");
        std::string last = packed.line();
        while (last.starts_with("* "))
            last = packed.line();
        CHECK(last == "i OK IDLE completed");
    }
}
