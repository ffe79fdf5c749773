#include "server/store/names.h"
#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/decode.h"

#include <algorithm>

namespace postfach::store {
namespace {

[[noreturn]] void bad(const std::string& why, std::string_view name)
{
    throw Error(Error::Kind::badName, why + ": " + base::printable(name));
}

// C0, DEL, C1, and the line and paragraph separators that RFC 5198 forbids with them.
bool hasControl(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7F)
            return true;
        if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
            return true;
    }
    return text.find("\xE2\x80\xA8") != std::string_view::npos || text.find("\xE2\x80\xA9") != std::string_view::npos;
}

bool isLabel(std::string_view label)
{
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
        return false;
    return std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || base::isDigit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    });
}

// RFC 5322 atext and dots, and UTF-8 (RFC 6531); no '/': an account's name becomes a folder's name in exports.
bool isLocalPart(std::string_view local)
{
    if (local.empty() || local.size() > 128 || local.front() == '.' || local.back() == '.')
        return false;
    if (local.find("..") != std::string_view::npos)
        return false;
    constexpr std::string_view kOther = "!#$%&'*+-=?^_`{|}~.";
    return std::all_of(local.begin(), local.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || base::isDigit(c) || kOther.find(c) != std::string_view::npos
               || static_cast<unsigned char>(c) >= 0x80;
    });
}

void requireMailboxName(std::string_view name, char delimiter)
{
    if (name.empty())
        bad("a mailbox needs a name", name);
    if (name.size() > base::limits::kMailboxName)
        throw Error(Error::Kind::limit, "mailbox name longer than " + std::to_string(base::limits::kMailboxName) + " bytes");
    if (!base::isUtf8(name) || hasControl(name))
        bad("mailbox names are UTF-8 without control characters", name);
    if (name.front() == '~' || name.front() == '/')
        bad("mailbox names begin with neither ~ nor /", name);

    // Whatever the delimiter: a name that an export could take for a way out of its folder is no name.
    std::size_t from = 0;
    for (std::size_t i = 0; i <= name.size(); ++i)
        if (i == name.size() || name[i] == '/' || name[i] == '\\') {
            const std::string_view level = name.substr(from, i - from);
            if (level == "." || level == "..")
                bad("mailbox levels are not . or ..", name);
            from = i + 1;
        }
    const auto levels = base::split(name, delimiter);
    for (const std::string_view level : levels)
        if (level.empty())
            bad("mailbox levels are not empty", name);
    if (levels.size() > static_cast<std::size_t>(base::limits::kMailboxDepth))
        throw Error(Error::Kind::limit, "mailbox deeper than " + std::to_string(base::limits::kMailboxDepth) + " levels");
}

} // namespace

std::string inboxInCapitals(std::string_view name, char delimiter)
{
    std::string kept(name);
    if (base::istartsWith(kept, "INBOX") && (kept.size() == 5 || kept[5] == delimiter))
        kept.replace(0, 5, "INBOX");
    return kept;
}

std::string mailboxName(std::string_view name, char delimiter)
{
    std::string kept = inboxInCapitals(mail::composed(name), delimiter);
    requireMailboxName(kept, delimiter);
    return kept;
}

bool isMailboxName(std::string_view name, char delimiter) noexcept
try {
    requireMailboxName(name, delimiter);
    return inboxInCapitals(name, delimiter) == name;
} catch (const Error&) {
    return false;
}

std::vector<std::string> parentsOf(std::string_view name, char delimiter)
{
    std::vector<std::string> parents;
    for (std::size_t at = name.find(delimiter); at != std::string_view::npos; at = name.find(delimiter, at + 1))
        parents.emplace_back(name.substr(0, at));
    return parents;
}

bool isBelow(std::string_view name, std::string_view ancestor, char delimiter)
{
    return name.size() > ancestor.size() && name.substr(0, ancestor.size()) == ancestor && name[ancestor.size()] == delimiter;
}

std::string addressName(std::string_view address)
{
    const std::string kept = base::lower(address);
    const auto at = kept.rfind('@');
    if (at == std::string::npos || !base::isUtf8(kept) || hasControl(kept) || !isLocalPart(std::string_view(kept).substr(0, at)))
        bad("not an address", address);
    domainName(std::string_view(kept).substr(at + 1));
    return kept;
}

std::string aliasName(std::string_view address) { return address.starts_with('@') ? "@" + domainName(address.substr(1)) : addressName(address); }

std::string domainName(std::string_view name)
{
    const std::string kept = base::lower(name);
    if (kept.empty() || kept.size() > 253 || !base::isUtf8(kept) || hasControl(kept))
        bad("not a domain", name);
    for (const std::string_view label : base::split(kept, '.'))
        if (!isLabel(label))
            bad("not a domain", name);
    return kept;
}

std::string_view domainOf(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

std::string withoutDetail(std::string_view address)
{
    const auto at = address.rfind('@');
    const auto plus = address.find('+');
    if (at == std::string_view::npos || plus == std::string_view::npos || plus > at || plus == 0)
        return {};
    return std::string(address.substr(0, plus)) + std::string(address.substr(at));
}

void requireKeyword(std::string_view name)
{
    if (name.empty())
        bad("a keyword needs a name", name);
    if (name.size() > base::limits::kKeyword)
        throw Error(Error::Kind::limit, "keyword longer than " + std::to_string(base::limits::kKeyword) + " bytes");
    for (const char c : name)
        if (c <= 0x20 || c >= 0x7F || std::string_view("(){%*\"\\]").find(c) != std::string_view::npos)
            bad("not a keyword", name);
}

void requireUidl(std::string_view uidl)
{
    if (uidl.empty() || uidl.size() > 70 || std::any_of(uidl.begin(), uidl.end(), [](char c) { return c < 0x21 || c > 0x7E; }))
        bad("not a UIDL", uidl);
}

std::string joined(const std::vector<std::string>& words, char separator)
{
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty())
            text += separator;
        text += word;
    }
    return text;
}

std::vector<std::string> unjoined(std::string_view text, char separator)
{
    std::vector<std::string> words;
    for (const std::string_view word : base::split(text, separator))
        if (!word.empty())
            words.emplace_back(word);
    return words;
}

} // namespace postfach::store
