#pragma once
// The client's side of COMPRESS DEFLATE (RFC 4978), by zlib itself.
#include "tests/support/client.h"

#include <zlib.h>

#include <stdexcept>
#include <string>

namespace postfach::test {

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
        while ((end = text_.find("\r\n")) == std::string::npos)
            inflate(client_.bytes(1));
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

    // Up to the last block, which has nothing that was not read; what the client reads then is not compressed.
    bool ends()
    {
        while (!ended_ && text_.empty())
            inflate(client_.bytes(1));
        return text_.empty();
    }

private:
    void inflate(std::string got)
    {
        char piece[4096];
        in_.next_in = reinterpret_cast<Bytef*>(got.data());
        in_.avail_in = static_cast<uInt>(got.size());
        in_.next_out = reinterpret_cast<Bytef*>(piece);
        in_.avail_out = sizeof piece;
        const int result = ::inflate(&in_, Z_SYNC_FLUSH);
        ended_ = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_BUF_ERROR && !ended_)
            throw std::runtime_error("not DEFLATE");
        text_.append(piece, sizeof piece - in_.avail_out);
    }

    ImapClient& client_;
    z_stream out_{}, in_{};
    std::string text_;
    bool ended_ = false;
};

} // namespace postfach::test
