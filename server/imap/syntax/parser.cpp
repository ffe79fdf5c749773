#include "server/imap/syntax/parser.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/syntax/characters.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace postfach::imap {

namespace limits = base::limits;

namespace {

// 1 to 12, or 0.
unsigned monthNumber(std::string_view name)
{
    static constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < kMonths.size(); ++i)
        if (base::iequals(name, kMonths[i]))
            return i + 1;
    return 0;
}

// "1-Mar-2026", the day with one digit or two.
std::optional<std::chrono::sys_days> parseDay(std::string_view text)
{
    const std::size_t dash = text.find('-');
    if (dash == 0 || dash > 2 || text.size() != dash + 9 || text[dash + 4] != '-')
        return std::nullopt;
    const auto day = base::parseU32(text.substr(0, dash));
    const unsigned month = monthNumber(text.substr(dash + 1, 3));
    const auto year = base::parseU32(text.substr(dash + 5));
    if (!day || !year || month == 0)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{month},
                                           std::chrono::day{*day}};
    if (!date.ok())
        return std::nullopt;
    return std::chrono::sys_days{date};
}

// Two digits at `at`, at most `most`.
std::optional<int> twoDigits(std::string_view text, std::size_t at, int most)
{
    if (at + 2 > text.size() || !base::isDigit(text[at]) || !base::isDigit(text[at + 1]))
        return std::nullopt;
    const int value = (text[at] - '0') * 10 + (text[at + 1] - '0');
    if (value > most)
        return std::nullopt;
    return value;
}

} // namespace

// --- moving

void Parser::end()
{
    while (peek() == ' ')
        ++at_;
    if (!atEnd())
        throw BadSyntax("Unexpected arguments");
}

void Parser::space()
{
    if (!trySpace())
        throw BadSyntax(atEnd() ? "Missing arguments" : "Space expected");
}

bool Parser::trySpace()
{
    if (peek() != ' ')
        return false;
    while (peek() == ' ')
        ++at_;
    return true;
}

char Parser::peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

bool Parser::tryChar(char c)
{
    if (atEnd() || text_[at_] != c)
        return false;
    ++at_;
    return true;
}

void Parser::expect(char c)
{
    if (!tryChar(c))
        throw BadSyntax(std::string("'") + c + "' expected");
}

bool Parser::tryWord(std::string_view word)
{
    if (!base::istartsWith(rest(), word))
        return false;
    const std::size_t behind = at_ + word.size();
    if (behind < text_.size() && isAtomChar(text_[behind]))
        return false;
    at_ = behind;
    return true;
}

// --- strings

std::string Parser::tag()
{
    const std::size_t start = at_;
    while (at_ < text_.size() && isTagChar(text_[at_]))
        ++at_;
    if (at_ == start)
        throw BadSyntax("Invalid tag");
    return std::string(text_.substr(start, at_ - start));
}

std::string Parser::atom()
{
    const std::size_t start = at_;
    while (at_ < text_.size() && isAtomChar(text_[at_]))
        ++at_;
    if (at_ == start)
        throw BadSyntax(atEnd() ? "Missing arguments" : "Invalid atom");
    return std::string(text_.substr(start, at_ - start));
}

std::string Parser::astring()
{
    if (peek() == '"' || peek() == '{')
        return string();
    const std::size_t start = at_;
    while (at_ < text_.size() && isAstringChar(text_[at_]))
        ++at_;
    if (at_ == start)
        throw BadSyntax(atEnd() ? "Missing arguments" : "Invalid string");
    return std::string(text_.substr(start, at_ - start));
}

std::optional<std::string> Parser::nstring()
{
    if (tryWord("NIL"))
        return std::nullopt;
    return string();
}

std::optional<std::string> Parser::nstring8()
{
    if (tryChar('~'))
        return literal();
    return nstring();
}

// Quoted or literal. 8-bit bytes are let through for those who decide by charset (SEARCH, passwords, UTF8=ACCEPT); NUL never is:
// somebody below might take it for the end of the name.
std::string Parser::string()
{
    std::string out;
    if (tryChar('"')) {
        while (!tryChar('"')) {
            if (atEnd())
                throw BadSyntax("Unterminated quoted string");
            char c = text_[at_++];
            if (c == '\\') {
                c = peek();
                if (c != '"' && c != '\\')
                    throw BadSyntax("Only \\\" and \\\\ may be escaped in a quoted string");
                ++at_;
            } else if (c == '\r' || c == '\n' || c == '\0') {
                throw BadSyntax("Line ends and NUL need a literal");
            }
            out += c;
        }
        return out;
    }
    out = literal();
    if (out.find('\0') != std::string::npos)
        throw BadSyntax("NUL is not allowed");
    return out;
}

std::string Parser::literal()
{
    if (!tryChar('{'))
        throw BadSyntax(atEnd() ? "Missing arguments" : "String expected");
    const std::uint64_t size = number64();
    if (!tryChar('+'))
        tryChar('-'); // RFC 7888
    expect('}');
    tryChar('\r');
    if (!tryChar('\n')) // expect() would put the line end into the answer
        throw BadSyntax("Line end expected behind a literal's size");
    if (size > text_.size() - at_)
        throw BadSyntax("Literal is cut off");
    at_ += static_cast<std::size_t>(size);
    return std::string(text_.substr(at_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size)));
}

