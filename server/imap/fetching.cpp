#include "server/imap/fetching.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/delivery/spool.h"
#include "server/imap/message_source.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

// In batches: what stands in memory (flags, dates, sizes) a thousand messages at a time; what must be read, as much as fits
// kBatchBytes, on a helper. Large bodies are never held whole: the literal is announced and its bytes follow in pieces, as
// fast as the client takes them.

namespace postfach::imap {
namespace {

constexpr std::size_t kBatchInMemory = 1'000, kBatchToRead = 128;
constexpr std::uint64_t kBatchBytes = 64 * 1024; // also the largest body that is held whole while its reader is slow
constexpr std::uint64_t kDeepBatchBytes = 128 * 1024; // of whole messages, while Deep is granted: a helper's trip for two dozen of them
constexpr std::size_t kPiece = 32 * 1024;
constexpr std::uint32_t kUsualSummary = 512;

base::Counter g_decoded{"postfach_imap_parts_decoded_total", "Large parts decoded for BINARY"};

struct Row {
    std::uint32_t number;
    store::Message message;
    store::Flags flags;
    RowFacts facts; // when they are asked for
};

// Two deep batches, one here and one on its way, for as many sessions as there is room for in all; the others get along with shallow
// ones.
class Deep {
public:
    Deep() : granted_(in_all_.fetch_add(kRoom) + kRoom <= base::limits::kImapReadAheadInAll)
    {
        if (!granted_)
            in_all_ -= kRoom;
    }
    ~Deep()
    {
        if (granted_)
            in_all_ -= kRoom;
    }
    Deep(const Deep&) = delete;
    Deep& operator=(const Deep&) = delete;
    bool granted() const { return granted_; }

private:
    static constexpr std::size_t kRoom = 2 * kDeepBatchBytes;
    static inline std::atomic<std::size_t> in_all_{0};
    const bool granted_;
};

class Fetch {
public:
    Fetch(Session& session, FetchItems items, bool tell_flags, std::vector<IndexRange> ranges)
        : session_(session), view_(session.view()), items_(std::move(items)), tell_flags_(tell_flags),
          tell_modseq_(items_.modseq || (tell_flags && session.enabled().condstore)), ranges_(std::move(ranges))
    {
    }

    net::Task<> run();
    const Fetched& fetched() const { return fetched_; }

private:
    std::vector<Row> nextBatch();
    net::Task<std::vector<Content>> contents();
    bool isReadAhead() const;
    void lookUpFlags();
    net::Task<> markSeen();
    net::Task<> lookUpFacts();
    net::Task<> answerFromMemory();
    net::Task<> answerWithContent();
    net::Task<> answer(const Row& row, const Content& content);
    net::Task<> sendSection(const BodySection& section, const Row& row, const Content& content, std::string& out);
    net::Task<> sendDecoded(
        const BodySection& section, const Row& row, const mail::Summary& summary, const SectionBytes& found, std::string& out);
    net::Task<> sendPicked(const BodySection& section, const Row& row, const mail::Summary& summary, std::string& out);
    struct Range { // of the message's bytes
        std::uint64_t begin, length;
    };
    net::Task<> sendRange(
        const BodySection& section, const Row& row, std::optional<std::string_view> held, Range range, std::string& out);
    net::Task<> sendBytes(store::BodyId body, std::optional<std::string_view> held, std::uint64_t begin, std::uint64_t count);
    void putKept(std::string& out, const Row& row) const;
    net::Task<bool> answerFromCache();
    store::BodyCache<StructureText>& structures() const
    {
        StructureCaches& caches = *session_.context().structures;
        return session_.enabled().utf8Strings() ? caches.utf8 : caches.plain;
    }
    std::shared_ptr<const StructureText> structureOf(const Row& row, const mail::Summary& summary);
    void putStructure(std::string& out, const StructureText& text) const;
    Wish wishFor(const Row& row) const;

