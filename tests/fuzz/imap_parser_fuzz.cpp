// One IMAP command, read and, where it asks for something, answered. What it may say: nothing, or BadSyntax in words that can
// be sent. What must hold besides stands in require().
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/parser.h"
#include "server/imap/syntax/search.h"
#include "server/imap/syntax/writer.h"
#include "server/base/text.h"

#include <cstdlib>
#include <string>

using namespace postfach;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

const std::string& message()
{
    static const std::string kText = "Date: Sun, 1 Mar 2026 09:30:00 +0100\r\nFrom: a@example.org\r\nSubject: =?utf-8?Q?=C3=A9?=\r\n"
                                     "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
                                     "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--b--\r\n";
    return kText;
}

const mail::Summary& summary()
{
    static const mail::Summary kSummary = mail::summarize(message());
    return kSummary;
}

void set(imap::Parser& args)
{
    const imap::SequenceSet numbers = args.sequenceSet();
    for (const std::uint32_t largest : {0U, 1U, 9U, 0xffffffffU}) {
        std::uint32_t behind = 0;
        for (const auto& range : numbers.resolved(largest)) {
            require(range.first <= range.last && range.first > 0 && (behind == 0 || range.first > behind + 1));
            require(numbers.contains(range.first, largest) && numbers.contains(range.last, largest));
            behind = range.last;
        }
    }
}

void name(const std::string& wire)
{
    if (const auto utf8 = imap::fromModifiedUtf7(wire)) {
        require(base::isUtf8(*utf8) && imap::toModifiedUtf7(*utf8) == wire);
        require(imap::matchesPattern(*utf8, "*", '/'));
    }
    const std::string any = imap::toModifiedUtf7(wire);
    require(base::isAscii(any));
    imap::matchesPattern("Archive/2026/invoices", wire, '/');
    std::string written;
    imap::putAstring(written, wire);
    imap::Parser again(written);
    require(again.astring() == wire && again.atEnd());
}

void fetch(imap::Parser& args)
{
    set(args);
    args.space();
    const imap::FetchItems items = imap::parseFetchItems(args);
    args.end();
    std::string out;
    for (const imap::BodySection& section : items.sections) {
        imap::putSection(out, section, summary(), message());
        require(out.size() < 10'000'000);
    }
}

void search(imap::Parser& args)
{
    const imap::SearchKey key = imap::parseSearch(args);
    const store::Flags flags{store::Flags::kSeen, {}};
    const std::vector<std::string> names{"a"};
    imap::SearchSubject subject;
    subject.sequence_number = subject.largest_sequence_number = 1;
    subject.uid = subject.largest_uid = store::Uid{7};
    subject.flags = &flags;
    subject.keyword_names = &names;
    subject.summary = []() -> const mail::Summary& { return summary(); };
    subject.bytes = []() -> std::string_view { return message(); };
    const imap::Match cheap = imap::evaluate(key, subject, false, false), all = imap::evaluate(key, subject, true, true);
    require(all != imap::Match::unknown && (cheap == imap::Match::unknown || cheap == all));
    require(cheap != imap::Match::unknown || key.needsSummary());
}

void command(std::string_view text)
{
    imap::Parser args(text);
    args.tag();
    args.space();
    const std::string word = base::upper(args.atom());
    args.space();
    if (word == "FETCH") {
        fetch(args);
    } else if (word == "SEARCH") {
        search(args);
    } else if (word == "STORE") {
        set(args);
        args.space();
        args.atom();
        args.space();
        args.flagsOfStore();
        args.end();
    } else if (word == "LIST") {
        name(args.mailbox());
        args.space();
        name(args.listMailbox());
        args.end();
    } else if (word == "APPEND") {
        name(args.mailbox());
        args.space();
        args.flagList();
        args.space();
        std::string date;
        imap::putInternalDate(date, args.dateTime());
    } else {
        for (bool more = true; more; more = args.trySpace())
            name(args.nstring().value_or("NIL"));
        args.end();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        command(text);
    } catch (const imap::BadSyntax& bad) { // its words go to the client as they stand
        const std::string_view words = bad.what();
        require(!words.empty() && words.size() < 200 && words.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    } catch (const imap::BadCharset&) {
    }
    return 0;
}
