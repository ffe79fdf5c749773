// DEFLATE (RFC 1951, raw, as RFC 4978 wants it) over whatever channel was there before.
//
// What a session costs while it waits: zlib's state for reading, whose 32 KiB window is touched only as far as the client
// has sent something, and the last kHistory bytes of what was said. The compressor, many times as large, is borrowed for
// the time between the first byte of an answer and its flush: the next one begins a new block with that history as its
// dictionary, which every inflater takes, because its own window holds those bytes too.
//
// A bomb has no place to go off: each read inflates no more than the reader has room for, and the rest waits compressed.
//
// It may end before the connection does (RFC 8437 4.1). Neither RFC says how; what there is of clients drops zlib's state after a
// flush, others may send a last block. So a read stops where a block does, and behind the last command whatever still belongs to
// the compression is told from the text that follows by its bytes: a flush's marker and a last empty block begin with none that can
// be printed, a tag with no other. Our own last words are in a last block, with nothing behind it: both kinds of client read that.
#include "server/net/channel.h"
#include "server/net/stream.h"
#include "server/net/tls.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace postfach::net {
namespace {
constexpr std::size_t kCompressed = 4 * 1024;  // read at a time; what a full reader leaves of it is kept
constexpr std::size_t kHistory = 2 * 1024;     // of our own words, kept between answers: small ones resemble each other
constexpr int kMarker = 64;                    // bytes read for the end of the compression: more are no end
constexpr int kReadsInVain = 16;               // blocks without content, before the others get their turn
constexpr int kWindowBits = 13;                // 8 KiB back: with kMemLevel 64 KiB a compressor instead of 256 (zconf.h)
constexpr int kMemLevel = 6;
constexpr int kLevel = 3;                      // higher ones cost more time than they save bytes
constexpr std::size_t kSpare = 8;              // compressors kept for the next answer

Bytef* bytes(const char* text)
{
    return reinterpret_cast<Bytef*>(const_cast<char*>(text)); // zlib's next_in is not const, and never written to
}

class Compressor {
public:
    Compressor()
    {
        if (::deflateInit2(&z, kLevel, Z_DEFLATED, -kWindowBits, kMemLevel, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    ~Compressor() { ::deflateEnd(&z); }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    z_stream z{};
};

// Compressors between two answers. Any thread.
class Spare {
public:
    std::unique_ptr<Compressor> take()
    {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto compressor = std::move(idle_.back());
                idle_.pop_back();
                return compressor;
            }
        }
        return std::make_unique<Compressor>();
    }

    void giveBack(std::unique_ptr<Compressor> compressor)
    {
        ::deflateReset(&compressor->z);
        const std::lock_guard lock(mutex_);
        if (idle_.size() < kSpare)
            idle_.push_back(std::move(compressor));
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Compressor>> idle_; // guarded by mutex_
};

Spare& spare()
{
    static Spare all;
    return all;
}

class DeflateChannel final : public CompressedChannel {
public:
    DeflateChannel(std::unique_ptr<Channel> below, std::string_view already_read) : below_(std::move(below)), compressed_(already_read)
    {
        if (::inflateInit2(&inflate_, -MAX_WBITS) != Z_OK)
            throw std::bad_alloc();
    }
    ~DeflateChannel() override { ::inflateEnd(&inflate_); }

    int read(char* into, std::size_t most) override
    {
        for (int tries = 1;; ++tries) {
            if (const int count = inflateInto(into, most); count > 0)
                return count;
            if (ended_)
                return kEnd;
            if (tries > kReadsInVain && !below_->pending())
                return kWantRead; // what is still in the kernel wakes us again
            std::array<char, kCompressed> piece;
            const int count = below_->read(piece.data(), piece.size());
            if (count <= 0)
                return count;
            compressed_.assign(piece.data(), static_cast<std::size_t>(count));
        }
    }

    int write(const char* from, std::size_t count) override
    {
        if (const int asked = push(); asked < 0)
            return asked;
        if (finished_)
            return below_->write(from, count);
        if (!compressor_) {
            compressor_ = spare().take();
            if (!history_.empty())
                ::deflateSetDictionary(&compressor_->z, bytes(history_.data()), static_cast<uInt>(history_.size()));
        }
        compressor_->z.next_in = bytes(from);
        compressor_->z.avail_in = static_cast<uInt>(count);
        deflateAll(Z_NO_FLUSH);
        remember(std::string_view(from, count));
        return static_cast<int>(count); // what is made of it goes out with the next call, or with flush()
    }

    int flush() override
    {
        if (compressor_) {
            if (const int asked = push(); asked < 0)
                return asked;
            deflateAll(Z_SYNC_FLUSH); // ends on a byte: the client can read all of it, and another compressor go on
            spare().giveBack(std::move(compressor_));
        }
        return push();
    }

    int finishWriting() override
    {
        if (finished_)
            return push();
        if (const int asked = push(); asked < 0)
            return asked;
        if (!compressor_)
            compressor_ = spare().take();
        deflateAll(Z_FINISH);
        spare().giveBack(std::move(compressor_));
        finished_ = true;
        return push();
    }

    int finishReading() override
    {
        if (full_)
            skip(0);
        for (int skipped = 0; !ended_;) {
            if (compressed_.empty()) {
                std::array<char, kCompressed> piece;
                const int count = below_->read(piece.data(), piece.size());
                if (count <= 0)
                    return count;
                compressed_.assign(piece.data(), static_cast<std::size_t>(count));
            }
            ended_ = between_blocks_ && compressed_.front() >= 0x20 && compressed_.front() < 0x7f;
            if (ended_)
                break;
            if (++skipped > kMarker)
                throw BadCompression();
            skip(1);
        }
        return 1;
    }

    std::unique_ptr<Channel> release(std::string& rest) override
    {
        rest = std::move(compressed_);
        return std::move(below_);
    }

    int handshake() override { return below_->handshake(); }
    bool pending() const override { return ended_ || full_ || !compressed_.empty() || below_->pending(); }
    void close() noexcept override { below_->close(); }
    TlsInfo info() const override { return below_->info(); }

private:
    // From what was read and zlib's own store; 0: more must be read.
    int inflateInto(char* into, std::size_t most)
    {
        if (ended_ || (compressed_.empty() && !full_))
            return 0;
        inflate_.next_in = bytes(compressed_.data());
        inflate_.avail_in = static_cast<uInt>(compressed_.size());
        inflate_.next_out = bytes(into);
        inflate_.avail_out = static_cast<uInt>(most);
        int result = Z_OK;
        do {
            result = ::inflate(&inflate_, Z_BLOCK);
            between_blocks_ = (inflate_.data_type & 128) != 0;
        } while (result == Z_OK && inflate_.avail_out > 0 && (isOver() || (inflate_.avail_out == most && inflate_.avail_in > 0)));
        const std::size_t count = most - inflate_.avail_out;
        full_ = inflate_.avail_out == 0; // then there may be more behind
        if (inflate_.avail_in == 0)
            std::string().swap(compressed_);
        else
            compressed_.erase(0, compressed_.size() - inflate_.avail_in);
        switch (result) {
        case Z_OK:
        case Z_BUF_ERROR: // nothing to do it with
            break;
        case Z_STREAM_END: // the client's last block: it says no more, or nothing compressed
            ended_ = true;
            full_ = false;
            break;
        case Z_MEM_ERROR:
            throw std::bad_alloc();
        default:
            throw BadCompression();
        }
        return static_cast<int>(count);
    }

    bool isOver() const { return between_blocks_ && (inflate_.data_type & 64) != 0; } // of the last block

    // Of what was read so many bytes, which hold no content.
    void skip(std::size_t count)
    {
        const std::string rest = compressed_.substr(count);
        compressed_.resize(count);
        char content = 0;
        const bool any = inflateInto(&content, 1) > 0;
        compressed_ += rest;
        if (any)
            throw BadCompression();
    }

    void deflateAll(int how)
    {
        z_stream& z = compressor_->z;
        std::array<char, kCompressed> piece;
        do {
            z.next_out = bytes(piece.data());
            z.avail_out = piece.size();
            ::deflate(&z, how);
            out_.append(piece.data(), piece.size() - z.avail_out);
        } while (z.avail_out == 0);
    }

    // Until all is with the channel below (0), or it takes no more (what to wait for).
    int push()
    {
        while (sent_ < out_.size()) {
            const int count = below_->write(out_.data() + sent_, out_.size() - sent_);
            if (count < 0)
                return count;
            sent_ += static_cast<std::size_t>(count);
        }
        std::string().swap(out_);
        sent_ = 0;
        return 0;
    }

    void remember(std::string_view said)
    {
        if (said.size() >= kHistory) {
            history_ = said.substr(said.size() - kHistory);
            return;
        }
        if (history_.size() + said.size() > kHistory)
            history_.erase(0, history_.size() + said.size() - kHistory);
        history_ += said;
    }

    std::unique_ptr<Channel> below_;
    z_stream inflate_{};
    std::string compressed_;  // read and not inflated yet
    bool full_ = false;       // zlib may hold output back
    bool between_blocks_ = true;
    bool ended_ = false;      // what the client says compressed
    bool finished_ = false;   // what we say so
    std::unique_ptr<Compressor> compressor_; // between the first byte of an answer and its flush
    std::string history_;
    std::string out_;         // compressed: at most what one write() and a flush make
    std::size_t sent_ = 0;    // of out_
};
} // namespace

std::unique_ptr<CompressedChannel> deflateChannel(std::unique_ptr<Channel> below, std::string_view already_read)
{
    return std::make_unique<DeflateChannel>(std::move(below), already_read);
}

} // namespace postfach::net
