#include "server/lmtp/data_reader.h"

#include <algorithm>
#include <cstring>

namespace postfach::lmtp {

std::size_t DataReader::feed(std::string_view piece, std::string& out)
{
    std::size_t at = 0;
    while (at < piece.size() && state_ != State::ended) {
        const char c = piece[at];
        switch (state_) {
        case State::text: {
            // Nothing happens until the next CR: the common case is one copy a line.
            const auto cr = std::min(piece.find('\r', at), piece.size());
            out.append(piece, at, cr - at);
            at = cr;
            if (at < piece.size()) {
                out += '\r';
                state_ = State::cr;
                ++at;
            }
            continue;
        }
        case State::cr:
            state_ = c == '\n' ? State::lineStart : c == '\r' ? State::cr : State::text;
            out += c;
            break;
        case State::lineStart:
            if (c == '.') {
                state_ = State::dot; // kept back until it is known to be stuffed
                break;
            }
            state_ = c == '\r' ? State::cr : State::text;
            out += c;
            break;
        case State::dot:
            if (c == '\r') {
                state_ = State::dotCr;
                break;
            }
            state_ = State::text; // the stuffed dot is gone, what follows it stays
            out += c;
            break;
        case State::dotCr:
            if (c == '\n') {
                state_ = State::ended;
                break;
            }
            out += '\r';
            state_ = State::text;
            continue; // c is looked at again: it may be a CR
        case State::ended: break;
        }
        ++at;
    }
    return at;
}

} // namespace postfach::lmtp
