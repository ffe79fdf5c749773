#include "server/imap/request.h"

#include "server/base/text.h"
#include "server/imap/errors.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace postfach::imap {
namespace {

// Is the literal behind `head` a message of APPEND or REPLACE, or part of one? Only the mailbox's name may be a literal before that.
bool announcesMessage(std::string_view head)
{
    try {
        Parser args(head);
        args.tag();
        args.space();
        std::string name = args.atom();
        if (base::iequals(name, "UID")) {
            args.space();
            name = args.atom();
        }
        const bool replaces = base::iequals(name, "REPLACE");
        if (!replaces && !base::iequals(name, "APPEND"))
            return false;
        args.space();
        if (replaces) { // whatever number it is: the command refuses it
            while (args.peek() != ' ' && args.peek() != '{' && !args.atEnd())
                args.tryChar(args.peek());
            args.space();
        }
        args.mailbox();
        return args.trySpace();
    } catch (const BadSyntax&) {
        return false;
    }
}

// The tag for an answer to a command that will not be read to its end.
void findTag(Request& request)
{
    try {
        request.tag = Parser(request.text).tag();
    } catch (const BadSyntax&) {
        request.tag.clear();
    }
}

} // namespace

std::optional<Literal> literalAtEnd(std::string_view line)
{
    if (line.size() < 3 || line.back() != '}')
        return std::nullopt;
    Literal literal;
    std::string_view inside = line.substr(0, line.size() - 1);
    if (inside.back() == '+') {
        literal.waits = false;
        inside.remove_suffix(1);
    }
    const std::size_t open = inside.rfind('{');
    if (open == std::string_view::npos)
        return std::nullopt;
    const std::string_view digits = inside.substr(open + 1);
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), base::isDigit))
        return std::nullopt;
    literal.size = base::parseU64(digits).value_or(std::numeric_limits<std::uint64_t>::max());
    literal.binary = open > 0 && line[open - 1] == '~';
    literal.begin = literal.binary ? open - 1 : open;
    return literal;
}

net::Task<> readRequest(net::Stream& stream, const Limits& limits, Request& request)
{
    const std::string_view first = co_await stream.line(limits.line);
    request.text = first;
    std::size_t line_begin = 0;
    for (;;) {
        const std::optional<Literal> literal = literalAtEnd(std::string_view(request.text).substr(line_begin));
        if (!literal)
            co_return;
        const std::size_t marker = line_begin + literal->begin;
        if (limits.messages && announcesMessage(std::string_view(request.text).substr(0, marker))) {
            request.message = literal;
            request.text.resize(marker);
            request.line_limit = limits.line;
            request.text_left = limits.command - std::min(limits.command, marker);
            co_return;
        }
        if (literal->size > limits.literal || request.text.size() + literal->size > limits.command) {
            if (!literal->waits)
                throw Bye("[TOOBIG] Literal is too large");
            findTag(request);
            throw Bad("TOOBIG", "Literal is too large");
        }
        if (literal->waits)
            stream.write("+ Go ahead\r\n");
        request.text += "\r\n";
        auto left = static_cast<std::size_t>(literal->size);
        while (left > 0) {
            const std::string_view piece = co_await stream.some(left);
            request.text += piece;
            left -= piece.size();
        }
        line_begin = request.text.size();
        const std::string_view line = co_await stream.line(std::min(limits.line, limits.command - std::min(limits.command, line_begin)));
        request.text += line;
    }
}

net::Task<> readOn(net::Stream& stream, Request& request)
{
    const std::string_view line = co_await stream.line(request.line_limit);
    if (line.size() > request.text_left)
        throw Bye("[TOOBIG] The command is too long");
    request.text_left -= line.size();
    request.text = line;
    request.message = literalAtEnd(line);
    if (request.message)
        request.text.resize(request.message->begin);
    request.args = Parser(request.text);
}

void parseName(Request& request)
{
    request.args = Parser(request.text);
    request.tag = request.args.tag();
    request.args.space();
    request.name = base::upper(request.args.atom());
    if (request.name == "UID") {
        request.args.space();
        request.by_uid = true;
        request.name += ' ' + base::upper(request.args.atom());
    }
}

} // namespace postfach::imap
