#pragma once
// A search over one mailbox: first over the numbering in memory; only messages that flags, dates, sizes and numbers leave open
// are read, in batches on helpers. For SEARCH, SORT, THREAD, ESEARCH and the contexts of RFC 5267.
#include "server/imap/message_source.h"
#include "server/imap/session.h"
#include "server/imap/syntax/search.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::imap {

// What is searched. Sequence numbers, "$" and \Recent are a view's; without one there are none.
struct SearchScope {
    explicit SearchScope(const View& v) : numbered(v.numbered()), newest(v.newest()), mailbox(v.id()), view(&v) {}
    SearchScope(store::Snapshot all, store::MailboxId id) : numbered(all), newest(std::move(all)), mailbox(id) {}

    store::Snapshot numbered, newest; // positions, and where flags are looked up
    store::MailboxId mailbox;
    const View* view = nullptr; // outlives the search
};

class MessageSearch {
public:
    MessageSearch(Session& session, SearchKey key, SearchScope scope);

    net::Task<> run();                                    // over all messages
    net::Task<> runOver(std::vector<std::uint32_t> only); // over these places, ascending

    const SearchScope& scope() const { return scope_; }
    const std::vector<std::uint32_t>& found() const { return found_; }            // places of the numbering, ascending
    const std::vector<std::uint8_t>& relevancies() const { return relevancies_; } // one each
    store::ModSeq modseqAt(std::uint32_t index) const;                            // the newest
    bool usedModseq() const { return uses_modseq_; }

private:
    struct Candidate {
        std::uint32_t index = 0;
        store::Message message; // with its newest modseq
        store::Flags flags;
        store::Time saved{};
        HeaderCache::Keys keys; // once asked for
        std::uint8_t relevancy = 100;
    };

    net::Task<> prepare();
    net::Task<> readOpen();
    void look(std::uint32_t index, const store::Message& message);
    bool readAndMatch(store::ReadTx& tx, Candidate& candidate, RemadeSummaries& remade) const;
    SearchSubject subject(const Candidate& candidate) const;
    void lookUp(Candidate& candidate) const;
    void put(const Candidate& candidate);
    void arrange();

    Session& session_;
    SearchKey key_;
    const SearchScope scope_;
    const bool same_, uses_modseq_, uses_saved_;
    std::vector<std::string> keywords_;
    store::Uid largest_uid_;
    store::Time now_{};
    std::vector<std::pair<store::Uid, store::Time>> saved_; // where the key asks for it
    std::vector<std::uint32_t> found_;
    std::vector<std::uint8_t> relevancies_;
    std::vector<Candidate> open_;
    bool in_order_ = true;
};

} // namespace postfach::imap
