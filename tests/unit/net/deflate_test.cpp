// DEFLATE over plain and TLS: what is corrupt, what is a bomb, what hangs a client, what it costs.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <zlib.h>

#include <algorithm>
#include <stdexcept>

using namespace postfach::net;
using namespace postfach::test;

namespace {
struct Watched {
    std::atomic<std::uint64_t> most{0}; // bytes one read gave
    std::atomic<bool> corrupt{false};
    Tally ended;
};

// In the clear until COMPRESS, from then on compressed until END. "GET n" answers with n bytes, "BODY n" takes n bytes and says so.
Task<> compressing(Strand& strand, Poco::Net::StreamSocket socket, Watched& watched, bool tls)
{
    Stream stream(strand, socket);
    auto context = testContext();
    std::string bye = "BYE";
    try {
        if (tls)
            co_await stream.startTls(std::move(context));
        for (;;) {
            const std::string line(co_await stream.line(1000));
            if (line == "LOGOUT")
                break;
            if (line == "COMPRESS") {
                stream.write("OK\r\n");
                co_await stream.startDeflate();
            } else if (line == "END") {
                stream.write("OK\r\n");
                co_await stream.endDeflate();
            } else if (line.starts_with("GET ")) {
                const std::size_t count = std::stoul(line.substr(4));
                for (std::size_t at = 0; at < count; at += 16 * 1024) {
                    stream.write(std::string(std::min<std::size_t>(count - at, 16 * 1024), static_cast<char>('a' + at / 16384 % 26)));
                    co_await stream.drain();
                }
            } else if (line.starts_with("BODY ")) {
                std::size_t left = std::stoul(line.substr(5));
                while (left > 0) {
                    const std::string_view piece = co_await stream.some(left);
                    watched.most = std::max<std::uint64_t>(watched.most, piece.size());
                    left -= piece.size();
                }
                stream.write("taken\r\n");
            } else {
                stream.write("echo " + line + "\r\n");
            }
        }
    } catch (const LineTooLong&) {
        bye = "BYE too long";
    } catch (const BadCompression&) {
        watched.corrupt = true;
        bye = "BYE corrupt";
    } catch (const PeerGone&) {
        bye.clear();
    }
    stream.write(bye + "\r\n");
    co_await stream.close();
    watched.ended.add();
}

std::string deflated(z_stream& z, std::string_view text, int flush = Z_SYNC_FLUSH)
{
    std::string out(text.size() + 1000, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, flush);
    out.resize(out.size() - z.avail_out);
    return out;
}

// A client that compresses as others do: with zlib's own defaults.
class Compressing {
public:
    Compressing(Client& client, bool start = true) : client_(client)
    {
        ::deflateInit2(&out_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        ::inflateInit2(&in_, -MAX_WBITS);
        if (start && client.talk("COMPRESS") != "OK")
            throw std::runtime_error("not compressed");
    }
    ~Compressing()
    {
        ::deflateEnd(&out_);
        ::inflateEnd(&in_);
    }
    std::string pack(std::string_view text, int flush = Z_SYNC_FLUSH) { return deflated(out_, text, flush); }
    bool send(std::string_view text) { return client_.send(pack(text)); }
    std::string talk(const std::string& text)
    {
        send(text + "\r\n");
        return line();
    }
    std::string exactly(std::size_t count)
    {
        while (text_.size() < count && more()) {
        }
        std::string result = text_.substr(0, count);
        text_.erase(0, result.size());
        return result;
    }
    std::string line()
    {
        while (text_.find('\n') == std::string::npos)
            if (!more())
                return "<end>";
        std::string result = text_.substr(0, text_.find('\n') - 1);
        text_.erase(0, text_.find('\n') + 1);
        return result;
    }
    std::uint64_t received() const { return in_.total_in; }
    bool ends() // the server's last block comes, and nothing before it
    {
        while (!ended_ && text_.empty() && more()) {
        }
        return ended_ && text_.empty();
    }

private:
    bool more()
    {
        std::string got = client_.exactly(1);
        if (got.empty())
            return false;
        char piece[4096];
        in_.next_in = reinterpret_cast<Bytef*>(got.data());
        in_.avail_in = 1;
        do {
            in_.next_out = reinterpret_cast<Bytef*>(piece);
            in_.avail_out = sizeof piece;
            const int result = ::inflate(&in_, Z_SYNC_FLUSH);
            ended_ = result == Z_STREAM_END;
            if (result != Z_OK && result != Z_BUF_ERROR && !ended_)
                throw std::runtime_error("the server sent what is not DEFLATE");
            text_.append(piece, sizeof piece - in_.avail_out);
        } while (in_.avail_out == 0 && !ended_);
        return true;
    }

    Client& client_;
    z_stream out_{}, in_{};
    std::string text_;
    bool ended_ = false;
};
} // namespace

TEST_CASE("compressed, plain and TLS: what is corrupt or too long ends the session, all else is as it was", "[net][deflate][rfc4978]")
{
    const bool tls = GENERATE(false, true);
    Watched watched;
    House house([&watched, tls](Strand& strand, Poco::Net::StreamSocket socket) { return compressing(strand, std::move(socket), watched, tls); });
    Client client(house.port());
    if (tls)
        REQUIRE(client.startTls());
    SECTION("corrupt data: told, compressed as all is, and the end")
    {
        Compressing packed(client);
        CHECK(packed.talk("fine") == "echo fine");
        client.send(std::string(64, '\xff')); // a block of the type that there is not
        CHECK(packed.line() == "BYE corrupt");
        CHECK(packed.line() == "<end>");
        CHECK(watched.corrupt);
    }
    SECTION("a line that is short compressed and long inflated is too long")
    {
        Compressing packed(client);
        packed.send(std::string(10'000'000, 'x'));
        CHECK(packed.line() == "BYE too long");
    }
    SECTION("a bomb is inflated in pieces, no larger than the reader's")
    {
        Compressing packed(client);
        const std::string many(50'000'000, '\0');
        const std::string bomb = packed.pack("BODY 50000000\r\n") + packed.pack(many);
        CHECK(bomb.size() < 100'000);
        client.send(bomb);
        CHECK(packed.line() == "taken");
        CHECK(watched.most <= 16 * 1024);
        CHECK(packed.talk("after it") == "echo after it");
    }
    SECTION("blocks without content are swallowed, a last block ends the session after what came before it")
    {
        Compressing packed(client);
        std::string nothing;
        for (int i = 0; i < 50'000; ++i)
            nothing += std::string("\0\0\0\xff\xff", 5);
        client.send(nothing);
        CHECK(packed.talk("still") == "echo still");
        client.send(packed.pack("last\r\n", Z_FINISH));
        CHECK(packed.line() == "echo last");
        CHECK(watched.ended.reaches(1));
        CHECK_FALSE(watched.corrupt);
    }
    SECTION("byte by byte, and many commands in one piece")
    {
        const int on = 1;
        ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Compressing packed(client);
        for (const char c : packed.pack("slowly\r\n"))
            client.send(std::string_view(&c, 1));
        CHECK(packed.line() == "echo slowly");
        std::string all;
        for (int i = 0; i < 3000; ++i)
            all += std::to_string(i) + "\r\n";
        packed.send(all);
        for (int i = 0; i < 3000; ++i)
            REQUIRE(packed.line() == "echo " + std::to_string(i));
    }
    SECTION("what comes in one segment with the command is compressed already")
    {
        Compressing packed(client, false);
        client.send("COMPRESS\r\n" + packed.pack("early\r\n"));
        CHECK(client.line() == "OK");
        CHECK(packed.line() == "echo early");
    }
    SECTION("each answer can be read at once, and answers keep each other's words across their flushes")
    {
        Compressing packed(client);
        CHECK(packed.talk("some words that are said again") == "echo some words that are said again");
        const auto before = packed.received();
        CHECK(packed.talk("some words that are said again") == "echo some words that are said again");
        CHECK(packed.received() - before < 20);
    }
    SECTION("a large answer passes byte for byte")
    {
        Compressing packed(client);
        packed.send("GET 3000000\r\n");
        const std::string got = packed.exactly(3'000'000);
        REQUIRE(got.size() == 3'000'000);
        bool right = true;
        for (std::size_t i = 0; i < got.size(); ++i)
            right = right && got[i] == static_cast<char>('a' + i / 16384 % 26);
        CHECK(right);
        CHECK(packed.received() < 100'000);
        CHECK(packed.talk("LOGOUT") == "BYE");
        CHECK(packed.line() == "<end>");
    }
}

TEST_CASE("compression ends where both sides say so, and what follows is text", "[net][deflate][rfc8437-4.1]")
{
    using namespace std::string_literals;
    const bool tls = GENERATE(false, true);
    Watched watched;
    House house([&watched, tls](Strand& strand, Poco::Net::StreamSocket socket) { return compressing(strand, std::move(socket), watched, tls); });
    Client client(house.port());
    if (tls)
        REQUIRE(client.startTls());
    Compressing packed(client);
    CHECK(packed.talk("before") == "echo before");
    SECTION("more behind the command that is compressed all the same")
    {
        client.send(packed.pack("END\r\n") + packed.pack("more\r\n"));
        CHECK(packed.line() == "OK");
        CHECK(packed.ends());
        CHECK(client.line() == "BYE corrupt");
    }
    SECTION("more in the same block")
    {
        packed.send("END\r\nmore\r\n");
        CHECK(packed.line() == "OK");
        CHECK(packed.line() == "BYE corrupt");
    }
    SECTION("empty blocks without end")
    {
        std::string nothing;
        for (int i = 0; i < 5'000; ++i)
            nothing += "\0\0\0\xff\xff"s;
        client.send(packed.pack("END\r\n") + nothing);
        CHECK(packed.line() == "OK");
        CHECK(packed.ends());
        CHECK(client.line() == "BYE corrupt");
    }
    SECTION("the client hangs up instead")
    {
        packed.send("END\r\n");
        CHECK(packed.line() == "OK");
        client.finish();
        CHECK(watched.ended.reaches(1));
        CHECK_FALSE(watched.corrupt);
    }
    SECTION("after a flush, in a last block, in an empty one behind it, again and again")
    {
        const int flush = GENERATE(Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_FINISH, -1);
        std::string bytes = packed.pack("END\r\n", flush == -1 ? Z_SYNC_FLUSH : flush);
        if (flush == -1)
            bytes += packed.pack("", Z_FINISH);
        SECTION("in one piece with the text") { client.send(bytes + "plain\r\n"); }
        SECTION("byte by byte")
        {
            const int on = 1;
            ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            for (const char c : bytes + "plain\r\n")
                client.send(std::string_view(&c, 1));
        }
        CHECK(packed.line() == "OK");
        CHECK(packed.ends());
        CHECK(client.line() == "echo plain");
        for (int i = 0; i < 3; ++i) {
            Compressing anew(client);
            CHECK(anew.talk("packed") == "echo packed");
            client.send(anew.pack("END\r\n") + "text\r\n");
            CHECK(anew.line() == "OK");
            CHECK(anew.ends());
            CHECK(client.line() == "echo text");
        }
        CHECK(client.talk("LOGOUT") == "BYE");
    }
    SECTION("a large answer is on its way")
    {
        client.send(packed.pack("GET 3000000\r\n") + packed.pack("END\r\n") + "plain\r\n");
        CHECK(packed.exactly(3'000'000).size() == 3'000'000);
        CHECK(packed.line() == "OK");
        CHECK(packed.ends());
        CHECK(client.line() == "echo plain");
    }
}
