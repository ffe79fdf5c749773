#pragma once
// A browser can be made to POST to any port; if its body were read as commands, a web page could speak mail (ALPACA, THREATS
// row 27). The first line tells: then the connection ends before more is read.
#include <initializer_list>
#include <string_view>

namespace postfach::net {

constexpr bool looksLikeHttp(std::string_view first_line)
{
    for (const std::string_view verb : {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE /", "PATCH ", "CONNECT ", "TRACE "})
        if (first_line.substr(0, verb.size()) == verb)
            return true;
    return false;
}

} // namespace postfach::net
