#pragma once
// The one class that touches a connection's socket: plain, TLS, DEFLATE over either; bounded reading, queued writing.
// Belongs to its strand. Errors of the connection are PeerGone; everything else is the session's own.
#include "server/net/strand.h"
#include "server/net/tls.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace postfach::net {

struct LineTooLong : std::runtime_error { LineTooLong() : runtime_error("line too long") {} };
struct BadCompression : std::runtime_error { BadCompression() : runtime_error("what came is not DEFLATE") {} }; // nothing more can be read

class Channel; // plain or TLS, below Stream (channel.h)

class Stream {
public:
    Stream(Strand& strand, const Poco::Net::StreamSocket& socket); // borrowed strand outlives the stream
    ~Stream();

    // --- reading
    // The next line without its CRLF (or LF, when forgiving). Flushes what is queued before it waits. The view dies at the next read.
    // LineTooLong past `max`: nothing more can be read in order then; say so and close.
    Task<std::string_view> line(std::size_t max);
    // Up to `max` bytes as they come (at least one): pieces of a literal. PeerGone at the end of the stream.
    Task<std::string_view> some(std::size_t max);
    void unread(std::size_t bytes);   // gives back the last `bytes` of what some() has just returned: they are read again
    // Waits for input or any of `or_else` (IDLE: kNews). Returns the bits; kReadable when bytes wait (also in buffers).
    Task<std::uint32_t> input(std::uint32_t or_else = 0);
    // The connection is reset, or ended both ways: nobody waits for the end of long work. A peer that has only ended its own way still
    // does; one that closed all is known by what comes back when it is told something.
    bool peerHasLeft() const;
    bool hasInput() const;            // bytes already buffered: after STARTTLS that ends the connection

    // --- writing
    void write(std::string_view bytes);  // queues; never blocks
    void hand(std::string&& bytes);      // the same, and a long one is not copied
    Task<> drain();                      // returns at once below the high-water mark, else flushes
    Task<> flush();                      // waits until all is with the kernel

    // --- TLS
    // Handshake as server. Bytes already read in the clear end the connection (PeerGone): they were injected or are garbage.
    // `protocol` is the one ALPN id that fits this port ("imap", "pop3"; lives for ever); without it either does.
    Task<> startTls(std::shared_ptr<const TlsContext> context, std::string_view protocol = {});
    bool isTls() const;
    bool isProtected() const;            // TLS, or TLS that ended at a trusted proxy: good enough for a password
    TlsInfo tls() const;                 // empty fields when plain

    // --- compression (RFC 4978)
    // Sends what is queued as it is; from then on both ways are DEFLATE. What was read and not taken is the first of it.
    Task<> startDeflate();
    bool isCompressed() const;
    // Sends what is queued as the last that is compressed, and waits for the end of what the peer compresses: either for its last
    // block or for text that is none (RFC 8437 4.1). BadCompression when there is more content.
    Task<> endDeflate();

    // Flushes within the goodbye time, close_notify without waiting, FIN; then what the peer still sends is thrown away for
    // a moment, or the kernel's RST would overtake our last words. Throws nothing of the connection.
    Task<> close();
    std::string peerAddress() const;     // numeric, without port; IPv4-mapped IPv6 as IPv4
    bool peerIsLoopback() const;
    std::uint64_t bytesIn() const, bytesOut() const;
    Strand& strand() { return strand_; }

private:
    Task<> more();
    Task<> waitFor(int asked);
    bool discard();

    Strand& strand_;
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace postfach::net
