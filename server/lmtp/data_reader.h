#pragma once
// DATA, byte by byte: only CRLF.CRLF ends it, a dot is unstuffed only behind CRLF. Whatever else looks like an end (LF.LF,
// CR.CR, LF.CRLF, with NULs between) is content: that is all there is to SMTP smuggling. RFC 5321 4.1.1.4, 4.5.2.
#include <cstddef>
#include <string>
#include <string_view>

namespace postfach::lmtp {

class DataReader {
public:
    // Takes from `piece`, appends content to `out`; returns how many bytes it took: fewer than there are once the end is met.
    std::size_t feed(std::string_view piece, std::string& out);
    bool ended() const { return state_ == State::ended; }

private:
    enum class State { text, cr, lineStart, dot, dotCr, ended };
    State state_ = State::lineStart; // the CRLF of the DATA command counts
};

} // namespace postfach::lmtp
