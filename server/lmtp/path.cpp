#include "server/lmtp/path.h"
#include "server/base/limits.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::lmtp {
namespace {

// A letter or digit, or any character beyond ASCII (RFC 6531 3.3).
bool isWord(char c)
{
    return static_cast<unsigned char>(c) >= 0x80 || base::isDigit(c) || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z');
}

bool isAtext(char c)
{
    return isWord(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool isDotString(std::string_view text)
{
    // Dots at odd places are no RFC form, but such addresses exist and harm nobody.
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return isAtext(c) || c == '.'; });
}

bool isDomain(std::string_view text)
{
    if (text.size() > 2 && text.front() == '[' && text.back() == ']')
        return true;
    return !text.empty() && text.front() != '.' && text.front() != '-'
        && std::all_of(text.begin(), text.end(), [](char c) { return isWord(c) || c == '.' || c == '-' || c == '_'; });
}

// The text of a quoted local part at the front of `path`, moved past; nullopt when it is not closed or empty.
std::optional<std::string> takeQuoted(std::string_view& path)
{
    std::string text;
    for (std::size_t i = 1; i < path.size(); ++i) {
        if (path[i] == '"') {
            path.remove_prefix(i + 1);
            return text.empty() ? std::nullopt : std::optional(text);
        }
        if (path[i] == '\\' && ++i == path.size())
            break;
        text += path[i];
    }
    return std::nullopt;
}

std::optional<std::string> parseMailbox(std::string_view path)
{
    if (!path.empty() && path.front() == '@') { // a source route
        const auto colon = path.find(':');
        if (colon == std::string_view::npos)
            return std::nullopt;
        path.remove_prefix(colon + 1);
    }
    std::string local;
    if (!path.empty() && path.front() == '"') {
        auto quoted = takeQuoted(path);
        if (!quoted)
            return std::nullopt;
        local = std::move(*quoted);
    } else {
        const auto at = path.rfind('@');
        local = std::string(path.substr(0, at));
        path.remove_prefix(std::min(at, path.size()));
        if (!isDotString(local))
            return std::nullopt;
    }
    if (path.empty())
        return local; // "postmaster" without a domain, RFC 5321 4.1.1.3: the caller decides
    if (path.front() != '@' || !isDomain(path.substr(1)))
        return std::nullopt;
    return local + std::string(path);
}
} // namespace

bool Path::has(std::string_view keyword) const
{
    return std::any_of(parameters.begin(), parameters.end(), [&](const auto& parameter) { return parameter.first == keyword; });
}

std::optional<Path> parsePath(std::string_view argument, std::string_view keyword)
{
    if (!base::istartsWith(argument, keyword))
        return std::nullopt;
    argument = base::trim(argument.substr(keyword.size())); // a space after the colon is common and harmless
    const bool clean = std::all_of(argument.begin(), argument.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
    if (!clean || !base::isUtf8(argument) || argument.empty() || argument.front() != '<')
        return std::nullopt;
    // The closing bracket, outside quotes.
    bool quoted = false;
    std::size_t end = 1;
    for (; end < argument.size() && (quoted || argument[end] != '>'); ++end) {
        if (argument[end] == '"')
            quoted = !quoted;
        if (quoted && argument[end] == '\\')
            ++end;
    }
    if (end >= argument.size() || end > base::limits::kAddress)
        return std::nullopt;
    Path path;
    if (end > 1) {
        auto mailbox = parseMailbox(argument.substr(1, end - 1));
        if (!mailbox)
            return std::nullopt;
        path.address = std::move(*mailbox);
    }
    for (const auto word : base::split(argument.substr(end + 1), ' ')) {
        if (word.empty())
            continue;
        const auto equals = word.find('=');
        std::string value(equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1));
        path.parameters.emplace_back(base::upper(word.substr(0, equals)), std::move(value));
    }
    return path;
}

} // namespace postfach::lmtp