    Session& session_;
    View& view_;
    const FetchItems items_;
    const bool tell_flags_, tell_modseq_;
    const std::vector<IndexRange> ranges_;
    std::optional<Deep> deep_;                // of whole messages
    std::size_t range_ = 0;                   // where the next batch begins
    std::uint32_t index_ = 0;
    std::vector<Row> batch_, next_;
    ReadingAhead ahead_;                      // of next_
    bool begun_ = false;                           // bytes of a row have left that is not finished
    std::optional<std::vector<Content>> recalled_; // of next_, where all of it is in memory
    Fetched fetched_;
};

std::vector<Row> Fetch::nextBatch()
{
    std::vector<Row> batch;
    const bool reads = items_.isRead();
    const std::size_t most = reads ? kBatchToRead : kBatchInMemory;
    const bool one = items_.sections.empty() || items_.needsSummary(); // else two are held
    if (!one && !deep_)
        deep_.emplace();
    const std::uint64_t room = one ? kBatchBytes : deep_->granted() ? kDeepBatchBytes : kBatchBytes / 2;
    std::uint64_t bytes = 0;
    while (range_ < ranges_.size() && batch.size() < most && bytes < room) {
        const IndexRange& range = ranges_[range_];
        index_ = std::max(index_, range.first);
        view_.numbered().each(index_, range.last, [&](std::uint32_t index, const store::Message& message) {
            batch.push_back({index + 1, message, {}, {}});
            index_ = index + 1;
            // A large message is sent by ranges and holds no memory.
            if (items_.sections.empty())
                bytes += std::min(message.size, kUsualSummary);
            else if (reads && message.size <= kBatchBytes)
                bytes += message.size;
            return batch.size() < most && bytes < room;
        });
        if (index_ >= range.last)
            ++range_;
    }
    return batch;
}

// The newest flags and MODSEQs; of what is expunged already, the last.
void Fetch::lookUpFlags()
{
    const store::Snapshot newest = view_.newest();
    const store::Snapshot& numbered = view_.numbered();
    const bool same = newest.root() == numbered.root();
    const bool many = session_.keywords().size() > store::Flags::kKeywordBits;
    for (Row& row : batch_) {
        const auto now = same ? std::optional<std::uint32_t>(row.number - 1) : newest.find(row.message.uid);
        if (!now || many)
            row.flags = now ? newest.flags(*now) : numbered.flags(row.number - 1);
        else
            row.flags.bits = same ? row.message.bits : newest.at(*now).bits;
        if (now && !same)
            row.message.modseq = newest.at(*now).modseq;
    }
    if (tell_flags_ && !view_.isTold(newest))
        for (const Row& row : batch_)
            if (tell_modseq_ || view_.believed(row.message.uid) != row.flags)
                view_.told(row.message.uid, row.flags, row.message.modseq);
}

// BODY[] without PEEK: one write a batch, and the client hears of it in the same answer.
net::Task<> Fetch::markSeen()
{
    std::vector<store::Uid> unseen;
    const store::Snapshot newest = view_.newest();
    for (const Row& row : batch_) {
        const auto now = newest.find(row.message.uid);
        if (now && (newest.at(*now).bits & store::Flags::kSeen) == 0)
            unseen.push_back(row.message.uid);
    }
    if (unseen.empty())
        co_return;
    const store::MailboxId id = view_.id();
    auto work = [&unseen, id](store::WriteTx& tx) {
        store::Flags seen;
        seen.bits = store::Flags::kSeen;
        tx.changeFlags(id, unseen, store::FlagChange::add, seen);
    };
    // A store that cannot write now must not keep mail from being read.
    try {
        co_await commit(session_.strand(), session_.store(), std::move(work));
    } catch (const store::Error& trouble) {
        base::logWarning("imap", "not marked as read", {{"reason", trouble.what()}});
    }
}

// Rows of messages that are gone leave the batch.
net::Task<> Fetch::lookUpFacts()
{
    std::vector<store::Message> messages;
    for (const Row& row : batch_)
        messages.push_back(row.message);
    const std::vector<std::optional<RowFacts>> found = co_await readRowFacts(session_, std::move(messages));
    std::vector<Row> there;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (!found[i]) {
            fetched_.missed = true;
            continue;
        }
        there.push_back(std::move(batch_[i]));
        there.back().facts = *found[i];
    }
    batch_ = std::move(there);
}

net::Task<> Fetch::run()
{
    const bool marks = items_.setsSeen() && !view_.readOnly();
    for (batch_ = nextBatch(); !batch_.empty(); batch_ = std::move(next_)) {
        next_ = nextBatch();
        if (marks)
            co_await markSeen();
        if (tell_flags_ || tell_modseq_)
            lookUpFlags();
        const bool all_known = std::all_of(batch_.begin(), batch_.end(), [&](const Row& row) { return session_.knowsKeywords(row.flags); });
        if (!all_known)
            co_await session_.loadKeywords();
        if (items_.needsRows())
            co_await lookUpFacts();
        if (items_.isRead())
            co_await answerWithContent();
        else
            co_await answerFromMemory();
        session_.stillAlive();
    }
}

void Fetch::putKept(std::string& out, const Row& row) const
{
    session_.putFetchBegin(out, row.number, row.message.uid);
    if (items_.uid && !session_.enabled().uidonly)
        out.append("UID ").append(std::to_string(row.message.uid.value)).append(" ");
    if (tell_flags_) {
        session_.putFetchFlags(out, row.message.uid, row.flags);
        out += ' ';
    }
    if (tell_modseq_)
        out.append("MODSEQ (").append(std::to_string(row.message.modseq)).append(") ");
    if (items_.internal_date) {
        out += "INTERNALDATE ";
        putInternalDate(out, row.message.internal_date);
        out += ' ';
    }
    if (items_.size)
        out.append("RFC822.SIZE ").append(std::to_string(row.message.size)).append(" ");
    if (items_.save_date) {
        out += "SAVEDATE ";
        putInternalDate(out, row.facts.saved);
        out += ' ';
    }
    if (items_.email_id)
        out.append("EMAILID (").append(row.facts.email_id).append(") ");
    if (items_.thread_id) // RFC 8474 5.2: what a server without threads says
        out += "THREADID NIL ";
}

bool handsOutContent(const BodySection& section)
{
    return (section.what == BodySection::What::whole || section.what == BodySection::What::text) && section.form != BodySection::Form::decodedSize;
}

// Every item ends with a space; the last one gives way to the parenthesis.
void closeRow(std::string& out)
{
    if (out.back() == ' ')
        out.pop_back();
    out += ")\r\n";
}

net::Task<> Fetch::answerFromMemory()
{
    std::string out;
    for (const Row& row : batch_) {
        putKept(out, row);
        closeRow(out);
        if (out.size() >= kPiece) {
            session_.stream().write(out);
            out.clear();
            co_await session_.stream().drain();
        }
    }
    session_.stream().write(out);
    co_await session_.stream().drain();
}

Wish Fetch::wishFor(const Row& row) const
{
    Wish wish(row.message.body);
    wish.summary = items_.needsSummary();
    if (row.message.size > kBatchBytes) // a large one is sent by ranges
        return wish;
    wish.bytes = !wish.summary;
    wish.bytes_if = [items = &items_](const mail::Summary& summary) { return items->needsBytes(summary); };
    return wish;
}

// The next batch is read while this one is sent, where that needs nothing but the bodies, and they are small.
bool Fetch::isReadAhead() const
{
    return !items_.needsSummary() && !items_.needsRows() && !next_.empty()
        && std::all_of(next_.begin(), next_.end(), [](const Row& row) { return row.message.size <= kBatchBytes; });
}

net::Task<std::vector<Content>> Fetch::contents()
{
    std::vector<Content> contents;
    if (recalled_) {
        contents = *std::exchange(recalled_, std::nullopt);
    } else if (ahead_.isUnderWay()) {
        contents = co_await ahead_.take(session_);
    } else {
        std::vector<Wish> wishes;
        for (const Row& row : batch_)
            wishes.push_back(wishFor(row));
        contents = co_await readContents(session_, std::move(wishes));
    }
    if (isReadAhead()) {
        std::vector<store::BodyId> bodies;
        for (const Row& row : next_)
            bodies.push_back(row.message.body);
        recalled_ = recallContents(session_, bodies);
        if (!recalled_)
            ahead_.start(session_, std::move(bodies));
    }
    co_return contents;
}

net::Task<> Fetch::answerWithContent()
{
    if (items_.isStructureAlone()) {
        const bool answered = co_await answerFromCache();
        if (answered)
            co_return;
    }
    const std::vector<Content> contents = co_await this->contents();
    for (std::size_t i = 0; i < batch_.size(); ++i) {
        fetched_.damaged = fetched_.damaged || contents[i].state == Content::State::damaged;
        fetched_.missed = fetched_.missed || contents[i].state == Content::State::gone;
        if (contents[i].state == Content::State::there)
            co_await answer(batch_[i], contents[i]);
    }
}

std::shared_ptr<const StructureText> Fetch::structureOf(const Row& row, const mail::Summary& summary)
{
    auto text = std::make_shared<StructureText>();
    putEnvelope(text->envelope, summary.envelope());
    putBodyStructure(text->body_structure, summary, true, session_.enabled().utf8Strings());
    structures().keep(row.message.body, text, text->envelope.size() + text->body_structure.size());
    return text;
}

// All of the batch, or nothing of it: then all of it is read at once.
net::Task<bool> Fetch::answerFromCache()
{
    std::vector<std::shared_ptr<const StructureText>> known;
    for (const Row& row : batch_) {
        known.push_back(structures().find(row.message.body));
        if (!known.back())
            co_return false;
    }
    std::string out;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
        putKept(out, batch_[i]);
        putStructure(out, *known[i]);
        closeRow(out);
    }
    co_await session_.send(std::move(out));
    co_return true;
}

