#pragma once
// A structure as lines a person can compare: section number, kind, type, bounds, line counts, parameters, and the body's ends.
#include "server/base/text.h"
#include "server/mail/structure.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace postfach::mail::test {

inline std::string sectionOf(const Structure& s, std::size_t index)
{
    if (s.parts[index].parent < 0)
        return "root";
    const auto parent = static_cast<std::size_t>(s.parts[index].parent);
    std::size_t place = 0;
    while (s.parts[parent].children[place] != index)
        ++place;
    const std::string above = sectionOf(s, parent);
    const std::string own = s.parts[parent].kind == Part::Kind::message ? "message" : std::to_string(place + 1);
    return above == "root" ? own : above + "." + own;
}

inline std::string ends(std::string_view body)
{
    if (body.size() <= 40)
        return base::printable(body);
    return base::printable(body.substr(0, 18)) + " ... " + base::printable(body.substr(body.size() - 18));
}

inline std::string outline(std::string_view message, const Structure& s)
{
    static constexpr const char* kKinds[] = {"leaf", "multipart", "message"};
    std::string out;
    for (std::size_t i = 0; i < s.parts.size(); ++i) {
        const Part& p = s.parts[i];
        out += sectionOf(s, i) + " " + kKinds[static_cast<int>(p.kind)] + " " + p.type + "/" + p.subtype;
        out += " header " + std::to_string(p.header_begin) + "+" + std::to_string(p.body_begin - p.header_begin) + " ("
             + std::to_string(p.header_lines) + ") body " + std::to_string(p.body_begin) + "+" + std::to_string(p.bodySize()) + " ("
             + std::to_string(p.body_lines) + ") " + p.encoding + "\n";
        for (const Parameter& each : p.parameters)
            out += "    " + each.name + "=" + each.value + "\n";
        if (!p.disposition.empty())
            out += "    disposition " + p.disposition + "\n";
        for (const Parameter& each : p.disposition_parameters)
            out += "    disposition " + each.name + "=" + each.value + "\n";
        if (!p.id.empty())
            out += "    id " + p.id + "\n";
        if (!p.location.empty())
            out += "    location " + p.location + "\n";
        for (const std::string& language : p.languages)
            out += "    language " + language + "\n";
        if (!fileName(p).empty())
            out += "    file " + fileName(p) + "\n";
        if (p.kind == Part::Kind::leaf)
            out += "    \"" + ends(p.body(message)) + "\"\n";
    }
    return out;
}

// What holds for the structure of any bytes at all; the first rule that is broken, or nothing.
inline std::string brokenRule(std::string_view message, const Structure& s)
{
    if (s.parts.empty())
        return "no part";
    if (s.parts[0].header_begin != 0 || s.parts[0].body_end != message.size() || s.parts[0].parent != -1)
        return "the root is not the message";
    std::size_t children = 0;
    for (std::size_t i = 0; i < s.parts.size(); ++i) {
        const Part& p = s.parts[i];
        const std::string where = " at part " + std::to_string(i);
        if (p.header_begin > p.body_begin || p.body_begin > p.body_end || p.body_end > message.size())
            return "bounds" + where;
        const auto count = [&](std::string_view text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); };
        if (count(p.body(message)) != p.body_lines || count(p.header(message)) != p.header_lines)
            return "line counts" + where;
        if (p.kind == Part::Kind::leaf ? !p.children.empty() : p.children.empty())
            return "children" + where;
        if (p.kind == Part::Kind::message && p.children.size() != 1)
            return "a message with several roots" + where;
        std::uint64_t end = p.body_begin;
        for (const std::uint32_t child : p.children) {
            const Part& c = s.parts.at(child);
            if (c.parent != static_cast<std::int32_t>(i) || child <= i)
                return "parent" + where;
            if (c.header_begin < end || c.body_end > p.body_end)
                return "a child outside of its parent" + where;
            end = c.body_end;
            ++children;
        }
        if (p.kind == Part::Kind::message && (s.parts[p.children[0]].header_begin != p.body_begin || s.parts[p.children[0]].body_end != p.body_end))
            return "an inner message is not its part's body" + where;
        if (p.type.empty() || p.subtype.empty() || p.encoding.empty())
            return "no type" + where;
    }
    return children + 1 == s.parts.size() ? "" : "a part without a parent";
}

} // namespace postfach::mail::test
