#include "server/imap/search_run.h"

#include "server/imap/object_id.h"
#include "server/imap/work.h"

#include <algorithm>
#include <numeric>

namespace postfach::imap {
namespace {

using Kind = SearchKey::Kind;

// What is read before the session is looked after: some hundredths of a second of the helpers.
constexpr std::size_t kBatch = 1'000;
constexpr std::uint64_t kBatchBytes = 8 << 20;
constexpr std::size_t kAtATime = 16;

bool isSaveDate(const SearchKey& key)
{
    return key.kind == Kind::savedBefore || key.kind == Kind::savedOn || key.kind == Kind::savedSince;
}

// "$" stands for UIDs from here on: what a search saves while it runs must not change what it looks for.
void putSaved(SearchKey& key, const View* view) // as deep as parseSearch() lets it be
{
    if (key.set.isSaved()) {
        key.kind = Kind::uid;
        key.set = SequenceSet();
        if (view != nullptr)
            for (const auto& [first, last] : view->saved())
                key.set.add(first.value, last.value);
    }
    for (SearchKey& child : key.children)
        putSaved(child, view);
}

} // namespace

MessageSearch::MessageSearch(Session& session, SearchKey key, SearchScope scope) :
    session_(session), key_(std::move(key)), scope_(std::move(scope)), same_(scope_.newest.root() == scope_.numbered.root()),
    uses_modseq_(key_.has([](const SearchKey& k) { return k.kind == Kind::modseq; })), uses_saved_(key_.has(isSaveDate)),
    now_(session.context().clock.now())
{
    putSaved(key_, scope_.view);
    const std::uint32_t count = scope_.numbered.count();
    largest_uid_ = count == 0 ? store::Uid{} : scope_.numbered.uidAt(count - 1);
}

store::ModSeq MessageSearch::modseqAt(std::uint32_t index) const
{
    const store::Message message = scope_.numbered.at(index);
    const auto now = same_ ? std::nullopt : scope_.newest.find(message.uid);
    return now ? scope_.newest.at(*now).modseq : message.modseq;
}

// Flags and modseq as they are now; of what is expunged already, the last.
void MessageSearch::lookUp(Candidate& candidate) const
{
    const bool many = keywords_.size() > store::Flags::kKeywordBits;
    const auto now = same_ ? std::optional<std::uint32_t>(candidate.index) : scope_.newest.find(candidate.message.uid);
    if (now && !same_) {
        const store::Message message = scope_.newest.at(*now);
        candidate.message.modseq = message.modseq;
        candidate.message.bits = message.bits;
    }
    candidate.flags.bits = candidate.message.bits;
    if (many || !now)
        candidate.flags = now ? scope_.newest.flags(*now) : scope_.numbered.flags(candidate.index);
    if (uses_saved_) {
        const auto at = std::lower_bound(saved_.begin(), saved_.end(), candidate.message.uid,
            [](const auto& pair, store::Uid uid) { return pair.first < uid; });
        if (at != saved_.end() && at->first == candidate.message.uid)
            candidate.saved = at->second;
    }
}

SearchSubject MessageSearch::subject(const Candidate& candidate) const
{
    SearchSubject subject;
    subject.sequence_number = candidate.index + 1;
    subject.largest_sequence_number = scope_.numbered.count();
    subject.uid = candidate.message.uid;
    subject.largest_uid = largest_uid_;
    subject.flags = &candidate.flags;
    subject.recent = scope_.view != nullptr && scope_.view->isRecent(candidate.message.uid);
    subject.size = candidate.message.size;
    subject.internal_date = candidate.message.internal_date;
    subject.modseq = candidate.message.modseq;
    subject.now = now_;
    subject.saved = candidate.saved;
    subject.keyword_names = &keywords_;
    return subject;
}

void MessageSearch::put(const Candidate& candidate)
{
    in_order_ = in_order_ && (found_.empty() || found_.back() < candidate.index);
    found_.push_back(candidate.index);
    relevancies_.push_back(candidate.relevancy);
}

void MessageSearch::look(std::uint32_t index, const store::Message& message)
{
    Candidate candidate;
    candidate.index = index;
    candidate.message = message;
    lookUp(candidate);
    SearchSubject known = subject(candidate);
    HeaderCache& cache = *session_.context().headers;
    known.keys = [&candidate, &cache](bool) {
        candidate.keys = cache.find(candidate.message.body);
        return candidate.keys.get();
    };
    const Match match = evaluate(key_, known, false, false, &candidate.relevancy);
    if (match == Match::yes)
        put(candidate);
    else if (match == Match::unknown)
        open_.push_back(std::move(candidate));
}

// On a helper; the session waits for it.
bool MessageSearch::readAndMatch(store::ReadTx& tx, Candidate& candidate, RemadeSummaries& remade) const
{
    const store::BodyId body = candidate.message.body;
    std::optional<mail::Summary> summary;
    std::string bytes;
    SearchSubject all = subject(candidate);
    all.summary = [&]() -> const mail::Summary& {
        if (!summary)
            summary = readSummary(tx, body, remade, &bytes);
        return *summary;
    };
    all.bytes = [&]() -> std::string_view {
        if (bytes.empty())
            bytes = tx.body(body);
        return bytes;
    };
    all.email_id = [&] { return emailId(tx.bodyHash(body)); };
    all.keys = [&](bool) {
        if (!candidate.keys) {
            const auto& header = all.summary().top_header;
            candidate.keys = session_.context().headers->make(body, header ? std::string_view(*header) : all.bytes());
        }
        return candidate.keys.get();
    };
    try {
        return evaluate(key_, all, true, true, &candidate.relevancy) == Match::yes;
    } catch (const store::Error& error) {
        if (!isUnreadable(error)) // nobody can say that it matches
            throw;
        return false;
    }
}

net::Task<> MessageSearch::prepare()
{
    // Another session may have made a keyword since.
    if (key_.has([](const SearchKey& k) { return k.kind == Kind::keyword || k.kind == Kind::unkeyword; }))
        co_await session_.loadKeywords();
    keywords_ = session_.keywords();
    if (!uses_saved_ || scope_.numbered.count() == 0)
        co_return;
    const store::MailboxId id = scope_.mailbox;
    const store::Uid first = scope_.numbered.uidAt(0), last = largest_uid_;
    auto dates = [id, first, last](store::ReadTx& tx) { return tx.saveDates(id, first, last); };
    saved_ = co_await reading(session_.strand(), session_.store(), std::move(dates));
}

net::Task<> MessageSearch::run()
{
    co_await prepare();
    const std::uint32_t count = scope_.numbered.count();
    for (std::uint32_t next = 0; next < count;) {
        scope_.numbered.each(next, count, [&](std::uint32_t index, const store::Message& message) {
            look(index, message);
            next = index + 1;
            return !session_.strand().turnDue(); // one message may have long fields, and be asked for many
        });
        if (session_.strand().turnDue())
            co_await session_.strand().turn();
    }
    co_await readOpen();
}

net::Task<> MessageSearch::runOver(std::vector<std::uint32_t> only)
{
    co_await prepare();
    for (const std::uint32_t index : only) {
        look(index, scope_.numbered.at(index));
        if (session_.strand().turnDue())
            co_await session_.strand().turn();
    }
    co_await readOpen();
}

net::Task<> MessageSearch::readOpen()
{
    const bool reads_bytes = key_.needsBytes();
    for (std::size_t from = 0, to = 0; from < open_.size(); from = to) {
        std::uint64_t bytes = 0;
        for (to = from; to < open_.size() && to - from < kBatch && bytes < kBatchBytes; ++to)
            bytes += reads_bytes ? open_[to].message.size : 0;
        std::vector<char> matches(to - from);
        ReadEach look = [this, &matches, from](store::ReadTx& tx, std::size_t i, RemadeSummaries& remade) {
            matches[i - from] = readAndMatch(tx, open_[i], remade) ? 1 : 0;
        };
        co_await readEach(session_, from, to, kAtATime, std::move(look));
        for (std::size_t i = from; i < to; ++i) {
            if (matches[i - from] != 0)
                put(open_[i]);
            open_[i].keys.reset();
        }
        co_await session_.lookAround(to, open_.size());
    }
    open_.clear();
    arrange();
}

// What memory decided and what had to be read, in one order.
void MessageSearch::arrange()
{
    if (in_order_)
        return;
    std::vector<std::uint32_t> order(found_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) { return found_[a] < found_[b]; });
    std::vector<std::uint32_t> found;
    std::vector<std::uint8_t> relevancies;
    for (const std::uint32_t at : order) {
        found.push_back(found_[at]);
        relevancies.push_back(relevancies_[at]);
    }
    found_ = std::move(found);
    relevancies_ = std::move(relevancies);
}

} // namespace postfach::imap
