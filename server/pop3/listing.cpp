#include "server/pop3/listing.h"

#include <charconv>
#include <utility>

namespace postfach::pop3 {
namespace {
constexpr std::size_t kListingPiece = 16 * 1024; // what is formatted before anybody else gets a turn; what the stream queues at a time
} // namespace

void putNumber(std::string& out, std::uint32_t number)
{
    char digits[10];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

net::Task<> sendListing(Session& session, ListingPart part)
{
    const Maildrop& drop = session.maildrop();
    std::string piece;
    piece.reserve(kListingPiece + 128);
    for (std::uint32_t next = 1; next <= drop.count();) {
        const std::uint32_t from = std::exchange(next, drop.count() + 1);
        drop.each(from, [&](std::uint32_t number, const store::Message& message) {
            putNumber(piece, number);
            piece += ' ';
            part(piece, message);
            piece += "\r\n";
            if (piece.size() < kListingPiece)
                return true;
            next = number + 1;
            return false;
        });
        session.stream.write(piece);
        piece.clear();
        co_await session.stream.drain();
    }
    session.line(".");
}

} // namespace postfach::pop3
