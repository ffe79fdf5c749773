// What two HTTP readers could understand differently is refused; what is a request is read the same in pieces of any size.
#include "admin/api/request_reader.h"
#include "tests/support/catch.h"

using namespace postfach::admin;
using State = RequestReader::State;

namespace {
struct Outcome {
    int status = 0; // 0: a whole request
    RequestHead head;
    std::string body, rest;
};

Outcome read(const std::string& bytes, std::size_t piece = SIZE_MAX, std::uint64_t most = 1000)
{
    RequestReader reader;
    Outcome outcome;
    std::size_t at = 0;
    for (;;) {
        switch (reader.next()) {
        case State::needMore:
            if (at >= bytes.size()) {
                outcome.status = -1;
                return outcome;
            }
            reader.feed(std::string_view(bytes).substr(at, piece));
            at += std::min(piece, bytes.size() - at);
            break;
        case State::head: reader.acceptBody(most); break;
        case State::refused: outcome.status = reader.status(); return outcome;
        case State::complete: std::tie(outcome.head, outcome.body) = reader.takeRequest(); return outcome;
        }
    }
}

std::string get(const std::string& fields) { return "GET /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }
std::string post(const std::string& fields, const std::string& body) { return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body; }
} // namespace

TEST_CASE("A request that two readers could frame differently is refused", "[admin][http][rfc9112][threats-33]")
{
    struct Row {
        const char* what;
        std::string bytes;
        int status;
    };
    const Row rows[] = {
        {"Content-Length beside Transfer-Encoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        {"Transfer-Encoding beside Content-Length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
        {"two Content-Length", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
        {"two Content-Length that agree", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
        {"a list of Content-Length", post("Content-Length: 5, 5\r\n", "hello"), 400},
        {"Content-Length with a sign", post("Content-Length: +5\r\n", "hello"), 400},
        {"negative Content-Length", post("Content-Length: -5\r\n", "hello"), 400},
        {"hexadecimal Content-Length", post("Content-Length: 0x5\r\n", "hello"), 400},
        {"empty Content-Length", post("Content-Length: \r\n", "hello"), 400},
        {"Content-Length past 64 bits", post("Content-Length: 18446744073709551621\r\n", "hello"), 413},
        {"space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
        {"space before Content-Length's colon", post("Content-Length : 5\r\n", "hello"), 400},
        {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400},
        {"identity", post("Transfer-Encoding: identity\r\n", "0\r\n\r\n"), 501},
        {"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        {"two Transfer-Encoding", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        {"chunked in HTTP/1.0", "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"a bare LF behind the request line", "GET /x HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"a bare LF behind a field", "GET /x HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"a bare LF as the end", "GET /x HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"a bare CR in a field", get("X: a\rContent-Length: 5\r\n"), 400},
        {"a folded field", get("X: a\r\n b\r\n"), 400},
        {"a folded first field", "GET /x HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"a NUL", get(std::string("X: a\0b\r\n", 8)), 400},
        {"a field without a colon", get("Hello\r\n"), 400},
        {"a field without a name", get(": x\r\n"), 400},
        {"no Host", "GET /x HTTP/1.1\r\n\r\n", 400},
        {"two Host", get("Host: b\r\n"), 400},
        {"a Host of other characters", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"two Authorization", get("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
        {"two spaces in the request line", "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a tab in the request line", "GET\t/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"HTTP/0.9", "GET /x\r\n", 400},
        {"HTTP/2.0", "GET /x HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"lower-case http", "GET /x http/1.1\r\nHost: a\r\n\r\n", 400},
        {"a target that is no path", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"8-bit bytes in the target", "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"a chunk size with 0x", post("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), 400},
        {"a chunk size with a space before it", post("Transfer-Encoding: chunked\r\n", " 5\r\nhello\r\n0\r\n\r\n"), 400},
        {"a chunk size with a minus", post("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"), 400},
        {"a chunk size past 64 bits", post("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
        {"a chunk longer than it says", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloX\r\n0\r\n\r\n"), 400},
        {"a chunk line that ends in LF", post("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"), 400},
        {"an endless chunk extension", post("Transfer-Encoding: chunked\r\n", "5;" + std::string(500, 'x') + "\r\nhello\r\n0\r\n\r\n"), 400},
        {"an unknown expectation", post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello"), 417},
        {"a body past the limit", post("Content-Length: 1001\r\n", ""), 413},
        {"chunks past the limit", post("Transfer-Encoding: chunked\r\n", "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413},
        {"a long request line", "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
        {"a long field", get("X: " + std::string(9000, 'x') + "\r\n"), 431},
        {"a field without an end", "GET /x HTTP/1.1\r\nX: " + std::string(20000, 'x'), 431},
        {"a trailer without an end", post("Transfer-Encoding: chunked\r\n", "0\r\n" + std::string(6000, 'x')), 431},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(read(row.bytes).status == row.status);
        CHECK(read(row.bytes, 1).status == row.status);
    }
    std::string many;
    for (int i = 0; i < 65; ++i)
        many += "X-" + std::to_string(i) + ": y\r\n";
    CHECK(read(get(many)).status == 431);
    std::string large;
    for (int i = 0; i < 6; ++i)
        large += "X-" + std::to_string(i) + ": " + std::string(7000, 'y') + "\r\n";
    CHECK(read(get(large)).status == 431);
}

TEST_CASE("A request is read the same in pieces of any size", "[admin][http][rfc9112]")
{
    const std::string sized = post("Content-Length: 5\r\nConnection: keep-alive\r\n", "hello");
    const std::string chunked = post("Transfer-Encoding: Chunked\r\n", "2;x=y\r\nhe\r\n003\r\nllo\r\n0\r\nTrailer: yes\r\n\r\n");
    for (const auto& bytes : {sized, chunked})
        for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
            const auto outcome = read(bytes, piece);
            REQUIRE(outcome.status == 0);
            CHECK(outcome.head.method == "POST");
            CHECK(outcome.head.target == "/x");
            CHECK(outcome.body == "hello");
            CHECK(outcome.head.keep_alive);
        }
    CHECK(read("\r\nGET /x HTTP/1.1\r\nhost: a\r\n\r\n").status == 0);
    CHECK(read("\r\n\r\nGET /x HTTP/1.1\r\nhost: a\r\n\r\n").status == 400);
    CHECK(read("GET https://mail.example.org/x?y HTTP/1.1\r\nHost: a\r\n\r\n").head.target == "/x?y");
    CHECK_FALSE(read(get("Connection: TE, Close\r\n")).head.keep_alive);
    CHECK_FALSE(read("GET /x HTTP/1.0\r\n\r\n").head.keep_alive);
    CHECK(read(get("X: \t y \r\n")).head.fields.back().second == "y");
    CHECK(read(post("Content-Length: 5\r\n", "hell")).status == -1);
}

TEST_CASE("What stands behind a request is the next request", "[admin][http][rfc9112]")
{
    RequestReader reader;
    reader.feed(post("Content-Length: 3\r\n", "one") + post("Transfer-Encoding: chunked\r\n", "3\r\ntwo\r\n0\r\n\r\n") + get(""));
    std::vector<std::string> bodies;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(reader.next() == State::head);
        reader.acceptBody(100);
        REQUIRE(reader.next() == State::complete);
        bodies.push_back(reader.takeRequest().second);
    }
    CHECK(bodies == std::vector<std::string>{"one", "two", ""});
    CHECK(reader.isEmpty());
}

TEST_CASE("A body in tiny chunks with long extensions costs no more memory than the body", "[admin][http]")
{
    RequestReader reader;
    reader.feed(post("Transfer-Encoding: chunked\r\n", ""));
    REQUIRE(reader.next() == State::head);
    reader.acceptBody(100'000);
    const std::string chunk = "1;" + std::string(200, 'x') + "\r\ny\r\n";
    for (int i = 0; i < 50'000; ++i) { // 10 MB on the wire
        reader.feed(chunk);
        REQUIRE(reader.next() == State::needMore);
    }
    CHECK(reader.bodyBytes() == 50'000);
}
