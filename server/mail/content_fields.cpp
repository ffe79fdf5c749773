#include "server/mail/content_fields.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace postfach::mail {

namespace {

// RFC 2045 5.1: no control characters, no space, no tspecials. 8-bit bytes are no token either.
bool isTokenCharacter(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f && std::strchr("()<>@,;:\\\"/[]?=", c) == nullptr;
}

// Reads the structured fields' lexical pieces from the front of a text.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool atEnd() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }
    bool take(char c)
    {
        if (rest_.empty() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skipTo(char c)
    {
        const auto at = rest_.find(c);
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
    }

    // White space and comments, nested as deep as they like: a counter, no recursion.
    void skipSpace()
    {
        std::size_t depth = 0, i = 0;
        for (; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == '(')
                ++depth;
            else if (depth > 0 && c == ')')
                --depth;
            else if (depth > 0 && c == '\\')
                ++i;
            else if (depth == 0 && !isSpace(c))
                break;
        }
        rest_.remove_prefix(std::min(i, rest_.size()));
    }

    std::string_view token()
    {
        std::size_t i = 0;
        while (i < rest_.size() && isTokenCharacter(rest_[i]))
            ++i;
        const std::string_view found = rest_.substr(0, i);
        rest_.remove_prefix(i);
        return found;
    }

    // A quoted string, its end missing perhaps; or what stands before the next ";" or comment, for real mail writes
    // boundary=----=_Part_1 and filename=my letter.pdf.
    std::string value()
    {
        if (take('"'))
            return quoted();
        std::size_t i = 0;
        while (i < rest_.size() && rest_[i] != ';' && !(rest_[i] == '(' && (i == 0 || isSpace(rest_[i - 1]))))
            ++i;
        const std::string_view found = base::trim(rest_.substr(0, i));
        rest_.remove_prefix(i);
        return std::string(found);
    }

private:
    std::string quoted()
    {
        std::string out;
        std::size_t i = 0;
        for (; i < rest_.size() && rest_[i] != '"'; ++i) {
            if (rest_[i] == '\\' && i + 1 < rest_.size())
                ++i;
            out += rest_[i];
        }
        rest_.remove_prefix(std::min(i + 1, rest_.size()));
        return out;
    }

    std::string_view rest_;
};

// "name*3*" is piece 3 of `name`, percent-encoded. RFC 2231 3 and 4.
struct PieceName {
    std::string name;
    std::optional<std::uint32_t> number;
    bool is_encoded = false;
};

PieceName readPieceName(std::string_view written)
{
    PieceName piece;
    std::string_view name = written;
    if (name.size() > 1 && name.ends_with('*')) {
        piece.is_encoded = true;
        name.remove_suffix(1);
    }
    const auto star = name.rfind('*');
    if (star != std::string_view::npos && star > 0) {
        piece.number = base::parseU32(name.substr(star + 1));
        if (piece.number)
            name = name.substr(0, star);
        else
            name = written; // "a*b" is a name like any other
    }
    piece.name = base::lower(name);
    return piece;
}

int hexValue(char c)
{
    if (base::isDigit(c))
        return c - '0';
    const char low = base::asciiLower(c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::string decodePercent(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0) {
            out += static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// All that was written about one parameter.
struct Collected {
    std::string name;
    std::optional<std::string> plain;                               // name=
    std::optional<std::string> extended;                            // name*=
    std::map<std::uint32_t, std::pair<bool, std::string>> pieces;   // name*N= and name*N*=
};

// charset'language'text, taken apart. False where the quotes are missing: then all of it is text.
bool splitCharset(std::string& text, std::string& charset)
{
    const auto first = text.find('\'');
    const auto second = first == std::string::npos ? first : text.find('\'', first + 1);
    if (second == std::string::npos)
        return false;
    charset = text.substr(0, first);
    text.erase(0, second + 1);
    return true;
}

std::string joined(Collected& collected)
{
    std::string charset, bytes;
    if (!collected.pieces.empty()) {
        bool is_first = true;
        for (auto& [number, piece] : collected.pieces) {
            auto& [is_encoded, text] = piece;
            if (is_first && is_encoded)
                splitCharset(text, charset);
            is_first = false;
            bytes += is_encoded ? decodePercent(text) : text;
        }
    } else if (collected.extended) {
        splitCharset(*collected.extended, charset);
        bytes = decodePercent(*collected.extended);
    } else {
        bytes = *collected.plain;
    }
    std::string value = toUtf8(charset, bytes);
    // A percent-encoded line end must not become one in an answer or a file name.
    std::replace_if(value.begin(), value.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, ' ');
    return value;
}

void readContentType(std::string_view text, Part& part, bool& whole)
{
    Reader in(text);
    in.skipSpace();
    const std::string_view type = in.token();
    in.skipSpace();
    const bool has_slash = in.take('/');
    in.skipSpace();
    const std::string_view subtype = has_slash ? in.token() : std::string_view();
    if (type.empty() || subtype.empty()) {
        // RFC 2045 5.2: what cannot be read is plain text in US-ASCII; its parameters are no better.
        part.type = "text";
        part.subtype = "plain";
        return;
    }
    part.type = base::lower(type);
    part.subtype = base::lower(subtype);
    part.parameters = parseParameters(in.rest(), whole);
}

void readDisposition(std::string_view text, Part& part, bool& whole)
{
    Reader in(text);
    in.skipSpace();
    const std::string_view word = in.token();
    if (word.empty())
        return;
    part.disposition = base::lower(word);
    part.disposition_parameters = parseParameters(in.rest(), whole);
}

void readEncoding(std::string_view text, Part& part)
{
    Reader in(text);
    in.skipSpace();
    in.take('"');
    const std::string_view word = in.token();
    if (!word.empty())
        part.encoding = base::lower(word);
}

void readLanguages(std::string_view text, Part& part)
{
    Reader in(text);
    while (!in.atEnd() && part.languages.size() < base::limits::kMimeParameters) {
        in.skipSpace();
        const std::string_view word = in.token();
        if (!word.empty())
            part.languages.emplace_back(word);
        in.skipTo(',');
        in.take(',');
    }
}

enum class Known { type, encoding, disposition, id, description, md5, location, language };
constexpr std::array<std::pair<std::string_view, Known>, 8> kKnown{{
    {"type", Known::type},
    {"transfer-encoding", Known::encoding},
    {"disposition", Known::disposition},
    {"id", Known::id},
    {"description", Known::description},
    {"md5", Known::md5},
    {"location", Known::location},
    {"language", Known::language},
}};

} // namespace

std::vector<Parameter> parseParameters(std::string_view text, bool& whole)
{
    std::vector<Collected> found;
    Reader in(text);
    for (int count = 0; !in.atEnd(); ++count) {
        in.skipSpace(); // a comment may hold a semicolon
        in.skipTo(';');
        if (!in.take(';'))
            break;
        if (count == base::limits::kMimeParameters) {
            whole = false;
            break;
        }
        in.skipSpace();
        const std::string_view written = in.token();
        in.skipSpace();
        if (written.empty() || !in.take('='))
            continue;
        in.skipSpace();
        std::string value = in.value();

        const PieceName piece = readPieceName(written);
        auto collected = std::find_if(found.begin(), found.end(), [&](const Collected& c) { return c.name == piece.name; });
        if (collected == found.end()) {
            found.push_back({piece.name, {}, {}, {}});
            collected = std::prev(found.end());
        }
        // The first of each kind stands: a second boundary must not turn what a scanner saw into something else.
        if (piece.number)
            collected->pieces.try_emplace(*piece.number, piece.is_encoded, std::move(value));
        else if (piece.is_encoded && !collected->extended)
            collected->extended = std::move(value);
        else if (!piece.is_encoded && !collected->plain)
            collected->plain = std::move(value);
    }

    std::vector<Parameter> parameters;
    parameters.reserve(found.size());
    for (Collected& collected : found)
        parameters.push_back({collected.name, joined(collected)});
    return parameters;
}

std::string_view parameterValue(const std::vector<Parameter>& parameters, std::string_view name)
{
    for (const Parameter& parameter : parameters)
        if (parameter.name == name)
            return parameter.value;
    return {};
}

bool readContentFields(std::string_view header, bool is_in_digest, Part& part)
{
    if (is_in_digest) {
        part.type = "message";
        part.subtype = "rfc822";
    }
    unsigned seen = 0;
    bool whole = true;
    int count = 0;
    std::string_view rest;
    eachField(header, [&](const Field& field) {
        ++count;
        rest = header.substr(static_cast<std::size_t>(field.whole.data() - header.data()) + field.whole.size());
        if (!base::istartsWith(field.name, "content-"))
            return true;
        const std::string_view name = field.name.substr(8);
        const auto known = std::find_if(kKnown.begin(), kKnown.end(), [&](const auto& k) { return base::iequals(k.first, name); });
        if (known == kKnown.end())
            return true;
        const unsigned bit = 1U << static_cast<unsigned>(known->second);
        if (seen & bit)
            return true; // the first of its name counts
        seen |= bit;

        if (field.value.size() > base::limits::kHeaderField && known->second <= Known::disposition) // the others say nothing of the body
            whole = false;
        const std::string unfolded = unfold(field.value.substr(0, base::limits::kHeaderField));
        const std::string_view text = base::trim(unfolded);
        switch (known->second) {
        case Known::type: readContentType(text, part, whole); break;
        case Known::encoding: readEncoding(text, part); break;
        case Known::disposition: readDisposition(text, part, whole); break;
        case Known::id: part.id = text; break;
        case Known::description: part.description = text; break;
        case Known::md5: part.md5 = text; break;
        case Known::location: part.location = text; break;
        case Known::language: readLanguages(text, part); break;
        }
        return true;
    });
    const bool all_fields = count < base::limits::kHeaderFields || rest.empty() || isLineEnd(rest);
    return whole && all_fields;
}

} // namespace postfach::mail
