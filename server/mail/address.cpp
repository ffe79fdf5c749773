// Address lists: RFC 5322 3.4 with the obsolete forms of 4.4, and what real mail makes of them. One pass over the
// bytes into tokens, nothing recursive: comments count their depth, groups do not nest.
#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/header.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace postfach::mail {

namespace {

struct Token {
    enum class Kind { atom, quoted, literal, at, dot, comma, colon, semicolon, open, close, comment, end };
    Kind kind;
    std::string text;
    bool space_before = false;
};

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next()
    {
        Token token{Token::Kind::end, {}, false};
        while (at_ < text_.size() && isSpaceLike(text_[at_])) {
            token.space_before = true;
            ++at_;
        }
        if (at_ >= text_.size())
            return token;
        using Kind = Token::Kind;
        const char c = text_[at_];
        switch (c) {
        case '(': token.kind = Kind::comment; comment(token.text); return token;
        case '"': token.kind = Kind::quoted; delimited('"', token.text); return token;
        case '[': token.kind = Kind::literal; literal(token.text); return token;
        case '@': token.kind = Kind::at; break;
        case '.': token.kind = Kind::dot; break;
        case ',': token.kind = Kind::comma; break;
        case ':': token.kind = Kind::colon; break;
        case ';': token.kind = Kind::semicolon; break;
        case '<': token.kind = Kind::open; break;
        case '>': token.kind = Kind::close; break;
        default:
            token.kind = Kind::atom;
            while (at_ < text_.size() && !endsAtom(text_[at_]))
                token.text += text_[at_++];
            if (token.text.empty())
                token.text += text_[at_++]; // a stray "]" or ")" or backslash stands for itself
            return token;
        }
        token.text = c;
        ++at_;
        return token;
    }

private:
    static bool isSpaceLike(char c) { return isSpace(c) || c == '\0'; }
    static bool endsAtom(char c)
    {
        return isSpaceLike(c) || std::string_view("()<>[]:;@\\,.\"").find(c) != std::string_view::npos;
    }

    // Up to the closing delimiter, its quoted pairs undone; an end that is missing is the end of the field.
    void delimited(char close, std::string& out)
    {
        for (++at_; at_ < text_.size() && text_[at_] != close; ++at_)
            take(out);
        ++at_;
    }

    void take(std::string& out)
    {
        if (text_[at_] == '\\' && at_ + 1 < text_.size())
            ++at_;
        out += isSpaceLike(text_[at_]) ? ' ' : text_[at_];
    }

