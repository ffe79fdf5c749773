#include "admin/api/target.h"
#include "admin/problem.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
[[noreturn]] void bad(const std::string& detail) { throw Problem(400, "bad_target", detail); }
} // namespace

std::string percentDecoded(std::string_view text, bool plus_is_space)
{
    std::string written(text);
    if (plus_is_space)
        std::replace(written.begin(), written.end(), '+', ' ');
    auto out = base::percentDecoded(written);
    if (!out)
        bad("The target's percent-encoding is broken.");
    if (std::any_of(out->begin(), out->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
        bad("The target holds an encoded control character.");
    if (!base::isUtf8(*out))
        bad("The target is not UTF-8.");
    return std::move(*out);
}

Target parseTarget(std::string_view target)
{
    Target out;
    if (target.find('#') != std::string_view::npos)
        bad("A target has no fragment.");
    const auto question = target.find('?');
    const auto path = target.substr(0, question);
    if (path != "/")
        for (const auto part : base::split(path.substr(1), '/')) {
            auto segment = percentDecoded(part, false);
            if (segment.empty())
                bad("The path has an empty segment.");
            if (part.find('\\') != std::string_view::npos) // encoded it is part of a name: no segment leads to a file
                bad("The path holds a backslash.");
            for (const auto piece : base::split(segment, '/'))
                if (piece == "." || piece == ".." || piece.empty())
                    bad("The path has a dot or an empty segment.");
            out.segments.push_back(std::move(segment));
        }
    if (question != std::string_view::npos && question + 1 < target.size())
        for (const auto pair : base::split(target.substr(question + 1), '&')) {
            const auto equals = pair.find('=');
            auto name = percentDecoded(pair.substr(0, equals), true);
            auto value = equals == std::string_view::npos ? std::string() : percentDecoded(pair.substr(equals + 1), true);
            if (!out.query.emplace(std::move(name), std::move(value)).second)
                bad("A parameter of the query is there twice.");
        }
    return out;
}

std::string cursorOf(std::string_view key)
{
    auto text = base::base64(key);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    text.erase(std::find(text.begin(), text.end(), '='), text.end());
    return text;
}

std::string keyOf(std::string_view cursor)
{
    std::string text(cursor);
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    auto key = base::unbase64(text);
    if (!key || cursor.size() > 2000)
        throw Problem(422, "invalid_parameter", "The parameter \"cursor\" is none that a list gave.");
    return *key;
}

} // namespace postfach::admin
