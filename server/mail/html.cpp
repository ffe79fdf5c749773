// HTML as the text a reader sees, for search and previews. No renderer: tags go, blocks begin a line, entities become letters.
// One pass; what is left open at the end (a tag, a comment, a script) swallows the rest, as it does in a browser.
#include "server/base/text.h"
#include "server/mail/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace postfach::mail {

namespace {

// Tags that stand inside a word without ending it. Every other tag separates.
constexpr std::array<std::string_view, 26> kInline{"a",   "abbr", "acronym", "b",    "bdi",  "bdo",    "big",    "cite", "code",
                                                   "del", "em",   "font",    "i",    "ins",  "kbd",    "mark",   "q",    "s",
                                                   "small", "span", "strike", "strong", "sub", "sup",  "u",      "wbr"};
constexpr std::array<std::string_view, 3> kUnseen{"script", "style", "title"};

struct Entity {
    std::string_view name;
    std::uint32_t character;
};
// The names that mail uses beside the Latin-1 block.
constexpr std::array<Entity, 33> kEntities{{
    {"amp", '&'},        {"lt", '<'},         {"gt", '>'},         {"quot", '"'},       {"apos", '\''},     {"euro", 0x20ac},
    {"ndash", 0x2013},   {"mdash", 0x2014},   {"lsquo", 0x2018},   {"rsquo", 0x2019},   {"sbquo", 0x201a},  {"ldquo", 0x201c},
    {"rdquo", 0x201d},   {"bdquo", 0x201e},   {"hellip", 0x2026},  {"bull", 0x2022},    {"trade", 0x2122},  {"zwnj", 0x200c},
    {"zwj", 0x200d},     {"ensp", 0x2002},    {"emsp", 0x2003},    {"thinsp", 0x2009},  {"OElig", 0x152},   {"oelig", 0x153},
    {"Scaron", 0x160},   {"scaron", 0x161},   {"Yuml", 0x178},     {"lsaquo", 0x2039},  {"rsaquo", 0x203a}, {"dagger", 0x2020},
    {"larr", 0x2190},    {"rarr", 0x2192},    {"permil", 0x2030},
}};
// U+00A0 to U+00FF in order.
constexpr std::array<std::string_view, 96> kLatin1{
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",   "laquo",
    "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",  "para",   "middot",
    "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave", "Iacute", "Icirc",  "Iuml",
    "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",
    "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute",
    "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};
constexpr std::size_t kEntityName = 12;

void put(std::string& out, std::uint32_t c)
{
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

std::optional<std::uint32_t> namedEntity(std::string_view name)
{
    for (const Entity& entity : kEntities)
        if (entity.name == name)
            return entity.character;
    const auto latin = std::find(kLatin1.begin(), kLatin1.end(), name);
    if (latin != kLatin1.end())
        return static_cast<std::uint32_t>(0xa0 + (latin - kLatin1.begin()));
    return std::nullopt;
}

std::optional<std::uint32_t> numericEntity(std::string_view digits)
{
    const bool is_hex = !digits.empty() && base::asciiLower(digits.front()) == 'x';
    if (is_hex)
        digits.remove_prefix(1);
    if (digits.empty() || digits.size() > 8)
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        const char low = base::asciiLower(c);
        if (base::isDigit(c))
            value = value * (is_hex ? 16 : 10) + static_cast<unsigned>(c - '0');
        else if (is_hex && low >= 'a' && low <= 'f')
            value = value * 16 + static_cast<unsigned>(low - 'a' + 10);
        else
            return std::nullopt;
    }
    if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0xfffd;
    return static_cast<std::uint32_t>(value);
}

class HtmlReader {
public:
    explicit HtmlReader(std::string_view html) : html_(html) {}

    std::string run()
    {
        out_.reserve(html_.size() / 2);
        while (at_ < html_.size()) {
            const std::size_t special = html_.find_first_of("<&", at_);
            out_ += html_.substr(at_, special - at_);
            if (special == std::string_view::npos)
                break;
            at_ = special;
            if (html_[at_] == '&')
                entity();
            else
                markup();
        }
        return std::move(out_);
    }

private:
    void entity()
    {
        const std::string_view window = html_.substr(at_ + 1, kEntityName);
        const auto end = window.find_first_of("; <&\r\n\"");
        const std::string_view name = window.substr(0, end);
        std::optional<std::uint32_t> character;
        if (name.starts_with('#'))
            character = numericEntity(name.substr(1));
        else if (!name.empty())
            character = namedEntity(name);
        if (!character) {
            out_ += '&';
            ++at_;
            return;
        }
        put(out_, *character);
        at_ += 1 + name.size();
        if (at_ < html_.size() && html_[at_] == ';')
            ++at_;
    }

    void markup()
    {
        if (html_.substr(at_).starts_with("<!--")) {
            const auto end = html_.find("-->", at_ + 4);
            at_ = end == std::string_view::npos ? html_.size() : end + 3;
            return;
        }
        std::size_t name_begin = at_ + 1;
        const bool closes = name_begin < html_.size() && html_[name_begin] == '/';
        if (closes)
            ++name_begin;
        std::size_t name_end = name_begin;
        while (name_end < html_.size() && isNameCharacter(html_[name_end]))
            ++name_end;
        const bool is_declaration = !closes && name_begin < html_.size() && (html_[name_begin] == '!' || html_[name_begin] == '?');
        if (name_end == name_begin && !is_declaration) {
            out_ += '<'; // "a < b"
            ++at_;
            return;
        }
        const std::string_view name = html_.substr(name_begin, name_end - name_begin);
        skipTag(name_end);
        if (!isOneOf(kInline, name))
            separate();
        if (!closes && isOneOf(kUnseen, name))
            skipUnseen(name);
    }

    static bool isNameCharacter(char c)
    {
        const char low = base::asciiLower(c);
        return (low >= 'a' && low <= 'z') || base::isDigit(c) || c == ':' || c == '-';
    }

    template <std::size_t N>
    static bool isOneOf(const std::array<std::string_view, N>& names, std::string_view name)
    {
        return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return base::iequals(n, name); });
    }

    // Behind the ">" that is in no quotes.
    void skipTag(std::size_t from)
    {
        at_ = from;
        for (;;) {
            at_ = html_.find_first_of(">\"'", at_);
            if (at_ == std::string_view::npos) {
                at_ = html_.size();
                return;
            }
            if (html_[at_] == '>') {
                ++at_;
                return;
            }
            // Quotes count where an attribute's value begins; elsewhere they are a slip of the pen.
            const bool opens = html_[at_ - 1] == '=' || html_[at_ - 1] == ' ';
            const std::size_t end = opens ? html_.find(html_[at_], at_ + 1) : at_;
            at_ = end == std::string_view::npos ? html_.size() : end + 1;
        }
    }

    void skipUnseen(std::string_view name)
    {
        while (at_ < html_.size()) {
            const auto end = html_.find("</", at_);
            if (end == std::string_view::npos) {
                at_ = html_.size();
                return;
            }
            at_ = end;
            if (base::istartsWith(html_.substr(end + 2), name))
                return; // the closing tag is read like any other
            at_ += 2;
        }
    }

    void separate()
    {
        if (!out_.empty() && out_.back() != '\n')
            out_ += '\n';
    }

    std::string_view html_;
    std::size_t at_ = 0;
    std::string out_;
};

} // namespace

std::string htmlToText(std::string_view html)
{
    return HtmlReader(html).run();
}

} // namespace postfach::mail