void Fetch::putStructure(std::string& out, const StructureText& text) const
{
    if (items_.envelope)
        out.append("ENVELOPE ").append(text.envelope).append(" ");
    if (items_.body_structure)
        out.append("BODYSTRUCTURE ").append(text.body_structure).append(" ");
}

net::Task<> Fetch::answer(const Row& row, const Content& content)
{
    if (std::any_of(items_.sections.begin(), items_.sections.end(), handsOutContent) && !session_.mayHandOut(row.message)) {
        fetched_.missed = true;
        co_return;
    }
    std::string out;
    putKept(out, row);
    if (items_.envelope || items_.body_structure)
        putStructure(out, *structureOf(row, *content.summary));
    if (items_.body) {
        out += "BODY ";
        putBodyStructure(out, *content.summary, false, session_.enabled().utf8Strings());
        out += ' ';
    }
    if (items_.preview) {
        out += "PREVIEW ";
        if (session_.enabled().utf8Strings())
            putUtf8String(out, content.summary->preview);
        else
            putString(out, content.summary->preview);
        out += ' ';
    }
    begun_ = false;
    try {
        for (const BodySection& section : items_.sections)
            co_await sendSection(section, row, content, out);
    } catch (const net::PeerGone&) {
        throw;
    } catch (const std::exception& trouble) {
        if (begun_) { // the client counts on all that was announced, and would take any word of ours, a farewell too, for a part of it
            base::logWarning("imap", "message cut off", {{"reason", trouble.what()}});
            throw net::PeerGone("a row could not be finished");
        }
        const auto state = stateAfter(trouble, row.message.body);
        if (!state)
            throw;
        fetched_.damaged = fetched_.damaged || *state == Content::State::damaged;
        fetched_.missed = fetched_.missed || *state == Content::State::gone;
        co_return;
    }
    closeRow(out);
    co_await session_.send(std::move(out));
}

