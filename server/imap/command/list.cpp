#include "server/imap/listing.h"

#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/metadata.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/status.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"
#include "server/mail/decode.h"

#include <numeric>

// LIST and LSUB: RFC 9051 6.3.9, RFC 5258, RFC 5819 (STATUS), RFC 9590 (METADATA), RFC 6154 (SPECIAL-USE), RFC 3501 6.3.8 and 6.3.9.

namespace postfach::imap {
namespace {

constexpr std::size_t kPatterns = 100; // RFC 5258 sets no bound; clients send one or two
// Bytes of them together: each may cost its length for every byte of every name. Five thousand of the longest names take a second then.
constexpr std::size_t kPatternBytes = 8 * 1024;

struct Wanted {
    ListOptions options;
    std::vector<StatusItem> status;
    GetMetadata metadata;          // its entries
    bool extended = false;
    bool only_delimiter = false;   // LIST "" "": asks for the delimiter alone
};

// The words between parentheses, each through `word`.
template <class F>
void parseWords(Parser& args, F word)
{
    args.expect('(');
    args.trySpace();
    while (!args.tryChar(')')) {
        word(base::upper(args.atom()));
        if (!args.trySpace() && args.peek() != ')')
            throw BadSyntax("')' expected");
    }
}

void parseSelection(Parser& args, ListOptions& options)
{
    parseWords(args, [&](const std::string& word) {
        if (word == "SUBSCRIBED")
            options.only_subscribed = true;
        else if (word == "SPECIAL-USE")
            options.only_special_use = true;
        else if (word == "RECURSIVEMATCH")
            options.recursive_match = true;
        else if (word != "REMOTE")
            throw BadSyntax("Unknown LIST selection option");
    });
    if (options.recursive_match && !options.only_subscribed) // RFC 5258 3.5
        throw BadSyntax("RECURSIVEMATCH needs SUBSCRIBED");
}

void requireFewPatterns(const std::vector<std::string>& patterns)
{
    const std::size_t bytes = std::accumulate(
        patterns.begin(), patterns.end(), std::size_t{0}, [](std::size_t sum, const std::string& p) { return sum + p.size(); });
    if (bytes > kPatternBytes)
        throw No("LIMIT", "The patterns are too long, or too many");
}

void parseReturn(Parser& args, Wanted& wanted)
{
    if (!args.tryWord("RETURN"))
        throw BadSyntax("RETURN expected");
    args.space();
    parseWords(args, [&](const std::string& word) {
        if (word == "SUBSCRIBED") {
            wanted.options.tell_subscribed = true;
        } else if (word == "STATUS") {
            args.space();
            wanted.status = parseStatusItems(args);
        } else if (word == "METADATA") {
            args.space();
            wanted.metadata.entries = parseEntries(args);
        } else if (word != "CHILDREN" && word != "SPECIAL-USE") { // those are told to everybody
            throw BadSyntax("Unknown LIST return option");
        }
    });
}

// Reference and pattern are put together as RFC 9051 6.3.9 lets us: a pattern that begins with the delimiter stands alone.
std::string joined(const std::string& reference, const std::string& wire_pattern, char delimiter, const Enabled& enabled)
{
    // Wildcards are no letters of modified UTF-7's base64 ("%*" are not in it), so the pattern decodes as a name does.
    const auto pattern = patternFromWire(wire_pattern, enabled);
    if (!pattern)
        throw No("CANNOT", "That is not a mailbox pattern");
    if (!pattern->empty() && pattern->front() == delimiter)
        return mail::composed(pattern->substr(1));
    return mail::composed(reference + *pattern);
}

Wanted parseList(Parser& args, char delimiter, const Enabled& enabled)
{
    Wanted wanted;
    args.space();
    if (args.peek() == '(') {
        parseSelection(args, wanted.options);
        wanted.extended = true;
        args.space();
    }
    const std::string wire_reference = args.mailbox();
    const std::string reference = wire_reference.empty() ? "" : mailboxFromWire(wire_reference, enabled);
    args.space();
    if (args.tryChar('(')) {
        wanted.extended = true;
        do {
            if (wanted.options.patterns.size() == kPatterns)
                throw BadSyntax("Too many patterns");
            wanted.options.patterns.push_back(joined(reference, args.listMailbox(), delimiter, enabled));
        } while (args.trySpace());
        args.expect(')');
    } else {
        const std::string pattern = args.listMailbox();
        wanted.only_delimiter = pattern.empty() && !wanted.extended;
        wanted.options.patterns.push_back(joined(reference, pattern, delimiter, enabled));
    }
    if (args.trySpace() && !args.atEnd())
        parseReturn(args, wanted);
    args.end();
    requireFewPatterns(wanted.options.patterns);
    return wanted;
}

} // namespace

net::Task<Tagged> cmdList(Session& session, Request& request)
{
    store::Store& store = session.store();
    const char delimiter = store.delimiter();
    const Wanted wanted = parseList(request.args, delimiter, session.enabled());
    noteUse(session, wanted.status);
    if (wanted.only_delimiter) {
        std::string line = "LIST (\\Noselect) ";
        putString(line, std::string(1, delimiter));
        session.untagged(line + " \"\"");
        co_return Tagged::ok("LIST completed");
    }

    const store::AccountId account = session.account().id;
    std::uint64_t longest = 0; // nothing is too long without MAXSIZE
    auto look = [&](store::ReadTx& tx) {
        std::string out;
        const std::vector<store::Mailbox> mailboxes = tx.mailboxes(account);
        for (const Listed& one : listMailboxes(mailboxes, tx.subscriptions(account), wanted.options, delimiter)) {
            putListed(out, "LIST", one, delimiter, session.enabled());
            if (!wanted.status.empty() && one.mailbox != nullptr) // RFC 5819: none for what cannot be selected
                putStatus(out, store, session.enabled(), *one.mailbox, wanted.status);
            if (!wanted.metadata.entries.empty() && one.mailbox != nullptr)
                putMetadata(out, session, tx, one.mailbox, wanted.metadata, longest);
        }
        return out;
    };
    std::string out = co_await reading(session.strand(), store, std::move(look));
    co_await session.send(std::move(out));
    co_return Tagged::ok("LIST completed");
}

net::Task<Tagged> cmdLsub(Session& session, Request& request)
{
    Parser& args = request.args;
    store::Store& store = session.store();
    const char delimiter = store.delimiter();
    args.space();
    const std::string wire_reference = args.mailbox();
    const std::string reference = wire_reference.empty() ? "" : mailboxFromWire(wire_reference, session.enabled());
    args.space();
    const std::string pattern = joined(reference, args.listMailbox(), delimiter, session.enabled());
    args.end();

    const store::AccountId account = session.account().id;
    auto look = [&](store::ReadTx& tx) {
        std::string out;
        for (const Listed& one : listSubscribed(tx.subscriptions(account), pattern, delimiter))
            putListed(out, "LSUB", one, delimiter, session.enabled());
        return out;
    };
    std::string out = co_await reading(session.strand(), store, std::move(look));
    co_await session.send(std::move(out));
    co_return Tagged::ok("LSUB completed");
}

} // namespace postfach::imap
