#include "server/base/json_text.h"
#include "server/base/text.h"

#include <cstdio>

namespace postfach::base {
namespace {

constexpr std::size_t kLongestText = 2000;

std::string quoted(std::string_view given)
{
    const std::string text = given.size() <= kLongestText && isUtf8(given) ? std::string(given) : printable(given, kLongestText);
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[7];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        } else {
            out += c;
        }
    }
    return out + '"';
}

} // namespace

JsonField::JsonField(std::string_view k, std::string_view v) : key(k), value(quoted(v)) {}

std::string jsonObject(std::initializer_list<JsonField> fields)
{
    std::string out = "{";
    for (const JsonField& field : fields)
        out.append(out.size() > 1 ? ",\"" : "\"").append(field.key).append("\":").append(field.value);
    return out + "}";
}

} // namespace postfach::base
