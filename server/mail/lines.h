#pragma once
// Lines of a message, as fast as memchr finds them. A line ends with LF; a CR before it belongs to the line end (RFC 5322 2.3).
// Private to server/mail.
#include <cstddef>
#include <cstring>
#include <string_view>

namespace postfach::mail {

// Position behind the line that starts at `at`; the end of the text where no LF follows.
inline std::size_t nextLine(std::string_view text, std::size_t at)
{
    const void* lf = at < text.size() ? std::memchr(text.data() + at, '\n', text.size() - at) : nullptr;
    return lf ? static_cast<std::size_t>(static_cast<const char*>(lf) - text.data()) + 1 : text.size();
}

inline bool isLineEnd(std::string_view line) { return line == "\r\n" || line == "\n"; }

inline std::string_view withoutLineEnd(std::string_view line)
{
    if (!line.empty() && line.back() == '\n') {
        line.remove_suffix(1);
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
    }
    return line;
}

inline bool isBlank(char c) { return c == ' ' || c == '\t'; }
inline bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::size_t countLineEnds(std::string_view text); // LF bytes

} // namespace postfach::mail