// Small ones into `out`; of large ones the announcement and the bytes, behind what `out` held.
net::Task<> Fetch::sendSection(const BodySection& section, const Row& row, const Content& content, std::string& out)
{
    const std::string_view message = content.bytes ? std::string_view(*content.bytes) : std::string_view();
    if (section.isWholeMessage()) {
        const std::optional<std::string_view> held = content.bytes ? std::optional(message) : std::nullopt;
        const Range whole{0, held ? held->size() : row.message.size};
        co_return co_await sendRange(section, row, held, whole, out);
    }
    if (section.picksFields() && !content.bytes && !(section.part.empty() && content.summary->top_header))
        co_return co_await sendPicked(section, row, *content.summary, out);
    using Form = BodySection::Form;
    const Coding coding = section.form == Form::encoded ? Coding::none : codingOf(section, *content.summary);
    if (coding == Coding::unknown) {
        fetched_.undecodable = true;
        co_return;
    }
    auto found = findSectionBytes(section, *content.summary, message);
    if (found && coding == Coding::known && !content.bytes)
        co_return co_await sendDecoded(section, row, *content.summary, *found, out);
    const bool fits = content.bytes && (coding == Coding::known || message.size() <= kPiece);
    if (!found || found->made || section.form == Form::decodedSize || fits) {
        putSection(out, section, *content.summary, message);
        if (out.size() >= kPiece) { // there may be hundreds of them
            std::string ready;
            ready.swap(out);
            begun_ = true;
            co_await session_.send(std::move(ready));
        }
        out += ' ';
        co_return;
    }

    const std::uint64_t size = content.bytes ? message.size() : row.message.size;
    Range range{std::min(found->offset, size), size};
    if (section.what != BodySection::What::whole || !section.part.empty())
        range.length = std::min(found->length, size - range.begin);
    std::optional<std::string_view> held;
    if (content.bytes)
        held = message.substr(range.begin, range.length);
    co_await sendRange(section, row, held, range, out);
}

// What `partial` leaves of a range of the message, with its announcement; `held` are the bytes of the range.
net::Task<> Fetch::sendRange(
    const BodySection& section, const Row& row, std::optional<std::string_view> held, Range range, std::string& out)
{
    const auto [skip, count] = section.cut(range.length);
    if (count == 0) {
        out += section.label + " \"\" ";
        co_return;
    }

    // What is in it nobody has looked at: BINARY's literal8 may hold anything (RFC 3516 4.2).
    out.append(section.label).append(section.form == BodySection::Form::decoded ? " ~{" : " {");
    out.append(std::to_string(count)).append("}\r\n");
    session_.stream().write(out);
    out.clear();
    begun_ = true;
    if (held)
        held = held->substr(skip, count);
    co_await sendBytes(row.message.body, held, range.begin + skip, count);
    out += ' ';
}

