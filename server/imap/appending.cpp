#include "server/imap/appending.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/imap/message_source.h"
#include "server/imap/work.h"
#include "server/mail/binary.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

namespace postfach::imap {

namespace limits = base::limits;

namespace {

constexpr std::uint64_t kPiece = 1024 * 1024; // of a message that is copied from the store

// What a URL names, found in the store.
struct Found {
    store::BodyId body;
    std::uint64_t begin = 0, length = 0;
    std::optional<std::string> made; // fields that were picked, in place of a range
};

std::optional<Found> findPart(store::Store& store, store::ReadTx& tx, store::AccountId account, const MessageUrl& url)
{
    const auto mailbox = tx.findMailbox(account, url.mailbox);
    if (!mailbox || (url.uid_validity && *url.uid_validity != mailbox->uid_validity))
        return std::nullopt;
    const store::Snapshot now = store.view(mailbox->id)->now();
    const auto index = now.find(store::Uid{url.uid});
    if (!index)
        return std::nullopt;
    Found found;
    found.body = now.at(*index).body;
    const std::uint64_t size = tx.bodySize(found.body);
    RemadeSummaries remade;
    const mail::Summary summary = readSummary(tx, found.body, remade, nullptr);
    const bool whole = url.section.what == BodySection::What::whole && url.section.part.empty();
    const bool from_summary = url.section.part.empty() && summary.top_header;
    const auto section = findSectionBytes(url.section, summary, url.section.picksFields() && !from_summary ? tx.body(found.body) : std::string());
    if (!section)
        return std::nullopt;
    found.made = section->made;
    const std::uint64_t all = found.made ? found.made->size() : size;
    const std::uint64_t begin = whole || found.made ? 0 : std::min(section->offset, all);
    const std::uint64_t length = whole || found.made ? all : std::min(section->length, all - begin);
    const auto [skip, count] = url.section.cut(length);
    found.begin = begin + skip;
    found.length = count;
    return found;
}

[[noreturn]] void refuse(const delivery::AppendResult& result)
{
    using enum delivery::Outcome;
    switch (result.outcome) {
    case infected: throw No("CANNOT", "message contains " + result.detail);
    case refused: throw No("CANNOT", "message refused by policy: " + result.detail);
    case overQuota: throw No("OVERQUOTA", "The account is full; delete something first");
    case noMailbox: throw No("TRYCREATE", "There is no such mailbox");
    case tooLarge: throw No("TOOBIG", "The message is too large");
    case limit: throw No("LIMIT", "That is more than an account may have");
    case noMessage: throw No("EXPUNGEISSUED", "What is to be replaced no longer exists");
    case stored:
    case quarantined:
    case unavailable: break;
    }
    throw No("UNAVAILABLE", "The message cannot be taken now; try again later");
}

} // namespace

Appending::Appending(Session& session, Request& request, std::string mailbox, std::uint64_t freed) :
    session_(session), request_(request), freed_(freed), spool_(session.context().delivery.newSpool())
{
    wanted_.owner = session.account();
    wanted_.mailbox = std::move(mailbox);
}

bool Appending::atEnd() const
{
    return !request_.message && request_.args.rest().find_first_not_of(' ') == std::string_view::npos;
}

// "(\Seen) "1-Mar-2026 09:30:00 +0000" ", each if it is there.
delivery::AppendItem Appending::parseOptions()
{
    Parser& args = request_.args;
    delivery::AppendItem item;
    item.internal_date = session_.context().clock.now();
    args.space();
    if (args.peek() == '(') {
        Parser::FlagNames flags = args.flagList();
        item.flags = flags.system;
        item.keywords = std::move(flags.keywords);
        args.space();
    }
    if (args.peek() == '"') {
        item.internal_date = args.dateTime();
        args.space();
    }
    return item;
}

net::Task<> Appending::take()
{
    delivery::AppendItem item = parseOptions();
    if (!room_)
        co_await lookUp();
    if (wanted_.items.size() >= limits::kAppendMessages)
        throw No("LIMIT", "That is more than one command may bring");
    begin_ = spool_.size();
    reserved_before_ += std::exchange(reserved_, 0);
    binary_ = false;
    Parser& args = request_.args;
    if (args.atEnd())
        co_await takeLiteral();
    else if (args.tryWord("CATENATE"))
        co_await takeParts();
    else if (args.tryWord("UTF8"))
        co_await takeUtf8();
    else
        throw BadSyntax("A message as a literal expected");
    if (reserved_ == 0) // RFC 3502 6.3.11: so a client gives up what it has begun
        throw No("", "A message without a byte is none");
    if (binary_ && kept_)
        co_await withoutNul();
    item.size = spool_.size() - begin_;
    wanted_.items.push_back(std::move(item));
}

// Once, before anything is asked for.
net::Task<> Appending::lookUp()
{
    const store::AccountId id = session_.account().id;
    const std::string& name = wanted_.mailbox;
    const std::uint64_t freed = freed_;
    auto look = [&name, id, freed](store::ReadTx& tx) {
        if (!tx.findMailbox(id, name))
            throw No("TRYCREATE", "There is no such mailbox");
        const auto account = tx.account(id);
        if (!account || account->quota == 0)
            return std::numeric_limits<std::uint64_t>::max();
        const std::uint64_t used = account->used - std::min(account->used, freed);
        return account->quota - std::min(account->quota, used);
    };
    const std::uint64_t room = co_await reading(session_.strand(), session_.store(), std::move(look));
    room_ = room;
}

// Bytes that are about to be asked for.
void Appending::reserve(std::uint64_t bytes)
{
    const std::uint64_t largest = session_.context().messageSize();
    if (bytes > largest || reserved_ + bytes > largest)
        throw No("TOOBIG", "The message is too large");
    const std::uint64_t all = reserved_before_ + reserved_ + bytes;
    if (all > std::max(largest, limits::kAppendInAll))
        throw No("TOOBIG", "That is more than one command may bring");
    if (all > room_.value_or(0))
        throw No("OVERQUOTA", "The account is full; delete something first");
    reserved_ += bytes;
}

net::Task<> Appending::takeLiteral()
{
    if (!request_.args.atEnd() || !request_.message)
        throw BadSyntax("A literal expected");
    const Literal literal = *request_.message;
    reserve(literal.size);
    binary_ = binary_ || literal.binary;
    if (literal.waits)
        session_.stream().write("+ Send the message\r\n");
    request_.message.reset();
    co_await receive(literal.size);
    co_await readOn(session_.stream(), request_);
}

// "UTF8 (~{n}...)", RFC 6855 4. RFC 9755 has dropped it; those who learned the older one say it.
net::Task<> Appending::takeUtf8()
{
    request_.args.space();
    request_.args.expect('(');
    if (!request_.message || !request_.message->binary)
        throw BadSyntax("A binary literal expected");
    if (!session_.enabled().utf8Strings())
        throw No("", "Say ENABLE UTF8=ACCEPT first");
    co_await takeLiteral();
    request_.args.expect(')');
}

// "CATENATE (TEXT {n}... URL "/Drafts/;UID=20")", RFC 4469 3.
net::Task<> Appending::takeParts()
{
    Parser& args = request_.args;
    args.space();
    args.expect('(');
    for (int parts = 0;; ++parts) {
        if (parts == limits::kCatenateParts)
            throw BadSyntax("Too many parts");
        if (args.tryWord("TEXT")) {
            args.space();
            co_await takeLiteral();
        } else if (args.tryWord("URL")) {
            args.space();
            std::string url = co_await takeUrl();
            co_await copyFrom(std::move(url));
        } else if (args.tryWord("UTF8")) {
            co_await takeUtf8();
        } else {
            throw BadSyntax("TEXT or URL expected");
        }
        if (args.tryChar(')'))
            co_return;
        args.space();
    }
}

net::Task<std::string> Appending::takeUrl()
{
    if (!request_.args.atEnd())
        co_return request_.args.astring();
    if (!request_.message || request_.message->size > limits::kMessageUrl)
        throw BadSyntax("A URL expected");
    const Literal literal = *request_.message;
    if (literal.waits)
        session_.stream().write("+ Go ahead\r\n");
    request_.message.reset();
    std::string url;
    while (url.size() < literal.size) {
        const std::string_view piece = co_await session_.stream().some(static_cast<std::size_t>(literal.size) - url.size());
        url += piece;
    }
    co_await readOn(session_.stream(), request_);
    co_return url;
}

net::Task<> Appending::copyFrom(std::string url)
{
    const std::string selected = session_.hasView() ? session_.view().mailbox().name : std::string();
    const auto parsed = parseMessageUrl(url, selected);
    if (!parsed)
        throw No("BADURL " + urlForAnswer(url), "Only messages of this account can be named");
    store::Store& store = session_.store();
    const store::AccountId account = session_.account().id;
    auto look = [&store, &parsed, account](store::ReadTx& tx) { return findPart(store, tx, account, *parsed); };
    const std::optional<Found> found = co_await reading(session_.strand(), store, std::move(look));
    if (!found)
        throw No("BADURL " + urlForAnswer(url), "There is no such message or part");
    reserve(found->length);
    if (found->made) {
        co_await keep(std::string_view(*found->made).substr(found->begin, found->length));
        co_return;
    }
    for (std::uint64_t at = 0; at < found->length;) {
        const std::uint64_t from = found->begin + at, most = std::min(kPiece, found->length - at);
        const store::BodyId body = found->body;
        auto read = [body, from, most](store::ReadTx& tx) { return tx.bodyRange(body, from, most); };
        const std::string piece = co_await reading(session_.strand(), store, std::move(read));
        if (piece.empty())
            throw store::Error(store::Error::Kind::damaged, "body ended early");
        at += piece.size();
        co_await keep(piece);
        session_.stillAlive();
    }
}

// The literal's bytes off the wire, into the spool.
net::Task<> Appending::receive(std::uint64_t size)
{
    std::string gathered;
    std::uint64_t left = size;
    while (left > 0) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, limits::kSpoolInMemory));
        const std::string_view piece = co_await session_.stream().some(most);
        left -= piece.size();
        gathered += piece;
        session_.stillAlive();
        if (left > 0 && gathered.size() < limits::kSpoolInMemory)
            continue;
        co_await keep(gathered);
        gathered.clear();
    }
}

