#pragma once
// A strict reader of HTTP/1.1 requests (RFC 9112), fed with bytes as they come; it touches no socket. It stands before
// Poco's HTTP server, which takes two Content-Lengths, Content-Length beside Transfer-Encoding, and runs an unread body as
// the next request: behind a proxy that reads differently each of these smuggles a request past it.
//
// Whatever two readers could understand differently is refused here, and after a refusal nothing more is read from the
// connection. Memory is bounded: a header by kHeaderBlock, a body by what the caller allows for it.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::admin {

inline constexpr std::size_t kRequestLine = 8 * 1024;   // 414 past it
inline constexpr std::size_t kHeaderField = 8 * 1024;   // one field line, what Poco takes; 431
inline constexpr std::size_t kHeaderBlock = 32 * 1024;  // all of them; 431
inline constexpr std::size_t kHeaderFields = 64;        // Poco stops at 100; 431
inline constexpr std::size_t kChunkLine = 256;          // size and extensions of a chunk
inline constexpr std::size_t kTrailer = 4 * 1024;       // read and thrown away

struct RequestHead {
    std::string method, target;
    int minor_version = 1;                                    // HTTP/1.x
    std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, in order
    std::optional<std::uint64_t> length;                      // Content-Length
    bool chunked = false;
    bool expects_continue = false;
    bool keep_alive = true;

    const std::string* find(std::string_view name) const;     // lower case; the first
    bool hasBody() const { return chunked || length.value_or(0) > 0; }
};

class RequestReader {
public:
    enum class State {
        needMore,   // feed() something
        head,       // head() stands; say how large a body may be with acceptBody()
        complete,   // takeRequest()
        refused,    // status(), code(), detail(); over for this connection
    };

    void feed(std::string_view bytes);
    State next();

    const RequestHead& head() const { return head_; }
    void acceptBody(std::uint64_t most);                      // in State::head
    // The request with its body; the reader then stands before the next one.
    std::pair<RequestHead, std::string> takeRequest();

    bool isEmpty() const { return phase_ == Phase::requestLine && pending_.empty(); } // between requests, nothing came
    std::uint64_t bodyBytes() const { return body_.size(); }  // so far
    int status() const { return status_; }
    const std::string& code() const { return code_; }
    const std::string& detail() const { return detail_; }

private:
    enum class Phase { requestLine, fields, waiting, sized, chunkSize, chunkData, chunkEnd, trailer, complete, refused };

    // The next line without CRLF, or nullptr-like nullopt when it has not all come (or the reader has just refused).
    std::optional<std::string_view> line(std::size_t most, int too_long);
    State refuse(int status, std::string code, std::string detail);
    State requestLine(std::string_view line);
    State field(std::string_view line);
    State endOfFields();
    State chunkSize(std::string_view line);

    Phase phase_ = Phase::requestLine;
    std::string pending_;                                     // what came and is not yet understood, from at_
    std::size_t at_ = 0, scanned_ = 0;
    std::size_t header_bytes_ = 0, trailer_bytes_ = 0;
    bool skipped_empty_line_ = false;
    RequestHead head_;
    std::string body_;
    std::uint64_t most_ = 0, left_ = 0;
    int status_ = 0;
    std::string code_, detail_;
};

} // namespace postfach::admin
