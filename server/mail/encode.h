#pragma once
// What decode.h reads, written.
#include "server/base/text.h"

#include <string>
#include <string_view>

namespace postfach::mail {

inline constexpr std::size_t kEncodedLine = 76; // characters, RFC 2045 6.8

// Whole lines, each with its end.
inline void putBase64(std::string& out, std::string_view bytes)
{
    constexpr std::size_t kBytesOfLine = kEncodedLine / 4 * 3;
    for (std::size_t at = 0; at < bytes.size(); at += kBytesOfLine) {
        out += base::base64(bytes.substr(at, kBytesOfLine));
        out += "\r\n";
    }
}

} // namespace postfach::mail