// Disk is touched on a helper only. A spool that cannot be written is no reason to lose step with the client.
net::Task<> Appending::keep(std::string_view bytes)
{
    const bool to_disk = spool_.needsDisk(bytes.size());
    try {
        if (kept_ && to_disk) {
            auto write = [this, bytes] { spool_.append(bytes); };
            co_await session_.strand().offload(std::move(write));
        } else if (kept_) {
            spool_.append(bytes);
        }
    } catch (const std::system_error& error) {
        base::logError("imap", "spool", {{"account", session_.account().address}, {"reason", error.what()}});
        kept_ = false;
    }
}

// A message that came as binary and holds NUL is kept so that every client can read it: its binary parts in base64 (RFC 3516 4.4 and
// 6). One without NUL stays as it came.
net::Task<> Appending::withoutNul()
{
    const std::uint64_t begin = begin_;
    const std::uint64_t largest = session_.context().messageSize();
    bool possible = true, fits = true;
    auto encode = [this, begin, largest, &possible, &fits] {
        const std::string_view message = spool_.view().substr(begin);
        if (message.find('\0') == std::string_view::npos)
            return;
        const auto encoded = mail::encodeBinaryParts(message);
        possible = encoded.has_value();
        fits = possible && encoded->size() <= largest;
        if (!fits)
            return;
        spool_.cut(begin);
        spool_.append(*encoded);
    };
    try {
        co_await session_.strand().offload(std::move(encode));
    } catch (const std::system_error& error) {
        base::logError("imap", "spool", {{"account", session_.account().address}, {"reason", error.what()}});
        kept_ = false;
    }
    if (!possible)
        throw No("UNKNOWN-CTE", "NUL may stand in parts of binary encoding only");
    if (!fits)
        throw No("TOOBIG", "The message is too large");
}

net::Task<std::string> Appending::store(std::optional<delivery::Delivery::Replaced> replaces)
{
    if (!kept_)
        throw No("UNAVAILABLE", "The message cannot be taken now; try again later");
    wanted_.replaces = replaces;
    delivery::Delivery& door = session_.context().delivery;
    const delivery::AppendResult result = co_await door.append(session_.strand(), std::move(wanted_), spool_);
    if (result.outcome != delivery::Outcome::stored)
        refuse(result);
    std::vector<std::uint32_t> uids;
    for (const store::Uid uid : result.uids)
        uids.push_back(uid.value);
    co_return "APPENDUID " + std::to_string(result.uid_validity) + ' ' + formatSet(uids);
}

} // namespace postfach::imap