    void comment(std::string& out)
    {
        int depth = 1;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '(')
                ++depth;
            else if (text_[at_] == ')' && --depth == 0)
                break;
            take(out);
        }
        ++at_;
    }

    void literal(std::string& out)
    {
        out += '[';
        for (++at_; at_ < text_.size() && text_[at_] != ']'; ++at_)
            if (!isSpaceLike(text_[at_]))
                out += text_[at_];
        ++at_;
        out += ']';
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

using Tokens = std::vector<Token>;

// Words as a person reads them: one space where there was white space.
std::string phrase(Tokens::const_iterator begin, Tokens::const_iterator end)
{
    std::string out;
    for (auto token = begin; token != end; ++token) {
        if (!out.empty() && token->space_before)
            out += ' ';
        out += token->text;
    }
    return std::string(base::trim(out));
}

// An address without the white space that RFC 5322 4.4 allowed around its dots.
std::string glued(Tokens::const_iterator begin, Tokens::const_iterator end)
{
    std::string out;
    for (auto token = begin; token != end; ++token)
        out += token->text;
    return out;
}

class ListReader {
public:
    explicit ListReader(std::string_view text) : lexer_(text) {}

    std::vector<Address> run()
    {
        // A step adds two at most (an address or a group's end, and what follows), and the last group needs its end.
        constexpr auto most = static_cast<std::size_t>(base::limits::kAddresses) - 4;
        for (bool more = true; more && result_.size() <= most;)
            more = step(lexer_.next());
        if (in_group_)
            endGroup();
        return std::move(result_);
    }

private:
    bool step(Token token)
    {
        using Kind = Token::Kind;
        switch (token.kind) {
        case Kind::end:
            flush();
            return false;
        case Kind::comment:
            if (comment_.empty())
                comment_ = base::trim(token.text);
            space_carried_ = true;
            return true;
        case Kind::open:
            if (!angle_seen_) // the first one counts; a second is noise
                in_angle_ = angle_seen_ = true;
            return true;
        case Kind::close:
            in_angle_ = false;
            return true;
        case Kind::comma:
        case Kind::colon:
            if (in_angle_ && routeGoesOn()) { // the route of RFC 5322 4.4: <@a,@b:user@host>
                route_ended_ = token.kind == Kind::colon;
                angle_.push_back(std::move(token));
                return true;
            }
            if (token.kind == Kind::comma)
                flush();
            else
                beginGroup();
            return true;
        case Kind::semicolon:
            flush();
            if (in_group_)
                endGroup();
            return true;
        default:
            token.space_before = token.space_before || space_carried_;
            space_carried_ = false;
            (in_angle_ ? angle_ : words_).push_back(std::move(token));
            return true;
        }
    }

    bool routeGoesOn() const { return routeStarts() && !route_ended_; }

    void beginGroup()
    {
        if (in_group_) // groups do not nest: the next one ends this one
            result_.push_back({});
        Address start;
        start.mailbox = phrase(words_.begin(), words_.end());
        result_.push_back(std::move(start));
        in_group_ = true;
        clear();
    }

    void endGroup()
    {
        result_.push_back({});
        in_group_ = false;
        clear();
    }

    void clear()
    {
        words_.clear();
        angle_.clear();
        comment_.clear();
        in_angle_ = angle_seen_ = route_ended_ = space_carried_ = false;
    }

    void flush()
    {
        if (angle_seen_)
            flushAngle();
        else if (!words_.empty())
            flushBare();
        clear();
    }

    void add(Address address, std::string name)
    {
        if (name.empty())
            name = comment_;
        if (!name.empty())
            address.name = std::move(name);
        result_.push_back(std::move(address));
    }

    // "Name <@route:local@host>"
    void flushAngle()
    {
        Address address;
        auto begin = angle_.cbegin();
        if (routeStarts()) {
            const auto colon = std::find_if(begin, angle_.cend(), [](const Token& t) { return t.kind == Token::Kind::colon; });
            if (colon != angle_.cend()) {
                address.route = glued(begin, colon);
                begin = std::next(colon);
            }
        }
        splitAtSign(begin, angle_.cend(), address);
        add(std::move(address), phrase(words_.cbegin(), words_.cend()));
    }

    bool routeStarts() const { return !angle_.empty() && angle_.front().kind == Token::Kind::at; }

    // "local@host", "Name local@host" (not allowed, but written), or a word without a host: its host is empty, not absent,
    // for a mailbox with no host at all begins a group.
    void flushBare()
    {
        auto begin = words_.cbegin();
        const auto at_sign = lastAtSign(begin, words_.cend());
        Address address;
        if (at_sign == words_.cend()) {
            address.mailbox = phrase(begin, at_sign);
            address.host = std::string();
            add(std::move(address), {});
            return;
        }
        auto local = at_sign;
        while (local != begin) {
            const auto before = std::prev(local);
            const bool belongs = local == at_sign || !local->space_before || local->kind == Token::Kind::dot
                              || before->kind == Token::Kind::dot;
            if (!belongs)
                break;
            local = before;
        }
        splitAtSign(local, words_.cend(), address);
        add(std::move(address), phrase(begin, local));
    }

    static Tokens::const_iterator lastAtSign(Tokens::const_iterator begin, Tokens::const_iterator end)
    {
        for (auto token = end; token != begin;)
            if ((--token)->kind == Token::Kind::at)
                return token;
        return end;
    }

    static void splitAtSign(Tokens::const_iterator begin, Tokens::const_iterator end, Address& address)
    {
        const auto at_sign = lastAtSign(begin, end);
        address.mailbox = glued(begin, at_sign);
        address.host = at_sign == end ? std::string() : glued(std::next(at_sign), end);
    }

    Lexer lexer_;
    std::vector<Address> result_;
    Tokens words_, angle_; // of the address that is being read: outside and inside of < >
    std::string comment_;
    bool in_angle_ = false, angle_seen_ = false, route_ended_ = false, in_group_ = false, space_carried_ = false;
};

} // namespace

std::vector<Address> parseAddresses(std::string_view value)
{
    if (value.size() > base::limits::kHeaderField) {
        value = value.substr(0, base::limits::kHeaderField);
        const auto comma = value.rfind(','); // half an address is another address
        if (comma != std::string_view::npos)
            value = value.substr(0, comma);
    }
    return ListReader(value).run();
}

} // namespace postfach::mail
