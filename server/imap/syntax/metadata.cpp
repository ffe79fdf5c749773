#include "server/imap/syntax/metadata.h"

#include "server/base/limits.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::imap {

namespace limits = base::limits;

namespace {

constexpr std::string_view kWrongName = "That is not the name of an entry";

// "/private/comment", at least `levels` deep.
std::string entryName(Parser& args, std::ptrdiff_t levels)
{
    std::string name = args.astring();
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return u >= 0x20 && u < 0x7f && c != '*' && c != '%';
    });
    const bool scoped = base::iequals(name, "/private") || base::iequals(name, "/shared") || base::istartsWith(name, "/private/")
        || base::istartsWith(name, "/shared/");
    if (!plain || !scoped || name.size() > limits::kAnnotationName || name.back() == '/' || name.find("//") != std::string::npos)
        throw BadSyntax(std::string(kWrongName));
    if (std::count(name.begin(), name.end(), '/') < levels)
        throw BadSyntax(std::string(kWrongName));
    return name;
}

bool isVendors(std::string_view name)
{
    return base::istartsWith(name, "/private/vendor/") || base::istartsWith(name, "/shared/vendor/")
        || base::iequals(name, "/private/vendor") || base::iequals(name, "/shared/vendor");
}

void addEntry(std::vector<std::string>& entries, std::string name)
{
    if (entries.size() >= limits::kAnnotationsPerMailbox)
        throw BadSyntax("Too many entries");
    entries.push_back(std::move(name));
}

// "(MAXSIZE 1024 DEPTH infinity)"
void parseOptions(Parser& args, GetMetadata& wanted)
{
    args.expect('(');
    do {
        const std::string word = base::upper(args.atom());
        args.space();
        if (word == "MAXSIZE") {
            wanted.max_size = args.number64();
        } else if (word == "DEPTH") {
            const std::string depth = base::upper(args.atom());
            if (depth != "0" && depth != "1" && depth != "INFINITY")
                throw BadSyntax("DEPTH is 0, 1 or infinity");
            wanted.depth = depth == "0" ? EntryDepth::none : depth == "1" ? EntryDepth::one : EntryDepth::all;
        } else {
            throw BadSyntax("Unknown GETMETADATA option");
        }
    } while (args.trySpace());
    args.expect(')');
}

// Entries are in parentheses too; their names begin with a slash, or in quotes or a literal.
bool optionsFollow(const Parser& args)
{
    Parser ahead = args;
    return ahead.tryChar('(') && ahead.peek() != '/' && ahead.peek() != '"' && ahead.peek() != '{';
}

} // namespace

std::vector<std::string> parseEntries(Parser& args)
{
    std::vector<std::string> entries;
    if (!args.tryChar('(')) {
        addEntry(entries, entryName(args, 1));
        return entries;
    }
    do
        addEntry(entries, entryName(args, 1));
    while (args.trySpace());
    args.expect(')');
    return entries;
}

GetMetadata parseGetMetadata(Parser& args)
{
    GetMetadata wanted;
    args.space();
    if (args.peek() == '(') {
        parseOptions(args, wanted);
        args.space();
    }
    wanted.mailbox = args.mailbox();
    args.space();
    if (optionsFollow(args)) {
        parseOptions(args, wanted);
        args.space();
    }
    wanted.entries = parseEntries(args);
    while (args.trySpace() && !args.atEnd()) // as the examples of RFC 5464 4.4.1 have it
        addEntry(wanted.entries, entryName(args, 1));
    args.end();
    return wanted;
}

std::vector<EntryValue> parseEntryValues(Parser& args)
{
    std::vector<EntryValue> values;
    args.expect('(');
    do {
        if (values.size() >= limits::kAnnotationsPerMailbox)
            throw BadSyntax("Too many entries");
        std::string name = entryName(args, 2);
        if (isVendors(name) && std::count(name.begin(), name.end(), '/') < 4)
            throw BadSyntax(std::string(kWrongName));
        args.space();
        values.emplace_back(std::move(name), args.nstring8());
    } while (args.trySpace());
    args.expect(')');
    return values;
}

bool isAsked(std::string_view name, std::string_view entry, EntryDepth depth)
{
    if (!base::istartsWith(name, entry))
        return false;
    const std::string_view below = name.substr(entry.size());
    if (below.empty())
        return true;
    return below.front() == '/' && depth != EntryDepth::none
        && (depth == EntryDepth::all || below.find('/', 1) == std::string_view::npos);
}

} // namespace postfach::imap
