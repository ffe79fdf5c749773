#include "server/net/stream.h"

#include "server/base/limits.h"
#include "server/net/channel.h"
#include "server/net/sessions.h"

#include <Poco/Exception.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <list>
#include <span>

namespace postfach::net {
namespace {
using Clock = std::chrono::steady_clock;
namespace limits = base::limits;

constexpr std::size_t kPiece = 16 * 1024; // a TLS record; also what is read and queued at a time
// What a peer may still send after our last words before the connection is torn down all the same.
constexpr std::size_t kDiscard = 4 * 1024 * 1024;
} // namespace

struct Stream::State {
    State(const Poco::Net::StreamSocket& s, SessionRecord& r) : record(r), socket(s), channel(plainChannel(s)) {}

    SessionRecord& record;      // the strand's, which outlives the stream
    Poco::Net::StreamSocket socket;
    std::unique_ptr<Channel> channel;
    bool tls = false;
    CompressedChannel* compressed = nullptr; // the channel, while it is
    bool unflushed = false;     // the channel may hold back some of what it took
    bool shaking_hands = false; // nothing can be said until that is over

    std::string in;             // bytes read; those before `begin` were given out and die at the next read
    std::size_t begin = 0;
    std::size_t searched = 0;   // from `begin`: known to hold no LF, so a line in one-byte pieces costs linear time
    bool dry = false;           // the last read took all there was: waiting is cheaper than trying

    std::list<std::string> out; // pieces of kPiece, or as they were handed: growing one long string would cost twice its size
    std::size_t sent = 0;       // of the first piece
    std::size_t queued = 0;     // in all

    std::size_t discarded = 0;  // read and thrown away after our last words

    std::string_view unread() const { return std::string_view(in).substr(begin); }

    std::string_view take(std::size_t bytes)
    {
        const std::string_view taken = unread().substr(0, bytes);
        begin += bytes;
        searched = 0;
        return taken;
    }

    // Forgets what was given out. An idle session holds no buffer.
    void compact()
    {
        if (begin == in.size())
            std::string().swap(in);
        else
            in.erase(0, begin);
        begin = 0;
    }

    // One read into the buffer: bytes, kEnd or what to wait for. The piece goes through the worker's own space, so that
    // 10,000 connections with a few bytes each do not hold 16 KiB each.
    int fill()
    {
        static thread_local std::array<char, kPiece> piece; // not used across a co_await
        const int count = channel->read(piece.data(), piece.size());
        if (count <= 0) {
            dry = true;
            return count;
        }
        compact();
        in.append(piece.data(), static_cast<std::size_t>(count));
        record.countIn(static_cast<std::uint64_t>(count));
        dry = static_cast<std::size_t>(count) < piece.size() && !channel->pending();
        return count;
    }

    void drop()
    {
        out.clear();
        sent = queued = 0;
    }

    void hurry()
    {
        try {
            send();
        } catch (const PeerGone&) { // then nobody is there to hear it
        }
        drop();
    }

    int write() // of what is queued, as much as goes at once
    {
        const std::string_view first = std::string_view(out.front()).substr(sent);
        if (out.size() == 1)
            return channel->write(first.data(), first.size());
        std::array<std::string_view, Channel::kGathered> pieces{first};
        std::size_t count = 1;
        for (auto piece = std::next(out.begin()); piece != out.end() && count < pieces.size(); ++piece)
            pieces[count++] = *piece;
        return channel->gather(std::span<const std::string_view>(pieces.data(), count));
    }

    // Writes until all is with the kernel (0) or it takes no more (what to wait for).
    int send()
    {
        if (const int asked = writeAll(); asked != 0)
            return asked;
        const int asked = unflushed ? channel->flush() : 0;
        unflushed = asked != 0;
        return asked;
    }

    int sendLast() // that is compressed
    {
        if (const int asked = writeAll(); asked != 0)
            return asked;
        const int asked = compressed->finishWriting();
        unflushed = asked != 0;
        return asked;
    }