// A large part, read and decoded on a helper into a spool: who takes it slowly holds no memory of ours. Who takes a piece of it will
// come for the next.
net::Task<> Fetch::sendDecoded(
    const BodySection& section, const Row& row, const mail::Summary& summary, const SectionBytes& found, std::string& out)
{
    std::unique_ptr<DecodedPart> part = session_.takeDecoded(row.message.body, found.offset);
    std::uint64_t length = part ? part->spool.size() : 0;
    if (!part) {
        part = std::make_unique<DecodedPart>(row.message.body, found.offset, session_.context().delivery.newSpool());
        auto decode = [&](store::ReadTx& tx) {
            const std::string plain = decoded(section, summary, tx.bodyRange(row.message.body, found.offset, found.length));
            if (section.form == BodySection::Form::decoded)
                part->spool.append(plain);
            return static_cast<std::uint64_t>(plain.size());
        };
        length = co_await reading(session_.strand(), session_.store(), std::move(decode));
        g_decoded.add();
        session_.stillAlive();
    }
    out += section.label + ' ';
    if (section.form == BodySection::Form::decodedSize) {
        out += std::to_string(length) + ' ';
        if (length == part->spool.size())
            session_.keepDecoded(std::move(part));
        co_return;
    }
    const auto [skip, count] = section.cut(length);
    out += "~{" + std::to_string(count) + "}\r\n";
    std::string head;
    head.swap(out);
    begun_ = true;
    co_await session_.send(std::move(head));
    co_await sendBytes(row.message.body, part->spool.view().substr(skip, count), skip, count);
    out += ' ';
    if (section.partial)
        session_.keepDecoded(std::move(part));
}

// Fields of a large message, out of a header that its summary does not hold: picked on a helper into a spool, for the same reason. Of
// the message only that header is read.
net::Task<> Fetch::sendPicked(const BodySection& section, const Row& row, const mail::Summary& summary, std::string& out)
{
    BodySection whole;
    whole.part = section.part;
    whole.what = BodySection::What::header;
    const auto header = findSectionBytes(whole, summary, {});
    if (!header) {
        out += section.label + " NIL ";
        co_return;
    }
    delivery::Spool picked = session_.context().delivery.newSpool();
    auto pick = [&](store::ReadTx& tx) {
        const std::string bytes = tx.bodyRange(row.message.body, header->offset, header->length);
        pickFields(section, bytes, [&picked](std::string_view piece) { picked.append(piece); });
    };
    co_await reading(session_.strand(), session_.store(), std::move(pick));
    session_.stillAlive();
    const Range all{0, picked.size()};
    co_await sendRange(section, row, picked.view(), all, out);
}

// `count` bytes of a body from `begin`: out of memory where they are, else read in pieces.
net::Task<> Fetch::sendBytes(store::BodyId body, std::optional<std::string_view> held, std::uint64_t begin, std::uint64_t count)
{
    for (std::uint64_t at = 0; at < count;) {
        const std::uint64_t from = begin + at;
        const std::uint64_t most = std::min<std::uint64_t>(kBatchBytes, count - at);
        if (held) {
            session_.stream().write(held->substr(at, most));
            at += most;
        } else {
            auto read = [body, from, most](store::ReadTx& tx) { return tx.bodyRange(body, from, most); };
            std::string piece = co_await reading(session_.strand(), session_.store(), std::move(read));
            if (piece.empty())
                throw net::PeerGone("body ended early");
            at += piece.size();
            session_.stream().hand(std::move(piece));
        }
        co_await session_.stream().drain();
        session_.stillAlive();
    }
}

} // namespace

net::Task<Fetched> fetchMessages(Session& session, FetchItems items, bool tell_flags, std::vector<IndexRange> ranges)
{
    Fetch fetch(session, std::move(items), tell_flags, std::move(ranges));
    co_await fetch.run();
    co_return fetch.fetched();
}

net::Task<> fetchNew(Session& session, FetchItems items, std::vector<IndexRange> ranges)
{
    const bool tell_flags = items.flags;
    for (BodySection& section : items.sections)
        section.peek = true;
    co_await fetchMessages(session, std::move(items), tell_flags, std::move(ranges));
}

} // namespace postfach::imap
