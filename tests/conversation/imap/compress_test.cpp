#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <zlib.h>

#include <stdexcept>
#include <string>

using namespace postfach::test;

namespace {

// An IMAP client from the moment its COMPRESS was answered.
class Compressed {
public:
    explicit Compressed(ImapClient& client) : client_(client)
    {
        ::deflateInit2(&out_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        ::inflateInit2(&in_, -MAX_WBITS);
    }
    ~Compressed()
    {
        ::deflateEnd(&out_);
        ::inflateEnd(&in_);
    }
    Compressed(const Compressed&) = delete;
    Compressed& operator=(const Compressed&) = delete;

    std::string pack(const std::string& text)
    {
        std::string piece(text.size() + 1000, '\0');
        out_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        out_.avail_in = static_cast<uInt>(text.size());
        out_.next_out = reinterpret_cast<Bytef*>(piece.data());
        out_.avail_out = static_cast<uInt>(piece.size());
        ::deflate(&out_, Z_SYNC_FLUSH);
        piece.resize(piece.size() - out_.avail_out);
        return piece;
    }
    void send(const std::string& text) { client_.send(pack(text)); }
    std::string line()
    {
        std::size_t end = 0;
        while ((end = text_.find("\r\n")) == std::string::npos) {
            std::string got = client_.bytes(1);
            char piece[4096];
            in_.next_in = reinterpret_cast<Bytef*>(got.data());
            in_.avail_in = 1;
            in_.next_out = reinterpret_cast<Bytef*>(piece);
            in_.avail_out = sizeof piece;
            if (const int result = ::inflate(&in_, Z_SYNC_FLUSH); result != Z_OK && result != Z_BUF_ERROR)
                throw std::runtime_error("not DEFLATE");
            text_.append(piece, sizeof piece - in_.avail_out);
        }
        std::string result = text_.substr(0, end);
        text_.erase(0, end + 2);
        return result;
    }
    // All lines up to the tagged one, which comes last and without its tag.
    Lines talk(const std::string& command)
    {
        send("t " + command + "\r\n");
        Lines all;
        do {
            all.push_back(line());
        } while (!all.back().starts_with("t "));
        all.back().erase(0, 2);
        return all;
    }

private:
    ImapClient& client_;
    z_stream out_{}, in_{};
    std::string text_;
};

} // namespace

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
