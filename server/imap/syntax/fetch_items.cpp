#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/writer.h"

#include <algorithm>
#include <array>

// What FETCH is asked for. RFC 9051 6.4.5 and section 9 (fetch-att, section); RFC 3501 for RFC822 and its relatives.

namespace postfach::imap {

namespace limits = base::limits;

namespace {

struct Plain {
    std::string_view name;
    bool FetchItems::*wanted;
};
constexpr std::array<Plain, 12> kPlain{{{"FLAGS", &FetchItems::flags},
                                        {"UID", &FetchItems::uid},
                                        {"INTERNALDATE", &FetchItems::internal_date},
                                        {"RFC822.SIZE", &FetchItems::size},
                                        {"ENVELOPE", &FetchItems::envelope},
                                        {"BODYSTRUCTURE", &FetchItems::body_structure},
                                        {"BODY", &FetchItems::body},
                                        {"MODSEQ", &FetchItems::modseq},
                                        {"SAVEDATE", &FetchItems::save_date},
                                        {"PREVIEW", &FetchItems::preview},
                                        {"EMAILID", &FetchItems::email_id},
                                        {"THREADID", &FetchItems::thread_id}}};

// Letters, digits and dots, in capitals: '[' ends a name here, though an atom might hold it.
std::string itemName(Parser& args)
{
    std::string name;
    for (char c = args.peek(); base::isDigit(c) || c == '.' || (base::asciiUpper(c) >= 'A' && base::asciiUpper(c) <= 'Z');
         c = args.peek()) {
        name += base::asciiUpper(c);
        args.tryChar(c);
        if (name.size() > 40)
            break;
    }
    if (name.empty())
        throw BadSyntax(args.atEnd() ? "Missing arguments" : "FETCH item expected");
    return name;
}

void fieldNames(Parser& args, BodySection& section)
{
    args.space();
    args.expect('(');
    do {
        std::string name = args.astring();
        if (section.fields.size() >= limits::kFetchFieldNames)
            throw BadSyntax("Too many header field names");
        section.fields.push_back(std::move(name));
    } while (args.trySpace() && args.peek() != ')');
    args.expect(')');
}

// Behind "[": section-spec and "]".
void sectionSpec(Parser& args, BodySection& section)
{
    using What = BodySection::What;
    while (base::isDigit(args.peek())) {
        if (section.part.size() >= static_cast<std::size_t>(limits::kMimeDepth))
            throw BadSyntax("Part number is too deep");
        section.part.push_back(args.nzNumber());
        if (!args.tryChar('.')) {
            args.expect(']');
            return;
        }
        if (args.peek() == ']')
            throw BadSyntax("Invalid section");
    }
    if (args.tryChar(']'))
        return;
    const std::string name = itemName(args);
    if (name == "HEADER") {
        section.what = What::header;
    } else if (name == "TEXT") {
        section.what = What::text;
    } else if (name == "MIME" && !section.part.empty()) {
        section.what = What::mime;
    } else if (name == "HEADER.FIELDS" || name == "HEADER.FIELDS.NOT") {
        section.what = name == "HEADER.FIELDS" ? What::headerFields : What::headerFieldsNot;
        fieldNames(args, section);
    } else {
        throw BadSyntax("Invalid section");
    }
    args.expect(']');
}

void partial(Parser& args, BodySection& section)
{
    if (!args.tryChar('<'))
        return;
    const std::uint64_t offset = args.number64();
    args.expect('.');
    const std::uint64_t length = args.number64();
    args.expect('>');
    if (length == 0)
        throw BadSyntax("0 is not allowed here");
    section.partial.emplace(offset, length);
}

std::string labelOf(const BodySection& section)
{
    static constexpr std::array<std::string_view, 6> kNames{"", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"};
    static constexpr std::array<std::string_view, 3> kForms{"BODY[", "BINARY[", "BINARY.SIZE["};
    std::string label(kForms[static_cast<std::size_t>(section.form)]);
    for (const std::uint32_t number : section.part) {
        if (label.back() != '[')
            label += '.';
        label += std::to_string(number);
    }
    const std::string_view name = kNames[static_cast<std::size_t>(section.what)];
    if (!name.empty() && !section.part.empty())
        label += '.';
    label += name;
    if (!section.fields.empty()) {
        char before = '(';
        label += ' ';
        for (const std::string& field : section.fields) {
            label += before;
            putAstring(label, field);
            before = ' ';
        }
        label += ')';
    }
    label += ']';
    if (section.partial)
        label.append("<").append(std::to_string(section.partial->first)).append(">");
    return label;
}

// The same thing asked for twice is answered once: a line of five hundred BODY[] costs no more than one.
void addSection(FetchItems& items, BodySection section)
{
    const auto same = std::find_if(items.sections.begin(), items.sections.end(), [&](const BodySection& other) {
        return other.label == section.label && other.partial == section.partial;
    });
    if (same != items.sections.end()) {
        same->peek = same->peek && section.peek;
        return;
    }
    if (items.sections.size() >= limits::kFetchSections)
        throw BadSyntax("Too many body sections");
    items.sections.push_back(std::move(section));
}

void bodySection(Parser& args, FetchItems& items, bool peek)
{
    BodySection section;
    section.peek = peek;
    sectionSpec(args, section);
    partial(args, section);
    section.label = labelOf(section);
    addSection(items, std::move(section));
}

// RFC 3516 3, section-binary: numbers alone.
void binary(Parser& args, FetchItems& items, const std::string& name)
{
    BodySection section;
    section.form = name == "BINARY.SIZE" ? BodySection::Form::decodedSize : BodySection::Form::decoded;
    section.peek = name != "BINARY";
    sectionSpec(args, section);
    if (section.what != BodySection::What::whole)
        throw BadSyntax("Part number expected");
    if (section.form == BodySection::Form::decoded)
        partial(args, section);
    section.label = labelOf(section);
    addSection(items, std::move(section));
}

void rfc822(FetchItems& items, const std::string& name, BodySection::What what)
{
    BodySection section;
    section.what = what;
    section.peek = what == BodySection::What::header; // RFC 3501 6.4.5: RFC822.HEADER does not set \Seen
    section.label = name;
    addSection(items, std::move(section));
}

// " (LAZY)" behind PREVIEW: rather none than a slow one (RFC 8970 4.1). Ours are made at delivery, so it changes nothing. Another
// word in the parentheses is no business of PREVIEW's: modifiers of the command may follow.
void skipLazy(Parser& args)
{
    Parser ahead = args;
    if (!ahead.trySpace() || !ahead.tryChar('(') || !ahead.tryWord("LAZY"))
        return;
    ahead.expect(')');
    args = ahead;
}

void item(Parser& args, FetchItems& items)
{
    const std::string name = itemName(args);
    const bool peek = name == "BODY.PEEK";
    if ((peek || name == "BODY") && args.tryChar('['))
        return bodySection(args, items, peek);
    if ((name == "BINARY" || name == "BINARY.PEEK" || name == "BINARY.SIZE") && args.tryChar('['))
        return binary(args, items, name);
    if (name == "RFC822")
        return rfc822(items, name, BodySection::What::whole);
    if (name == "RFC822.HEADER")
        return rfc822(items, name, BodySection::What::header);
    if (name == "RFC822.TEXT")
        return rfc822(items, name, BodySection::What::text);
    const auto known = std::find_if(kPlain.begin(), kPlain.end(), [&](const Plain& plain) { return plain.name == name; });
    if (known == kPlain.end())
        throw BadSyntax("Unknown FETCH item");
    items.*(known->wanted) = true;
    if (known->wanted == &FetchItems::preview)
        skipLazy(args);
}

bool macro(Parser& args, FetchItems& items)
{
    const bool full = args.tryWord("FULL");
    const bool all = full || args.tryWord("ALL");
    if (!all && !args.tryWord("FAST"))
        return false;
    items.flags = items.internal_date = items.size = true;
    items.envelope = all;
    items.body = full;
    return true;
}

bool isOfTopHeader(const BodySection& section)
{
    using What = BodySection::What;
    return section.part.empty()
        && (section.what == What::header || section.what == What::headerFields || section.what == What::headerFieldsNot);
}

} // namespace

bool FetchItems::setsSeen() const
{
    return std::any_of(sections.begin(), sections.end(), [](const BodySection& section) { return !section.peek; });
}

bool FetchItems::isRead() const { return envelope || body || body_structure || preview || !sections.empty(); }

bool FetchItems::needsSummary() const
{
    return envelope || body || body_structure || preview
        || std::any_of(sections.begin(), sections.end(), [](const BodySection& section) { return !section.isWholeMessage(); });
}

bool FetchItems::needsBytes() const { return !sections.empty(); }

bool FetchItems::needsBytes(const mail::Summary& summary) const
{
    return std::any_of(sections.begin(), sections.end(), [&](const BodySection& section) {
        if (section.form == BodySection::Form::decodedSize)
            return codingOf(section, summary) != Coding::none;
        return !summary.top_header || !isOfTopHeader(section);
    });
}

FetchModifiers parseFetchModifiers(Parser& args)
{
    FetchModifiers modifiers;
    args.expect('(');
    do {
        const std::string name = base::upper(args.atom());
        if (name == "CHANGEDSINCE" && !modifiers.changed_since) {
            args.space();
            modifiers.changed_since = args.number64();
        } else if (name == "PARTIAL" && !modifiers.partial) {
            args.space();
            modifiers.partial = parsePartialRange(args);
        } else if (name == "VANISHED" && !modifiers.vanished) {
            modifiers.vanished = true;
        } else {
            throw BadSyntax("Unknown FETCH modifier");
        }
    } while (args.trySpace());
    args.expect(')');
    return modifiers;
}

FetchItems merged(FetchItems one, const FetchItems& other)
{
    for (const Plain& item : kPlain)
        one.*item.wanted = one.*item.wanted || other.*item.wanted;
    for (const BodySection& section : other.sections) {
        const auto same = [&section](const BodySection& known) { return known.label == section.label && known.partial == section.partial; };
        if (std::none_of(one.sections.begin(), one.sections.end(), same))
            one.sections.push_back(section);
    }
    return one;
}

FetchItems parseFetchItems(Parser& args)
{
    FetchItems items;
    if (macro(args, items))
        return items;
    if (!args.tryChar('(')) {
        item(args, items);
        return items;
    }
    args.trySpace();
    do
        item(args, items);
    while (args.trySpace() && args.peek() != ')');
    args.expect(')');
    return items;
}

} // namespace postfach::imap
