#pragma once
// This session's numbering of the selected mailbox: the one place that knows what the client has been told.
//
// Two pictures are pinned. `numbered` is the one whose sequence numbers the client holds: number n is its index n-1. `told` is
// the one whose flags the client has seen. News are the difference between them and the newest picture:
//
//   may numbers move?  | expunged | added      | flags changed
//   yes                | told     | told       | told, by the new numbers
//   no, none expunged  | -        | told       | told
//   no, some expunged  | wait     | wait too   | told for what is numbered
//
// Added messages wait together with expunged ones, so that one picture always explains every number (RFC 9051 7.5.1 and
// 7.4.1 let EXISTS come any time, EXPUNGE never during FETCH, STORE or SEARCH). What another session expunged stays
// numbered here until it can be said; RFC 2180 4.1.
#include "server/imap/syntax/sequence_set.h"
#include "server/store/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace postfach::imap {

struct News {
    struct Changed {
        std::uint32_t number;
        store::Uid uid;
        store::Flags flags;
        store::ModSeq modseq;
    };
    struct Expunged {
        std::uint32_t number;
        store::Uid uid;
    };
    std::vector<Expunged> expunged;      // in the order to say them: highest first
    std::optional<std::uint32_t> exists; // when messages were added
    std::uint32_t first_new = 0;         // and the index of the first of them
    std::vector<Changed> changed;        // by the numbers that hold after the two above
};

// Messages of the numbering: [first, last), 0-based.
struct IndexRange {
    std::uint32_t first = 0, last = 0;
};

class View {
public:
    // `mailbox` as it was when it was selected. `shared` is the store's view of it.
    View(store::Mailbox mailbox, std::shared_ptr<store::MailboxView> shared, bool read_only);
    // What the client was told before anybody looked at the messages: `told` is older than what is shared.
    View(store::Mailbox mailbox, std::shared_ptr<store::MailboxView> shared, bool read_only, store::Snapshot told);

    const store::Mailbox& mailbox() const { return mailbox_; }
    store::MailboxId id() const { return mailbox_.id; }
    bool readOnly() const { return read_only_; }
    bool gone() const { return shared_->isGone(); }
    const std::shared_ptr<store::MailboxView>& shared() const { return shared_; }

    std::uint32_t count() const { return numbered_.count(); }
    const store::Snapshot& numbered() const { return numbered_; }
    store::Snapshot newest() const { return shared_->now(); }

    // The messages a set names ("$" too), ascending, each once. Sequence numbers past the end are BadSyntax unless "*" made them;
    // UIDs that are not there are passed over (RFC 9051 6.4.9).
    std::vector<IndexRange> resolve(const SequenceSet& set, bool by_uid) const;
    std::vector<store::Uid> uids(const std::vector<IndexRange>& ranges) const;

    // What "$" names, RFC 5182: ranges of UIDs over the numbering as it was. What is expunged drops out of them by itself, and
    // what arrives later has higher UIDs.
    void save(const std::vector<std::uint32_t>& indices); // ascending
    const std::vector<std::pair<store::Uid, store::Uid>>& saved() const { return saved_; } // ascending, both ends in it

    // \Recent of this session: UIDs from `from` up to, not including, `to`.
    void addRecent(store::Uid from, store::Uid to);
    bool isRecent(store::Uid uid) const;
    std::uint32_t recent() const;

    // The client knows already, or must not be told, that the message has these flags: its own silent STORE, a FETCH answer.
    // Holds until the next takeNews(), which stays silent about exactly this.
    void told(store::Uid uid, store::Flags flags, store::ModSeq modseq);
    bool isTold(const store::Snapshot& picture) const { return told_.root() == picture.root(); }
    // The flags the client believes a message has.
    std::optional<store::Flags> believed(store::Uid uid) const;

    bool waits() const { return numbered_.root() != told_.root(); } // something could not be told yet
    bool hasArrivals() const; // messages the client was not told of, perhaps
    // And from now on it is told. `modseqs`: a MODSEQ that moved is news too, as for who has enabled CONDSTORE.
    News takeNews(bool numbers_may_move, bool modseqs);

private:
    store::Mailbox mailbox_;
    std::shared_ptr<store::MailboxView> shared_;
    bool read_only_;
    store::Snapshot numbered_, told_;
    struct Known {
        store::Uid uid;
        store::Flags flags;
        store::ModSeq modseq;
    };
    std::vector<Known> known_; // by told(), in the order it came
    std::vector<std::pair<store::Uid, store::Uid>> recent_;  // ascending, disjoint, half open
    std::vector<std::pair<store::Uid, store::Uid>> saved_;
};

} // namespace postfach::imap