    int writeAll()
    {
        while (!out.empty()) {
            const int count = write();
            if (count < 0)
                return count;
            unflushed = true;
            queued -= static_cast<std::size_t>(count);
            record.countOut(static_cast<std::uint64_t>(count));
            sent += static_cast<std::size_t>(count);
            while (!out.empty() && sent >= out.front().size()) {
                sent -= out.front().size();
                out.pop_front();
            }
        }
        return 0;
    }
};

Stream::Stream(Strand& strand, const Poco::Net::StreamSocket& socket) : strand_(strand), state_(std::make_unique<State>(socket, strand.record()))
{
    try {
        // Small answers must not wait for the peer's delayed acknowledgement (FACTS 11: 22 RETR a second).
        state_->socket.setNoDelay(true);
    } catch (const Poco::Exception&) { // reset before we got to it: the first read tells
    }
}

Stream::~Stream() = default;

// --- reading

Task<std::string_view> Stream::line(std::size_t max)
{
    State& s = *state_;
    if (s.queued >= limits::kHighWaterMark) // pipelined commands must not pile up answers
        co_await drain();
    if (strand_.turnDue())
        co_await strand_.turn();
    for (;;) {
        const std::string_view unread = s.unread();
        const std::size_t end = unread.find('\n', s.searched);
        if (end != std::string_view::npos) {
            std::size_t length = end;
            if (length > 0 && unread[length - 1] == '\r')
                --length;
            if (length > max)
                throw LineTooLong();
            const std::string_view whole = s.take(end + 1);
            co_return whole.substr(0, length);
        }
        s.searched = unread.size();
        // One byte more may be the CR of a line that is just not too long.
        if (unread.size() > max + 1 || (unread.size() == max + 1 && unread.back() != '\r'))
            throw LineTooLong();
        co_await more();
    }
}

Task<std::string_view> Stream::some(std::size_t max)
{
    State& s = *state_;
    if (strand_.turnDue())
        co_await strand_.turn();
    if (max > 0 && !hasInput()) // a literal of no bytes waits for none
        co_await more();
    co_return s.take(std::min(max, s.unread().size()));
}

void Stream::unread(std::size_t bytes) { state_->begin -= std::min(bytes, state_->begin); }

// At least one more byte in the buffer.
Task<> Stream::more()
{
    State& s = *state_;
    bool got = false;
    while (!got) {
        if (s.queued > 0 || s.unflushed)
            co_await flush(); // the peer may be waiting for our answer before it goes on
        int now = s.dry ? static_cast<int>(Channel::kWantRead) : s.fill();
        if (now == Channel::kEnd)
            throw PeerGone("closed by peer");
        got = now > 0;
        if (!got)
            s.compact();
        if (!got)
            co_await waitFor(now);
    }
}

// Waits for what the channel asked for.
Task<> Stream::waitFor(int asked)
{
    const std::uint32_t wanted = asked == Channel::kWantWrite ? kWritable : kReadable;
    const std::uint32_t came = co_await strand_.wait(wanted);
    if ((came & kReadable) != 0)
        state_->dry = false;
}

Task<std::uint32_t> Stream::input(std::uint32_t or_else)
{
    State& s = *state_;
    std::uint32_t result = hasInput() ? kReadable : 0U;
    while (result == 0) {
        co_await flush();
        int now = s.dry ? static_cast<int>(Channel::kWantRead) : s.fill();
        if (now == Channel::kEnd)
            throw PeerGone("closed by peer");
        if (now > 0) {
            result |= kReadable;
            break;
        }
        s.compact();
        const std::uint32_t wanted = (now == Channel::kWantWrite ? kWritable : kReadable) | or_else;
        const std::uint32_t came = co_await strand_.wait(wanted);
        result |= came & or_else;
        if ((came & (kReadable | kWritable)) != 0) {
            // In TLS, readable may be a key update: only bytes for us count.
            s.dry = false;
            now = s.fill();
            if (now == Channel::kEnd && result == 0)
                throw PeerGone("closed by peer");
            if (now > 0)
                result |= kReadable;
        }
    }
    co_return result;
}

bool Stream::peerHasLeft() const
{
    pollfd look{state_->socket.impl()->sockfd(), 0, 0};
    return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

bool Stream::hasInput() const
{
    return state_->begin < state_->in.size(); // fill() takes whole records, so OpenSSL keeps none back
}

// --- writing

void Stream::write(std::string_view bytes)
{
    State& s = *state_;
    s.queued += bytes.size();
    while (!bytes.empty()) {
        if (s.out.empty() || s.out.back().size() >= kPiece)
            s.out.emplace_back();
        std::string& piece = s.out.back();
        const std::size_t count = std::min(bytes.size(), kPiece - piece.size());
        piece.append(bytes.data(), count);
        bytes.remove_prefix(count);
    }
}

void Stream::hand(std::string&& bytes)
{
    if (bytes.size() < kPiece)
        return write(bytes);
    state_->queued += bytes.size();
    state_->out.push_back(std::move(bytes));
}

Task<> Stream::drain()
{
    State& s = *state_;
    if (strand_.turnDue())
        co_await strand_.turn();
    if (s.queued >= limits::kHighWaterMark) // then all of it: a piece is freed whole, and the kernel's buffer keeps the peer busy
        co_await flush();
}

Task<> Stream::flush()
{
    State& s = *state_;
    int asked = s.send();
    while (asked != 0) {
        co_await waitFor(asked);
        asked = s.send();
    }
}

// --- TLS

Task<> Stream::startTls(std::shared_ptr<const TlsContext> context, std::string_view protocol)
{
    State& s = *state_;
    if (s.tls)
        throw std::logic_error("TLS is already active");
    if (hasInput())
        throw PeerGone("bytes sent in the clear after the command that starts TLS");
    co_await flush();
    s.channel = tlsChannel(s.socket, std::move(context), protocol);
    s.tls = true;
    s.shaking_hands = true;
    s.record.state("TLS handshake");
    s.dry = false;
    int asked = s.channel->handshake();
    while (asked < 0) {
        co_await waitFor(asked);
        asked = s.channel->handshake();
    }
    s.shaking_hands = false;
    TlsInfo info = s.channel->info();
    s.record.tls(std::move(info.protocol), std::move(info.cipher));
    s.record.state("connected");
}

bool Stream::isTls() const
{
    return state_->tls;
}

bool Stream::isProtected() const
{
    return state_->tls || state_->record.securedByProxy();
}

TlsInfo Stream::tls() const
{
    return state_->channel->info();
}

// --- compression

Task<> Stream::startDeflate()
{
    State& s = *state_;
    if (s.compressed != nullptr)
        throw std::logic_error("DEFLATE is already active");
    co_await flush();
    auto channel = deflateChannel(std::move(s.channel), s.unread());
    s.compressed = channel.get();
    s.channel = std::move(channel);
    s.take(s.unread().size());
    s.compact();
    s.dry = false;
}

bool Stream::isCompressed() const
{
    return state_->compressed != nullptr;
}

Task<> Stream::endDeflate()
{
    State& s = *state_;
    if (s.compressed == nullptr)
        throw std::logic_error("DEFLATE is not active");
    if (hasInput())
        throw BadCompression();
    int asked = s.sendLast();
    while (asked != 0) {
        co_await waitFor(asked);
        asked = s.sendLast();
    }
    asked = s.compressed->finishReading();
    while (asked < 0) {
        co_await waitFor(asked);
        asked = s.compressed->finishReading();
    }
    if (asked == Channel::kEnd)
        throw PeerGone("closed by peer");
    std::string rest;
    s.channel = s.compressed->release(rest);
    s.compressed = nullptr;
    s.record.countIn(rest.size());
    s.in = std::move(rest);
    s.begin = s.searched = 0;
    s.dry = false;
}

// --- the end

Task<> Stream::close()
{
    State& s = *state_;
    if (s.shaking_hands) // no words could get through
        s.drop();
    // Who has to make room gets what the kernel takes at once: a thousand half-open connections must not hold their
    // places for another goodbye time each.
    const bool hurried = s.record.farewell() == Farewell::pressure;
    bool again = !hurried;
    if (hurried)
        s.hurry();
    while (again) {
        again = false;
        try {
            strand_.deadline(Clock::now() + limits::kGoodbyeTime);
            co_await flush();
        } catch (const ShuttingDown&) {
            again = true; // told once
        } catch (const DeadlinePassed&) { // the peer does not read: it has had its time
        } catch (const PeerGone&) {
        }
    }
    s.channel->close();
    const int fd = s.socket.impl()->sockfd();
    ::shutdown(fd, SHUT_WR);
    again = discard() && !hurried;
    while (again) {
        try {
            co_await strand_.wait(kReadable);
            again = discard();
            if (again && strand_.turnDue())
                co_await strand_.turn();
        } catch (const ShuttingDown&) {
        } catch (const DeadlinePassed&) {
            again = false;
        } catch (const PeerGone&) {
            again = false;
        }
    }
}

// True while the peer may go on sending: bytes were there and the end was not.
bool Stream::discard()
{
    std::array<char, kPiece> piece;
    State& s = *state_;
    bool any = !s.unread().empty() || s.discarded > 0;
    for (;;) {
        const auto count = ::recv(s.socket.impl()->sockfd(), piece.data(), piece.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return any && (errno == EAGAIN || errno == EWOULDBLOCK);
        s.discarded += static_cast<std::size_t>(count);
        if (count == 0 || s.discarded > kDiscard)
            return false;
        any = true;
    }
}

std::string Stream::peerAddress() const
{
    return state_->record.address();
}

bool Stream::peerIsLoopback() const
{
    return state_->record.loopback();
}

std::uint64_t Stream::bytesIn() const
{
    return state_->record.bytesIn();
}

std::uint64_t Stream::bytesOut() const
{
    return state_->record.bytesOut();
}

} // namespace postfach::net
