#pragma once
// Line ends for what LMTP and import bring: bare CR and bare LF become CRLF, nothing else changes. In pieces of any size.
#include <string>
#include <string_view>

namespace postfach::mail {

class CrlfNormalizer {
public:
    void feed(std::string_view piece, std::string& out); // appends to out
    void finish(std::string& out);                       // a CR at the very end becomes CRLF

private:
    bool pending_cr_ = false;
};

std::string normalizeLineEnds(std::string_view text);

} // namespace postfach::mail
