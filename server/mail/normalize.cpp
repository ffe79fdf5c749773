#include "server/mail/normalize.h"

namespace postfach::mail {

void CrlfNormalizer::feed(std::string_view piece, std::string& out)
{
    std::size_t at = 0;
    if (pending_cr_ && !piece.empty()) {
        out += "\r\n";
        pending_cr_ = false;
        at = piece.front() == '\n' ? 1 : 0;
    }
    while (at < piece.size()) {
        const std::size_t end = piece.find_first_of("\r\n", at);
        out.append(piece.substr(at, end - at));
        if (end == std::string_view::npos)
            return;
        at = end + 1;
        if (piece[end] == '\r') {
            if (at == piece.size()) { // the next piece decides whether its LF belongs to this CR
                pending_cr_ = true;
                return;
            }
            at += piece[at] == '\n' ? 1 : 0;
        }
        out += "\r\n";
    }
}

void CrlfNormalizer::finish(std::string& out)
{
    if (pending_cr_)
        out += "\r\n";
    pending_cr_ = false;
}

std::string normalizeLineEnds(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    CrlfNormalizer normalizer;
    normalizer.feed(text, out);
    normalizer.finish(out);
    return out;
}

} // namespace postfach::mail
