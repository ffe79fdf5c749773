#pragma once
// Words of what the store knows of scanning: what is behind, where a content is, what was found in mail that was delivered.
#include "server/store/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::store {

// In place of a signature set: what the server has written itself (notices) needs no scan.
inline constexpr const char* kOwnSignatures = "own";

struct Coverage {                          // of all contents, whoever names them
    std::uint64_t contents = 0, bytes = 0;
    std::uint64_t checked = 0, checked_bytes = 0; // with that signature set, or our own
};

struct Behind {                            // a content that another signature set looked at last, or none
    BodyId body;
    std::uint64_t size = 0;
    ScanRecord::Verdict verdict = ScanRecord::Verdict::none; // of then
};
enum class BehindOrder : std::uint8_t {    // newest first in each
    unscanned,                             // those without any verdict
    unread,                                // those that somebody has not read yet
    all,
};

struct Place {                             // a message with a certain content
    BodyId body;
    AccountId account;
    MailboxId mailbox;
    Uid uid;
    Time internal_date{};
};

struct Replacement {                       // of a message that is there by a notice
    std::string signature, sender, subject; // as in NewQuarantine
    std::string way_in;
    BodyId notice;
    std::string token;                     // as in NewQuarantine
};

// A signature that was found in delivered mail, and how often. The brake: when it is found more often than is likely, nothing is
// done any more until the administrator has said what it is.
struct Outbreak {
    enum class State : std::uint8_t {
        counting,                          // what was found was acted on; counted anew with each signature set
        asking,                            // past the bound: what is found since then waits
        confirmed,                         // by the administrator: acted on, however often
        dismissed,                         // a false alarm: left alone
    };
    std::string signature;
    std::string signatures;                // the set that found it last
    State state = State::counting;
    std::uint64_t hits = 0;                // contents, of this set; while it asks, of those after it too
    std::uint64_t waiting = 0;             // contents that wait for an answer
    Time since{};                          // the first of these hits
    Time decided{};                        // when the state came to be
};

// --- who has read what
struct Reader {                            // one program at one place
    enum class Protocol : std::uint8_t { imap, pop3 }; // numbers are on the disk
    AccountId account;
    Protocol protocol = Protocol::imap;
    std::string address;                   // of the peer; empty: many
    std::string client;                    // what it says of itself; may be empty
};

struct Fetched {                           // a content, or a part of it that is more than its header, was handed out
    BodyId body;
    Time first{}, last{};                  // whole seconds, of one day (UTC)
    std::uint64_t times = 1;
};

struct Exposure {                          // what one reader had of a content on one day
    Reader reader;
    std::string account;                   // its address; empty when it is gone
    Time first{}, last{};
    std::uint64_t times = 0;
};

// --- what is inside a content, as far as exact hash signatures ask: of each layer the scanner saw its size and the first bytes of
// its hashes. What agrees is a candidate, no finding.
struct InnerHash {
    static constexpr std::size_t kKept = 8; // bytes of each hash
    static constexpr std::size_t kPacked = 4 + 3 * kKept;
    static constexpr std::size_t kMost = 300; // of one content; one that has more is not covered

    std::uint32_t size = 0;
    std::uint64_t md5 = 0, sha1 = 0, sha256 = 0; // the first bytes, the first of all lowest
};
std::vector<InnerHash> unpackInnerHashes(std::string_view packed);

} // namespace postfach::store
