#pragma once
// What IMAP asks of a message again and again, made once at delivery and kept beside the body: the structure, the
// ENVELOPE fields, the fields clients list, a preview. serialize() is versioned: a store row of an older version is made
// anew from the body (kSummaryVersion grows with the parser).
#include "server/mail/header.h"
#include "server/mail/structure.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

inline constexpr std::uint16_t kSummaryVersion = 2;

struct Envelope { // RFC 9051 7.5.2; texts are unfolded, not decoded; nullopt where the field is absent
    std::optional<std::string> date, subject, in_reply_to, message_id;
    std::vector<Address> from, sender, reply_to, to, cc, bcc; // sender and reply_to as in the header: IMAP's fallback to from is IMAP's
};

struct Summary {
    Structure structure;
    // One for the message itself and one for every message/rfc822 inner message: (part index of the message's root, envelope).
    std::vector<std::pair<std::uint32_t, Envelope>> envelopes;
    std::uint64_t size = 0;                  // of the message, bytes
    std::uint32_t header_size = 0;           // of the top header with its empty line
    // Fields clients list with BODY[HEADER.FIELDS (...)]: bytes of the top header, kept whole while it is small (8 KiB).
    std::optional<std::string> top_header;
    std::string preview;                     // RFC 8970: up to 200 characters of the text, white space folded, UTF-8
    std::optional<std::int64_t> sent;        // Date: field, ms since 1970 UTC

    const Envelope& envelope() const { return envelopes.front().second; }
    const Envelope* envelopeOf(std::uint32_t root_part) const;
};

Summary summarize(std::string_view message);
std::string serialize(const Summary& summary);
// nullopt: another version or damaged; then summarize() the body again. Never trusts a length it reads.
std::optional<Summary> deserialize(std::string_view bytes);

} // namespace postfach::mail
