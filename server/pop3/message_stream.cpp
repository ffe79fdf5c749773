#include "server/pop3/message_stream.h"
#include "server/base/log.h"
#include "server/mail/summary.h"

namespace postfach::pop3 {
namespace {
constexpr std::uint64_t kPiece = 64 * 1024; // a slow reader holds one of these
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

// One helper's trip for this message and those that are likely to be asked for next.
net::Task<std::string> fetch(Session& session, std::uint32_t number)
{
    const std::vector<std::uint32_t> numbers = session.read_ahead.plan(session.maildrop(), number, session.stream.hasInput());
    auto read = [&session, &numbers] {
        const auto tx = session.context.store.read();
        std::vector<std::string> bodies;
        for (const std::uint32_t wanted : numbers) {
            try {
                std::string body = tx->body(session.maildrop().at(wanted).body);
                bodies.push_back(session.utf8 ? std::move(body) : mail::surrogateOf(std::move(body)));
            } catch (const store::Error&) {
                if (bodies.empty())
                    throw; // the one that was asked for
                break;     // its own turn will tell
            }
        }
        return bodies;
    };
    std::vector<std::string> bodies = co_await session.stream.strand().offload(std::move(read));
    session.read_ahead.keep(numbers, bodies);
    co_return std::move(bodies.front());
}

// What of it is replaced for a client that does not read UTF-8 in header fields. Where the parts are is known from the summary; without
// one, from what of the message is in its first piece.
std::vector<mail::Replacement> replacements(store::ReadTx& tx, store::BodyId body, std::string_view piece)
{
    mail::Structure structure;
    if (std::optional<mail::Summary> summary = mail::deserialize(tx.summary(body))) {
        structure = std::move(summary->structure);
    } else {
        structure = mail::parseStructure(piece);
        while (!structure.parts.empty() && structure.parts.back().body_begin >= piece.size())
            structure.parts.pop_back();
    }
    return mail::surrogate(structure, [&tx, body, piece](std::uint64_t begin, std::uint64_t end) {
        return end <= piece.size() ? std::string(piece.substr(begin, end - begin)) : tx.bodyRange(body, begin, end - begin);
    });
}

struct First { // piece of a large message
    std::string piece;
    std::vector<mail::Replacement> replacements;
};

First firstPiece(Session& session, std::uint32_t number)
{
    const auto tx = session.context.store.read();
    const store::BodyId body = session.maildrop().at(number).body;
    First first{tx->bodyRange(body, 0, kPiece), {}};
    if (!session.utf8)
        first.replacements = replacements(*tx, body, first.piece);
    return first;
}

net::Task<> sendLarge(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines)
{
    auto begin = [&session, number] { return firstPiece(session, number); };
    First first = co_await session.stream.strand().offload(std::move(begin)); // a body that cannot be read is a clean -ERR
    const std::uint64_t size = session.maildrop().at(number).size;
    std::uint64_t octets = size;
    for (const mail::Replacement& replacement : first.replacements)
        octets += replacement.bytes.size() - (replacement.end - replacement.begin);
    session.ok(std::to_string(octets) + " octets");

    DotStuffer stuffer;
    TopCutter cutter(body_lines.value_or(0));
    Replacer replacer(std::move(first.replacements));
    const auto send = [&session](std::string_view bytes) { session.stream.write(bytes); };
    const auto cut = [&](std::string_view bytes) { stuffer.feed(body_lines ? cutter.feed(bytes) : bytes, send); };
    std::string piece = std::move(first.piece);
    for (std::uint64_t offset = 0;;) {
        replacer.feed(piece, cut);
        offset += kPiece;
        session.setDeadline();
        co_await session.stream.drain();
        if (offset >= size || (body_lines && cutter.enough()))
            break;
        auto read = [&session, number, offset] {
            return session.context.store.read()->bodyRange(session.maildrop().at(number).body, offset, kPiece);
        };
        try {
            std::string next = co_await session.stream.strand().offload(std::move(read));
            piece = std::move(next);
        } catch (const store::Error& failure) {
            // In the middle of a message no answer would be understood: only the end of the connection tells.
            base::logError("pop3", "message cut off", {{"reason", failure.what()}});
            throw net::PeerGone("body not readable");
        }
    }
    session.stream.write(stuffer.finish());
}

} // namespace

net::Task<> sendMessage(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines)
{
    if (session.maildrop().at(number).size > kPiece) {
        co_await sendLarge(session, number, body_lines);
        co_return;
    }
    std::optional<std::string> body = session.read_ahead.take(number);
    if (!body) {
        std::string fetched = co_await fetch(session, number);
        body = std::move(fetched);
    }
    sendSmall(session, *body, body_lines);
    co_await session.stream.drain();
}

} // namespace postfach::pop3
