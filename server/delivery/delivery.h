#pragma once
// The one door for mail that comes in: LMTP, APPEND, import, later collectors and restore. Understand, scan, store, tell
// (server/README.md, "The life of a mail"). When a call returns `stored` or `quarantined` the mail is on disk.
#include "server/delivery/judgement.h"
#include "server/delivery/spool.h"
#include "server/net/strand.h"
#include "scanner/client.h"
#include "server/store/store.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::delivery {

struct Policy {
    bool accept_unscanned = false;     // scanner.unavailable = accept
    store::ScanPolicy scan = defaultScanPolicy(); // what domains and accounts inherit; nothing is unset
    std::string attachment_types;      // scanner::AttachmentTypes
    std::uint64_t message_size = 50ULL << 20;
    std::string server_name;           // in Received: and notices
    std::string spool_folder;
};

enum class Outcome {
    stored,
    quarantined,      // kept aside, a notice stands in its place: success for the sender
    infected,         // refused by policy (or APPEND); `detail` names the signature
    refused,          // by policy; `detail` is the reason: what was found is no infection
    overQuota,
    noMailbox,
    tooLarge,
    unavailable,      // no verdict, or the store cannot write now: try again later
    limit,            // keywords, mailbox counts
    noMessage,        // REPLACE: what is to be replaced is gone
};

struct Result {
    Outcome outcome = Outcome::unavailable;
    std::string detail;
    store::Appended where;             // when stored
};

struct Envelope {                      // of LMTP
    std::string from;                  // without <>; empty for the null sender
    std::vector<std::string> recipients;         // addresses as given, for Received/notices
    std::vector<store::AccountId> accounts;      // same length
    std::string client;                // for Received: "helo (address)"
    std::string with = "LMTP";         // RFC 3848: LMTP, LMTPS …
};

struct AppendItem {                    // one message of APPEND
    std::uint64_t flags = 0;           // store::Flags system bits
    std::vector<std::string> keywords;
    store::Time internal_date{};
    std::uint64_t size = 0;            // its bytes in the spool, behind those of the messages before it
};

struct AppendResult {
    Outcome outcome = Outcome::unavailable;
    std::string detail;
    std::uint32_t uid_validity = 0;    // when stored, as are the next
    std::vector<store::Uid> uids;      // in the order of the items
};

class Delivery {
public:
    Delivery(store::Store& store, scanner::Client& scanner, const base::Clock& clock, Policy policy); // all outlive it
    ~Delivery();

    const Policy& policy() const;      // as it is now; the reference stays good
    void setPolicy(Policy policy);     // any thread; for what comes in from now on
    Spool newSpool() const;
    // A spool that begins with Return-Path: and Received: for this envelope; what follows is the message as DATA brings it.
    // The same two lines for all recipients, so that a mail to a hundred is one body.
    Spool newSpool(const Envelope& envelope) const;

    // `message` comes from newSpool(envelope) and has CRLF line ends (mail::CrlfNormalizer). One result a recipient, in order.
    net::Task<std::vector<Result>> deliver(net::Strand& strand, const Envelope& envelope, Spool& message);

    // An answer to notices: `tokens` are those that its recipients name (release_request.h), `from` is of its envelope. False: not written,
    // try again later.
    net::Task<bool> requestRelease(net::Strand& strand, std::vector<std::string> tokens, std::string from, Spool& message);

    // IMAP APPEND and REPLACE: bytes as they are, all messages or none, in one transaction. What would be quarantined is refused: its
    // author is there to be told.
    struct Owner {
        store::AccountId id;
        std::string address;
    };
    struct Replaced {                  // goes when the new message comes, and its owner can have it restored
        store::MailboxId mailbox;
        store::Uid uid;
    };
    struct Appending {
        Owner owner;
        std::string mailbox;
        std::vector<AppendItem> items; // of the messages in the spool, which they fill
        std::optional<Replaced> replaces;
        Appending() = default;
    };
    net::Task<AppendResult> append(net::Strand& strand, Appending wanted, Spool& messages);

    // Blocking, for import by the admin's task thread: as append, but infected mail is quarantined; line ends become CRLF.
    Result import(const store::Account& account, const std::string& mailbox, const AppendItem& item, std::string_view message);

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace postfach::delivery
