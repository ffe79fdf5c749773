#pragma once
// Private to server/net: how bytes pass over one connection, in the clear, in TLS, or compressed. Never blocks: the socket is
// non-blocking and whoever calls waits for what the answer names.
#include <Poco/Net/StreamSocket.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace postfach::net {

struct TlsInfo;
class TlsContext;

class Channel {
public:
    static constexpr std::size_t kGathered = 16; // pieces taken by one write, at most
    enum : int { kEnd = 0, kWantRead = -1, kWantWrite = -2 }; // positive: bytes

    virtual ~Channel() = default;
    // All throw PeerGone when the connection failed; it is not to be used again then.
    virtual int read(char* into, std::size_t most) = 0;
    virtual int write(const char* from, std::size_t bytes) = 0; // may take less
    virtual int gather(std::span<const std::string_view> pieces) // the same of several; not empty
    {
        return write(pieces.front().data(), pieces.front().size());
    }
    virtual int flush() { return 0; } // what write() took and holds back, on its way: 0, or what to wait for
    virtual int handshake() = 0;                                // positive: done
    virtual bool pending() const = 0;                           // something unread this side of the kernel
    virtual void close() noexcept = 0;                          // close_notify, not waiting for the peer's
    virtual TlsInfo info() const = 0;
};

// What the callbacks of a handshake (tls.cpp) look at, through SSL_get_app_data. Lives in the TLS channel.
struct TlsAsk {
    std::string_view protocol;           // the one ALPN id that fits; empty: any of ours
    const TlsContext* context = nullptr; // whose certificates there are to choose from
};

// DEFLATE over another channel, until both sides have ended it (RFC 8437 4.1).
class CompressedChannel : public Channel {
public:
    // Ends what we say with the last block of the stream: 0, or what to wait for. What is written from then on is not compressed.
    virtual int finishWriting() = 0;
    // Reads up to the end of what the peer says compressed: 1, or what to wait for, or kEnd. More content in it is BadCompression.
    virtual int finishReading() = 0;
    // After both: the channel below, and what was read from it that is not compressed.
    virtual std::unique_ptr<Channel> release(std::string& rest) = 0;
};

std::unique_ptr<Channel> plainChannel(const Poco::Net::StreamSocket& socket);
std::unique_ptr<Channel> tlsChannel(const Poco::Net::StreamSocket& socket, std::shared_ptr<const TlsContext> context,
                                    std::string_view protocol);
// `already_read`: what came in behind the command that asked for it.
std::unique_ptr<CompressedChannel> deflateChannel(std::unique_ptr<Channel> below, std::string_view already_read);

} // namespace postfach::net
