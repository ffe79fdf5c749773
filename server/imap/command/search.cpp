#include "server/imap/syntax/search.h"

#include "server/imap/command/all.h"
#include "server/imap/message_source.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <algorithm>

// SEARCH and UID SEARCH: RFC 9051 6.4.4 (RFC 3501 6.4.4 answers). First over the numbering in memory; only messages that
// flags, dates, sizes and numbers leave open are read, in batches on helpers.

namespace postfach::imap {
namespace {

constexpr std::uint32_t kFirstPass = 4'000;        // messages looked at before others get their turn
constexpr std::size_t kBatch = 200;
constexpr std::uint64_t kBatchBytes = 4 << 20;

struct Candidate {
    std::uint32_t index;
    store::Message message;
    store::Flags flags;
};

class Search {
public:
    Search(Session& session, SearchKey key)
        : session_(session), view_(session.view()), newest_(view_.newest()), key_(std::move(key)), keywords_(session.keywords())
    {
        largest_uid_ = view_.count() == 0 ? store::Uid{} : view_.numbered().uidAt(view_.count() - 1);
    }

    net::Task<> run();
    const std::vector<std::uint32_t>& found() const { return found_; } // indices of the numbering, ascending

private:
    void firstPass(std::uint32_t from, std::uint32_t to);
    std::vector<bool> readAndMatch(store::ReadTx& tx, std::size_t from, std::size_t to, RemadeSummaries& remade) const;
    SearchSubject subject(const Candidate& candidate) const;
    store::Flags flagsOf(std::uint32_t index, const store::Message& message) const;

    Session& session_;
    View& view_;
    const store::Snapshot newest_;
    const SearchKey key_;
    const std::vector<std::string> keywords_;
    store::Uid largest_uid_;
    std::vector<std::uint32_t> found_;
    std::vector<Candidate> open_;
};

store::Flags Search::flagsOf(std::uint32_t index, const store::Message& message) const
{
    const auto now = newest_.root() == view_.numbered().root() ? std::optional<std::uint32_t>(index) : newest_.find(message.uid);
    if (keywords_.size() > store::Flags::kKeywordBits || !now)
        return now ? newest_.flags(*now) : view_.numbered().flags(index);
    store::Flags flags;
    flags.bits = newest_.root() == view_.numbered().root() ? message.bits : newest_.at(*now).bits;
    return flags;
}

SearchSubject Search::subject(const Candidate& candidate) const
{
    SearchSubject subject;
    subject.sequence_number = candidate.index + 1;
    subject.largest_sequence_number = view_.count();
    subject.uid = candidate.message.uid;
    subject.largest_uid = largest_uid_;
    subject.flags = &candidate.flags;
    subject.recent = view_.isRecent(candidate.message.uid);
    subject.size = candidate.message.size;
    subject.internal_date = candidate.message.internal_date;
    subject.modseq = candidate.message.modseq;
    subject.keyword_names = &keywords_;
    return subject;
}

void Search::firstPass(std::uint32_t from, std::uint32_t to)
{
    view_.numbered().each(from, to, [this](std::uint32_t index, const store::Message& message) {
        Candidate candidate{index, message, flagsOf(index, message)};
        const Match match = evaluate(key_, subject(candidate), false, false);
        if (match == Match::yes)
            found_.push_back(index);
        else if (match == Match::unknown)
            open_.push_back(std::move(candidate));
        return true;
    });
}

std::vector<bool> Search::readAndMatch(store::ReadTx& tx, std::size_t from, std::size_t to, RemadeSummaries& remade) const
{
    std::vector<bool> matches;
    for (std::size_t i = from; i < to; ++i) {
        const Candidate& candidate = open_[i];
        mail::Summary summary;
        std::string bytes;
        SearchSubject all = subject(candidate);
        all.summary = [&]() -> const mail::Summary& {
            summary = readSummary(tx, candidate.message.body, remade, &bytes);
            return summary;
        };
        all.bytes = [&]() -> std::string_view {
            if (bytes.empty())
                bytes = tx.body(candidate.message.body);
            return bytes;
        };
        try {
            matches.push_back(evaluate(key_, all, true, true) == Match::yes);
        } catch (const store::Error& error) {
            using enum store::Error::Kind; // gone or damaged: nobody can say that it matches
            if (error.kind != noSuchMessage && error.kind != noSuchEntry && error.kind != damaged)
                throw;
            matches.push_back(false);
        }
    }
    return matches;
}

net::Task<> Search::run()
{
    for (std::uint32_t from = 0; from < view_.count(); from += kFirstPass) {
        firstPass(from, std::min(view_.count(), from + kFirstPass));
        if (session_.strand().turnDue())
            co_await session_.strand().turn();
    }
    const std::size_t settled = found_.size();
    const bool reads_bytes = key_.needsBytes();
    for (std::size_t from = 0, to = 0; from < open_.size(); from = to) {
        std::uint64_t bytes = 0;
        for (to = from; to < open_.size() && to - from < kBatch && bytes < kBatchBytes; ++to)
            bytes += reads_bytes ? open_[to].message.size : 0;
        RemadeSummaries remade;
        auto look = [this, from, to, &remade](store::ReadTx& tx) { return readAndMatch(tx, from, to, remade); };
        const std::vector<bool> matches = co_await reading(session_.strand(), session_.store(), std::move(look));
        for (std::size_t i = from; i < to; ++i)
            if (matches[i - from])
                found_.push_back(open_[i].index);
        co_await putBack(session_, std::move(remade));
        session_.stillAlive();
    }
    std::inplace_merge(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(settled), found_.end());
}

bool namesKeyword(const SearchKey& key) // as deep as parseSearch() lets it be
{
    return key.kind == SearchKey::Kind::keyword || key.kind == SearchKey::Kind::unkeyword
        || std::any_of(key.children.begin(), key.children.end(), namesKeyword);
}

} // namespace

net::Task<Tagged> cmdSearch(Session& session, Request& request)
{
    request.args.space();
    SearchKey key = parseSearch(request.args);
    request.args.end();

    if (namesKeyword(key)) // another session may have made it since
        co_await session.loadKeywords();
    Search search(session, std::move(key));
    co_await search.run();

    std::string line = "* SEARCH";
    const store::Snapshot& numbered = session.view().numbered();
    for (const std::uint32_t index : search.found())
        line.append(" ").append(std::to_string(request.by_uid ? numbered.uidAt(index).value : index + 1));
    line += "\r\n";
    co_await session.send(std::move(line));
    co_return Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
