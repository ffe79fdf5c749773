#include "server/mail/base_subject.h"

#include "server/base/text.h"

// The steps of RFC 5256 2.1, by their numbers. Nothing is looked at twice but a constant number of times: what a blob ("[list]")
// hides is found once for all blobs in a row.

namespace postfach::mail {
namespace {

bool isWhite(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Step 1.
std::string withSingleSpaces(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text)
        if (!isWhite(c))
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    return out;
}

std::string_view withoutSpaceBefore(std::string_view text)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    return text;
}

// The length of "[...] " at the beginning; 0: there is none.
std::size_t blobLength(std::string_view text)
{
    if (!text.starts_with('['))
        return 0;
    std::size_t end = text.find_first_of("[]", 1);
    if (end == std::string_view::npos || text[end] != ']')
        return 0;
    ++end;
    while (end < text.size() && text[end] == ' ')
        ++end;
    return end;
}

// The length of "Re:", "Fw [x] :" at the beginning; 0: there is none.
std::size_t refwdLength(std::string_view text)
{
    std::size_t at = 0;
    for (const std::string_view word : {"re", "fwd", "fw"})
        if (at == 0 && base::istartsWith(text, word))
            at = word.size();
    if (at == 0)
        return 0;
    while (at < text.size() && text[at] == ' ')
        ++at;
    at += blobLength(text.substr(at));
    return at < text.size() && text[at] == ':' ? at + 1 : 0;
}

// Step 2.
bool takeTrailers(std::string_view& text)
{
    constexpr std::string_view kForwarded = "(fwd)";
    bool any = false;
    for (;;) {
        while (!text.empty() && text.back() == ' ')
            text.remove_suffix(1);
        if (text.size() < kForwarded.size() || !base::iequals(text.substr(text.size() - kForwarded.size()), kForwarded))
            return any;
        text.remove_suffix(kForwarded.size());
        any = true;
    }
}

// Steps 3 to 5.
bool takeLeaders(std::string_view& text)
{
    bool any = false;
    for (;;) {
        text = withoutSpaceBefore(text);
        std::size_t last = 0, behind = 0; // of the blobs in a row: where the last one begins, and where they end
        while (const std::size_t length = blobLength(text.substr(behind))) {
            last = behind;
            behind += length;
        }
        if (const std::size_t leader = refwdLength(text.substr(behind))) {
            text.remove_prefix(behind + leader);
            any = true;
            continue;
        }
        // Nothing but blobs: the last one is the subject.
        text.remove_prefix(behind < text.size() ? behind : last);
        return any;
    }
}

} // namespace

BaseSubject baseSubject(std::string_view decoded)
{
    constexpr std::string_view kForward = "[fwd:";
    const std::string single = withSingleSpaces(decoded);
    std::string_view text = single;
    BaseSubject base;
    for (;;) {
        const bool trailed = takeTrailers(text), led = takeLeaders(text);
        base.is_reply = base.is_reply || trailed || led;
        if (!base::istartsWith(text, kForward) || !text.ends_with(']')) // step 6
            break;
        text.remove_prefix(kForward.size());
        text.remove_suffix(1);
        base.is_reply = true;
    }
    base.text = text;
    return base;
}

} // namespace postfach::mail
