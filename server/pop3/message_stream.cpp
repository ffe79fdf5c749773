#include "server/pop3/message_stream.h"
#include "server/base/log.h"

#include <algorithm>

namespace postfach::pop3 {
namespace {
constexpr std::uint64_t kPiece = 64 * 1024; // a slow reader holds one of these
} // namespace

void DotStuffer::feed(std::string_view piece, std::string& out)
{
    while (!piece.empty()) {
        if (line_start_ && piece.front() == '.')
            out += '.';
        const auto end = piece.find('\n');
        const auto length = end == std::string_view::npos ? piece.size() : end + 1;
        out += piece.substr(0, length);
        line_start_ = end != std::string_view::npos;
        before_last_ = length >= 2 ? piece[length - 2] : last_;
        last_ = piece[length - 1];
        piece.remove_prefix(length);
    }
}

void DotStuffer::finish(std::string& out) { out += before_last_ == '\r' && last_ == '\n' ? ".\r\n" : "\r\n.\r\n"; }

std::string_view TopCutter::feed(std::string_view piece)
{
    for (std::size_t at = 0; at < piece.size(); ++at) {
        if (done_)
            return piece.substr(0, at);
        if (piece[at] != '\n') {
            line_empty_ = line_empty_ && piece[at] == '\r';
            continue;
        }
        if (!in_header_)
            --left_;
        in_header_ = in_header_ && !line_empty_;
        line_empty_ = true;
        done_ = !in_header_ && left_ == 0;
    }
    return piece;
}

net::Task<> sendMessage(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines)
{
    DotStuffer stuffer;
    TopCutter cutter(body_lines.value_or(0));
    const std::uint64_t size = session.maildrop().at(number).size;
    bool announced = false;
    for (std::uint64_t offset = 0; offset < size || !announced; offset += kPiece) {
        auto read = [&session, number, offset] { return session.maildrop().readBody(session.context.store, number, offset, kPiece); };
        std::string piece;
        try {
            piece = co_await session.stream.strand().offload(std::move(read));
        } catch (const store::Error& failure) {
            if (!announced)
                throw; // a body that cannot be read is a clean -ERR
            // In the middle of a message no answer would be understood: only the end of the connection tells.
            base::logError("pop3", "message cut off", {{"reason", failure.what()}});
            throw net::PeerGone("body not readable");
        }
        if (!announced)
            session.ok(std::to_string(size) + " octets");
        announced = true;
        std::string out;
        out.reserve(piece.size() + piece.size() / 16 + 8);
        stuffer.feed(body_lines ? cutter.feed(piece) : std::string_view(piece), out);
        session.stream.write(out);
        session.setDeadline();
        co_await session.stream.drain();
        if (body_lines && cutter.enough())
            break;
    }
    std::string out;
    stuffer.finish(out);
    session.stream.write(out);
}

} // namespace postfach::pop3