std::string Parser::listMailbox()
{
    if (peek() == '"' || peek() == '{')
        return string();
    const std::size_t start = at_;
    while (at_ < text_.size() && isListChar(text_[at_]))
        ++at_;
    if (at_ == start)
        throw BadSyntax(atEnd() ? "Missing arguments" : "Invalid mailbox pattern");
    return std::string(text_.substr(start, at_ - start));
}

std::string Parser::mailbox() { return astring(); }

// --- numbers

std::uint32_t Parser::number()
{
    const std::uint64_t value = number64();
    if (value > 0xffffffffU)
        throw BadSyntax("Number is too large");
    return static_cast<std::uint32_t>(value);
}

std::uint64_t Parser::number64()
{
    const std::size_t start = at_;
    while (base::isDigit(peek()))
        ++at_;
    if (at_ == start)
        throw BadSyntax("Number expected");
    const auto value = base::parseU64(text_.substr(start, at_ - start));
    if (!value || *value > 0x7fffffffffffffffU) // RFC 9051 section 9: number64 has 63 bits
        throw BadSyntax("Number is too large");
    return *value;
}

std::uint32_t Parser::nzNumber()
{
    const std::uint32_t value = number();
    if (value == 0)
        throw BadSyntax("0 is not allowed here");
    return value;
}

SequenceSet Parser::sequenceSet()
{
    if (peek() != '$')
        return numberSet();
    ++at_;
    if (isAtomChar(peek()))
        throw BadSyntax("Invalid message set");
    return SequenceSet::ofSaved();
}

SequenceSet Parser::numberSet()
{
    const std::size_t start = at_;
    while (base::isDigit(peek()) || peek() == ':' || peek() == ',' || peek() == '*')
        ++at_;
    auto set = SequenceSet::parse(text_.substr(start, at_ - start));
    if (!set || isAtomChar(peek()))
        throw BadSyntax("Invalid message set");
    return std::move(*set);
}

// --- dates

store::Time Parser::dateTime()
{
    static constexpr const char* kWrong = "Invalid date-time";
    expect('"');
    const std::size_t close = text_.find('"', at_);
    if (close == std::string_view::npos || close - at_ > 26)
        throw BadSyntax(kWrong);
    std::string_view text = text_.substr(at_, close - at_);
    if (!text.empty() && text.front() == ' ') // date-day-fixed: SP DIGIT
        text.remove_prefix(1);
    const std::size_t gap = std::min(text.find(' '), text.size());
    const auto day = parseDay(text.substr(0, gap));
    text.remove_prefix(gap);
    // " 09:30:00 +0100"
    if (!day || text.size() != 15 || text[3] != ':' || text[6] != ':' || text[9] != ' ' || (text[10] != '+' && text[10] != '-'))
        throw BadSyntax(kWrong);
    const auto hour = twoDigits(text, 1, 23);
    const auto minute = twoDigits(text, 4, 59);
    const auto second = twoDigits(text, 7, 60);
    const auto zone_hours = twoDigits(text, 11, 23);
    const auto zone_minutes = twoDigits(text, 13, 59);
    if (!hour || !minute || !second || !zone_hours || !zone_minutes)
        throw BadSyntax(kWrong);
    at_ = close + 1;
    const int zone = (*zone_hours * 60 + *zone_minutes) * (text[10] == '-' ? -1 : 1);
    return store::Time{*day} + std::chrono::hours{*hour} + std::chrono::minutes{*minute - zone} + std::chrono::seconds{*second};
}

std::string Parser::dateText() { return peek() == '"' ? string() : atom(); }

std::optional<std::int64_t> parseSearchDate(std::string_view text)
{
    const auto day = parseDay(text);
    if (!day)
        return std::nullopt;
    return day->time_since_epoch().count();
}

// --- flags

namespace {

void flag(Parser& args, Parser::FlagNames& out)
{
    struct Named {
        std::string_view name;
        std::uint64_t bit;
    };
    static constexpr std::array<Named, 5> kSystem{{{"Seen", store::Flags::kSeen},
                                                   {"Answered", store::Flags::kAnswered},
                                                   {"Flagged", store::Flags::kFlagged},
                                                   {"Deleted", store::Flags::kDeleted},
                                                   {"Draft", store::Flags::kDraft}}};
    if (!args.tryChar('\\')) {
        std::string keyword = args.atom();
        if (keyword.size() > limits::kKeyword)
            throw BadSyntax("Keyword is too long");
        if (out.keywords.size() >= limits::kKeywordsPerAccount)
            throw BadSyntax("Too many keywords");
        out.keywords.push_back(std::move(keyword));
        return;
    }
    const std::string name = args.atom();
    const auto known = std::find_if(kSystem.begin(), kSystem.end(), [&](const Named& n) { return base::iequals(n.name, name); });
    if (known == kSystem.end())
        throw BadSyntax(base::iequals(name, "Recent") ? "\\Recent is the server's to set" : "Unknown system flag");
    out.system |= known->bit;
}

} // namespace

Parser::FlagNames Parser::flagList()
{
    FlagNames out;
    expect('(');
    trySpace();
    while (!tryChar(')')) {
        flag(*this, out);
        if (!trySpace() && peek() != ')')
            throw BadSyntax(atEnd() ? "')' expected" : "Space expected");
    }
    return out;
}

Parser::FlagNames Parser::flagsOfStore()
{
    if (peek() == '(')
        return flagList();
    FlagNames out;
    flag(*this, out);
    while (trySpace() && !atEnd())
        flag(*this, out);
    return out;
}

} // namespace postfach::imap
