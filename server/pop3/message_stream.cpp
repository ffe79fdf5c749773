#include "server/pop3/message_stream.h"
#include "server/base/log.h"

namespace postfach::pop3 {
namespace {
constexpr std::uint64_t kBodyPiece = 64 * 1024; // a slow reader holds one of these
} // namespace

// Dots are rarer than line ends, and not there at all in base64: looking for them first is one fast scan of the piece.
std::size_t DotStuffer::findDotLine(std::string_view piece, std::size_t from)
{
    for (std::size_t dot = piece.find('.', from + 1); dot != std::string_view::npos; dot = piece.find('.', dot + 1))
        if (piece[dot - 1] == '\n')
            return dot - 1;
    return std::string_view::npos;
}

std::string_view DotStuffer::finish() const { return before_last_ == '\r' && last_ == '\n' ? ".\r\n" : "\r\n.\r\n"; }

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

namespace {

void sendSmall(Session& session, std::string_view body, std::optional<std::uint32_t> body_lines)
{
    DotStuffer stuffer;
    TopCutter cutter(body_lines.value_or(0));
    session.ok(std::to_string(body.size()) + " octets");
    stuffer.feed(body_lines ? cutter.feed(body) : body, [&session](std::string_view bytes) { session.stream.write(bytes); });
    session.stream.write(stuffer.finish());
}

using Body = ReadAhead::Body;

ReadAhead::Read reader(store::Store& store, std::shared_ptr<store::RecentBodies> recent)
{
    return [&store, recent = std::move(recent)](const std::vector<store::BodyId>& ids) {
        const auto tx = store.read();
        std::vector<Body> bodies;
        for (const store::BodyId id : ids) {
            try {
                bodies.push_back(recent->read(*tx, id));
            } catch (const store::Error&) {
                break;
            }
        }
        return bodies;
    };
}

net::Task<Body> bodyOf(Session& session, std::uint32_t number)
{
    net::Strand& strand = session.stream.strand();
    const store::BodyId id = session.maildrop().at(number).body;
    const auto& recent = session.context.recent;
    session.read_ahead.note(number);
    Body body = recent->find(id);
    if (body)
        co_return body;
    body = co_await session.read_ahead.take(strand, number);
    if (!body) {
        auto read = [&session, id] { return session.context.recent->read(*session.context.store.read(), id); };
        body = co_await strand.offload(std::move(read));
    }
    session.read_ahead.goOn(strand, session.maildrop(), session.stream.hasInput(), reader(session.context.store, recent));
    co_return body;
}

net::Task<> sendLarge(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines)
{
    DotStuffer stuffer;
    TopCutter cutter(body_lines.value_or(0));
    const std::uint64_t size = session.maildrop().at(number).size;
    const auto send = [&session](std::string_view bytes) { session.stream.write(bytes); };
    bool announced = false;
    for (std::uint64_t offset = 0; offset < size || !announced; offset += kBodyPiece) {
        auto read = [&session, number, offset] {
            return session.context.store.read()->bodyRange(session.maildrop().at(number).body, offset, kBodyPiece);
        };
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
        stuffer.feed(body_lines ? cutter.feed(piece) : std::string_view(piece), send);
        session.setDeadline();
        co_await session.stream.drain();
        if (body_lines && cutter.enough())
            break;
    }
    session.stream.write(stuffer.finish());
}

} // namespace

net::Task<> sendMessage(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines)
{
    session.handOut(session.maildrop().at(number), body_lines == 0U);
    if (session.maildrop().at(number).size > kBodyPiece) {
        co_await sendLarge(session, number, body_lines);
        co_return;
    }
    const Body body = co_await bodyOf(session, number);
    sendSmall(session, *body, body_lines);
    co_await session.stream.drain();
}

} // namespace postfach::pop3
