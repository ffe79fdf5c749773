// The arguments that only some commands have, each by its own reader, chosen by the first word: NOTIFY, metadata, sources and results of
// searches, sort programs, pages, URLs, modified UTF-7; and the two ways of parts that hold any byte, BINARY out and literal8 in.
#include "server/base/text.h"
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/mailbox_filter.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/message_url.h"
#include "server/imap/syntax/metadata.h"
#include "server/imap/syntax/notify.h"
#include "server/imap/syntax/search_return.h"
#include "server/imap/syntax/sort.h"
#include "server/imap/syntax/thread.h"
#include "server/mail/binary.h"
#include "server/mail/summary.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace postfach;

namespace {

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

bool breaksLines(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; }

void notify(imap::Parser& args)
{
    const imap::NotifyWish wish = imap::parseNotify(args);
    args.end();
    require(wish.groups.size() < 1000, "a wish without bound");
    for (const imap::NotifyGroup& group : wish.groups)
        for (const char* name : {"INBOX", "Archive/2026", ""})
            group.filter.means(name, true, '/');
}

void metadata(imap::Parser& args)
{
    const imap::GetMetadata wanted = imap::parseGetMetadata(args);
    args.end();
    require(!wanted.entries.empty(), "nothing is asked for");
    for (const std::string& entry : wanted.entries)
        require(imap::isAsked(entry, entry, wanted.depth), "an entry is not what was asked for");
}

void values(imap::Parser& args)
{
    for (const auto& [entry, value] : imap::parseEntryValues(args))
        require(!entry.empty() && entry.front() == '/' && !breaksLines(entry), "an entry's name");
    args.end();
}

void sources(imap::Parser& args)
{
    for (const imap::MailboxFilter& filter : imap::parseSearchSources(args))
        filter.means("INBOX/below", false, '/');
}

void result(imap::Parser& args)
{
    const imap::SearchReturn wanted = imap::parseSearchReturn(args);
    for (const std::size_t count : {0UL, 1UL, 7UL, 1000UL}) {
        const auto places = imap::placesOf(wanted, count);
        require(std::is_sorted(places.begin(), places.end()) && std::adjacent_find(places.begin(), places.end()) == places.end()
                && (places.empty() || places.back() < count), "places of a result");
        imap::SearchResult found;
        for (const std::size_t place : places)
            found.numbers.push_back(static_cast<std::uint32_t>(place + 1));
        if (wanted.relevancy)
            found.relevancies.assign(found.numbers.size(), 50);
        if (!wanted.asksForResult() || !wanted.needsAll())
            continue;
        std::string out;
        imap::putSearchResult(out, wanted, found);
        require(!breaksLines(out), "a result breaks its line");
    }
}

void page(imap::Parser& args)
{
    const imap::PartialRange range = imap::parsePartialRange(args);
    require(range.first > 0 && range.first <= range.last, "a page's ends");
    for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100}, std::uint64_t{0xffffffff}}) {
        const auto slice = range.of(count);
        require(slice.first <= slice.last && slice.last <= count, "a page beyond its result");
    }
    const std::string said = range.text(); // outlives its parser
    imap::Parser again(said);
    const imap::PartialRange same = imap::parsePartialRange(again);
    require(same.from_end == range.from_end && same.first == range.first && same.last == range.last, "a page is not what it says");
}

void sorting(imap::Parser& args)
{
    const auto keys = imap::parseSortKeys(args);
    const mail::HeaderKeys header = mail::readHeaderKeys(args.trySpace() ? args.rest() : std::string());
    require(imap::sortBytes(keys, store::Message{}, header, 1).size() < 100'000, "a sort key without bound");
}

void url(std::string_view text)
{
    for (const char* selected : {"", "INBOX", "Archive/2026"})
        if (const auto found = imap::parseMessageUrl(text, selected))
            require(found->uid > 0 && base::isUtf8(found->mailbox), "a URL's message");
    require(!breaksLines(imap::urlForAnswer(text)), "a URL breaks an answer");
}

void utf7(std::string_view text)
{
    if (const auto utf8 = imap::fromModifiedUtf7(text))
        require(base::isUtf8(*utf8) && imap::toModifiedUtf7(*utf8) == text && utf8->find('\0') == std::string::npos, "two names on the wire");
    const auto isControl = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }; // of no name
    if (base::isUtf8(text) && std::none_of(text.begin(), text.end(), isControl)) {
        const auto back = imap::fromModifiedUtf7(imap::toModifiedUtf7(text));
        require(back && *back == text, "a name does not come back");
    }
}

// Of a message: a part that can be decoded is no longer than it was, and NUL goes whole or not at all.
void binary(std::string_view message)
{
    const mail::Summary summary = mail::summarize(message);
    imap::Parser args("(BINARY.SIZE[1] BINARY[2] BINARY[1.1] BINARY[2.1.1] BINARY[3] BINARY[])");
    for (const imap::BodySection& section : imap::parseFetchItems(args).sections) {
        if (imap::codingOf(section, summary) != imap::Coding::known)
            continue;
        const auto bytes = imap::findSectionBytes(section, summary, message);
        require(bytes && !bytes->made && bytes->offset + bytes->length <= message.size(), "a part beyond its message");
        const std::string_view part = message.substr(bytes->offset, bytes->length);
        require(imap::decoded(section, summary, part).size() <= part.size(), "a part grew");
    }
    if (const auto sendable = mail::encodeBinaryParts(message))
        require(sendable->find('\0') == std::string::npos, "NUL was left");
}

void read(std::string_view word, std::string_view text)
{
    imap::Parser args(text);
    if (word == "NOTIFY")
        notify(args);
    else if (word == "GET")
        metadata(args);
    else if (word == "SET")
        values(args);
    else if (word == "ENTRIES")
        imap::parseEntries(args);
    else if (word == "IN")
        sources(args);
    else if (word == "RETURN")
        result(args);
    else if (word == "PAGE")
        page(args);
    else if (word == "SORT")
        sorting(args);
    else if (word == "THREAD")
        imap::threadAlgorithm(args.atom());
    else if (word == "URL")
        url(text);
    else if (word == "UTF7")
        utf7(text);
    else
        binary(text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos)
        return 0;
    try {
        read(text.substr(0, blank), text.substr(blank + 1));
    } catch (const imap::BadSyntax& bad) { // its words go to the client as they stand
        const std::string_view words = bad.what();
        require(!words.empty() && words.size() < 200 && !breaksLines(words), "the words of a refusal");
    } catch (const imap::BadEvent&) {
    }
    return 0;
}
