#include "server/imap/syntax/message_url.h"

#include "server/base/limits.h"
#include "server/base/text.h"

#include <algorithm>
#include <cstdio>

namespace postfach::imap {
namespace {

// Where `word` stands in `text`, whatever its case.
std::size_t findWord(std::string_view text, std::string_view word)
{
    for (std::size_t at = 0; at + word.size() <= text.size(); ++at)
        if (base::istartsWith(text.substr(at), word))
            return at;
    return std::string_view::npos;
}

bool takeWord(std::string_view& text, std::string_view word)
{
    if (!base::istartsWith(text, word))
        return false;
    text.remove_prefix(word.size());
    return true;
}

// Up to `stop`, which is left; or all.
std::string_view takeUntil(std::string_view& text, std::size_t stop)
{
    const std::string_view head = text.substr(0, stop);
    text.remove_prefix(head.size());
    return head;
}

// UTF-8 without control characters; nothing but ASCII stands in a URL as it is.
std::optional<std::string> percentDecoded(std::string_view text)
{
    if (!base::isAscii(text))
        return std::nullopt;
    auto out = base::percentDecoded(text);
    if (!out || !base::isUtf8(*out))
        return std::nullopt;
    const bool controls = std::any_of(out->begin(), out->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return controls ? std::nullopt : out;
}

std::optional<std::uint32_t> positive(std::string_view digits)
{
    const auto number = base::parseU32(digits);
    return number && *number != 0 ? number : std::nullopt;
}

bool hasDotSegment(std::string_view path)
{
    while (!path.empty()) {
        const std::string_view segment = takeUntil(path, path.find('/'));
        if (segment == "." || segment == "..")
            return true;
        if (!path.empty())
            path.remove_prefix(1);
    }
    return false;
}

// "Drafts", "/Drafts;UIDVALIDITY=7" or nothing.
bool takeMailbox(std::string_view text, std::string_view selected, MessageUrl& url)
{
    const bool absolute = takeWord(text, "/");
    if (const std::size_t at = findWord(text, ";UIDVALIDITY="); at != std::string_view::npos) {
        url.uid_validity = positive(text.substr(at + 13));
        if (!url.uid_validity)
            return false;
        text = text.substr(0, at);
    }
    const auto name = percentDecoded(text);
    // A scheme or a server would lead to other accounts, or to other machines.
    if (!name || text.starts_with('/') || (!absolute && text.find(':') < text.find('/')) || hasDotSegment(text))
        return false;
    if (name->empty() && (absolute || selected.empty()))
        return false;
    url.mailbox = name->empty() ? selected : *name;
    if (!name->empty() && !absolute && !selected.empty())
        url.mailbox.insert(0, selected.substr(0, selected.rfind('/') + 1));
    return true;
}

// "/;SECTION=1.MIME/;PARTIAL=0.100", each if it is there. FETCH knows what a section is.
bool takeSection(std::string_view text, MessageUrl& url)
{
    std::string section;
    if (takeWord(text, "/;SECTION=")) {
        const auto decoded = percentDecoded(takeUntil(text, findWord(text, "/;PARTIAL=")));
        if (!decoded || decoded->empty())
            return false;
        section = *decoded;
    }
    std::string item = "BODY.PEEK[" + section + ']';
    if (takeWord(text, "/;PARTIAL=")) {
        std::string range(text);
        if (range.find('.') == std::string::npos)
            range += ".9223372036854775807"; // to the end
        item += '<' + range + '>';
        text = {};
    }
    if (!text.empty())
        return false;
    try {
        Parser args(item);
        FetchItems items = parseFetchItems(args);
        args.end();
        url.section = std::move(items.sections.at(0));
    } catch (const BadSyntax&) {
        return false;
    }
    return true;
}

} // namespace

std::optional<MessageUrl> parseMessageUrl(std::string_view url, std::string_view selected)
{
    if (url.size() > base::limits::kMessageUrl)
        return std::nullopt;
    MessageUrl parsed;
    const std::size_t message = base::istartsWith(url, ";UID=") ? 0 : findWord(url, "/;UID=");
    const bool names_none = message == 0 && url.front() == '/'; // "/;UID=1": of the server itself
    if (message == std::string_view::npos || names_none || !takeMailbox(url.substr(0, message), selected, parsed))
        return std::nullopt;
    url.remove_prefix(message);
    takeWord(url, "/");
    takeWord(url, ";UID=");
    const auto uid = positive(takeUntil(url, url.find('/')));
    if (!uid || !takeSection(url, parsed))
        return std::nullopt;
    parsed.uid = *uid;
    return parsed;
}

std::string urlForAnswer(std::string_view url)
{
    constexpr std::size_t kMost = 1'000;
    std::string out;
    for (const char c : url.substr(0, kMost)) {
        const auto u = static_cast<unsigned char>(c);
        if (u > 0x20 && u < 0x7f && c != ']' && c != '"' && c != '\\') {
            out += c;
            continue;
        }
        out += '%' + base::hex(std::string_view(&c, 1));
    }
    return out.empty() ? "%" : out;
}

} // namespace postfach::imap
