#pragma once
// Every bound on what a stranger can make us do, each with its reason. Tighter before login than after.
// What an administrator may set (message size, connections) is in config.h with its default.
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postfach::base::limits {

using namespace std::chrono_literals;

// Lines and literals. A real client's longest command is a UID set; 64 KiB holds about 10,000 scattered UIDs.
inline constexpr std::size_t kLineBeforeLogin = 8 * 1024;
inline constexpr std::size_t kLineAfterLogin = 64 * 1024;
inline constexpr std::size_t kAddress = 320;                 // bytes of a mailbox's address: 64, "@" and 255 (RFC 5321 4.5.3.1)
inline constexpr std::size_t kLiteralBeforeLogin = 4 * 1024; // a password, a SASL answer
inline constexpr std::size_t kLiteralAfterLogin = 64 * 1024; // a search text; APPEND has limits.message_size
inline constexpr std::size_t kCommandAfterLogin = 256 * 1024; // a command with all its literals, APPEND's aside
inline constexpr std::size_t kLmtpLine = 8 * 1024;            // commands; DATA lines have no limit of their own

// Output. At 64 KiB, then sent whole before more is read, a reader who takes nothing costs 122 KiB; at 256 KiB it cost 580 (FACTS: slow readers).
inline constexpr std::size_t kHighWaterMark = 64 * 1024;

// Time. RFC 9051 5.4 wants at least 30 minutes after login, RFC 1939 3 at least 10.
inline constexpr auto kLoginTimeout = 60s;
inline constexpr auto kImapIdleTimeout = 30min;
inline constexpr auto kIdlePause = 20ms; // between the continuation of IDLE and the first news
inline constexpr auto kPop3IdleTimeout = 10min;
inline constexpr auto kLmtpIdleTimeout = 5min; // RFC 5321 4.5.3.2.7
inline constexpr auto kGoodbyeTime = 2s;       // to hand over the last words at shutdown
inline constexpr auto kProxyHeaderTime = 10s;  // a proxy sends its header with its first packet

// Patience with mistakes.
inline constexpr int kBadCommandsBeforeLogin = 3; // a browser's POST ends before its body is read as commands
inline constexpr int kBadCommandsAfterLogin = 20;
inline constexpr int kLoginFailures = 3;          // on one connection

// MIME. Past these the rest is one opaque part; the bytes stay as they are. Real mail stays under 10 levels, 200 parts.
inline constexpr int kMimeDepth = 100;
inline constexpr int kMimeParts = 10'000;
inline constexpr int kHeaderFields = 1'000;          // looked at per part; more are kept, not looked at
inline constexpr std::size_t kHeaderField = 64 * 1024; // bytes of one field that are decoded; the rest is not looked at
inline constexpr int kMimeParameters = 100;
inline constexpr std::size_t kBoundary = 1'000; // bytes; RFC 2046 5.1.1 allows 70, and a line that holds one is at most as long (RFC 5322 2.1.1)
inline constexpr int kAddresses = 1'000; // of one field in an ENVELOPE
inline constexpr int kReferences = 100; // of one mail, for THREAD; mail programs cut at some 20

// Mailboxes.
inline constexpr int kMailboxDepth = 20;
inline constexpr std::size_t kMailboxName = 1'000; // bytes of UTF-8
inline constexpr int kMailboxesPerAccount = 5'000;
inline constexpr int kKeywordsPerAccount = 10'000;
inline constexpr int kKeywordsPerMessage = 1'000; // two bytes each of every message, in memory and on disk, and no quota counts them
inline constexpr int kAllowances = 10'000; // looked at by key; a list nobody can read helps nobody
inline constexpr std::size_t kKeyword = 255;

// Annotations (IMAP METADATA): colours, comments, the settings of some program. No quota counts them, so an account has at most
// kAnnotationsInAll bytes of names and values. RFC 5464 4.1 wants at least 1,024 bytes a value and 10 a mailbox.
inline constexpr std::size_t kAnnotationName = 255;
inline constexpr std::size_t kAnnotationValue = 32 * 1024; // less than a literal may be: who sends more is told so
inline constexpr int kAnnotationsPerMailbox = 100;         // and of the account's own
inline constexpr std::size_t kAnnotationsInAll = 4 * 1024 * 1024;

// IMAP: bytes of keywords that FLAGS and PERMANENTFLAGS name, each time one is new. A person's are a few hundred bytes; some clients
// read no line of a megabyte.
inline constexpr std::size_t kFlagsTold = 16 * 1024;

// IMAP: one APPEND. Its messages are on one spool and are scanned some at a time, then stored together; a client that uploads a
// folder sends some dozens at a time. What one may bring beside a single message of the largest size:
inline constexpr std::size_t kAppendMessages = 1'000;
inline constexpr std::uint64_t kAppendInAll = 256ULL << 20;
inline constexpr int kCatenateParts = 1'000;      // of one message: each may be a part of another
inline constexpr std::size_t kMessageUrl = 4'096; // bytes; a mailbox's name in percent encoding is up to 3,000

// IMAP syntax.
inline constexpr int kParentheses = 50;
inline constexpr std::size_t kNotifyGroups = 50, kNotifyMailboxes = 1'000; // each group is looked at for each mailbox that changed
inline constexpr int kSearchKeys = 200;
inline constexpr int kSearchDepth = 50;
inline constexpr std::size_t kSearchUpdates = 8;         // results of a session that are kept up to date: each is looked at with all news
inline constexpr std::size_t kSearchUpdateMessages = 200'000; // in them together, four bytes each
inline constexpr std::size_t kSearchSources = 20;      // mailbox filters of one ESEARCH; there are seven kinds
inline constexpr std::size_t kSearchMailboxes = 1'000; // it names: each is compared with every mailbox
inline constexpr int kFetchSections = 200;    // different BODY[...] in one FETCH: each may be the whole message again
inline constexpr int kFetchFieldNames = 200;  // of one HEADER.FIELDS: each is compared with every field

// IMAP: whole messages read before they can be sent, of all sessions that read ahead deeply.
inline constexpr std::size_t kImapReadAheadInAll = 16 * 1024 * 1024;

// IMAP: headers decoded and folded for SEARCH, SORT and THREAD, of all sessions: those of some 100,000 usual mails.
inline constexpr std::size_t kHeaderCache = 64 * 1024 * 1024;
inline constexpr std::size_t kStructureCache = 32 * 1024 * 1024; // twice: for clients that know message/global, and for the others
inline constexpr std::size_t kSortOrders = 16 * 1024 * 1024;     // 8 bytes a message and order

// IMAP: parts that clients read in pieces, decoded, of all sessions, on the disk. Past it a part is decoded for each piece of it.
inline constexpr std::uint64_t kDecodedParts = 256ULL << 20;

// LMTP. RFC 5321 4.5.3.1.8 wants at least 100 recipients.
inline constexpr int kRecipients = 1'000;

// Messages between their last byte and their commit, together: each is in memory once or twice for the scanner.
inline constexpr std::uint64_t kDeliveriesInFlight = 512ULL << 20;

// POP3: small bodies fetched before they are asked for, of one session and of all. A helper's trip costs as much as reading some
// 10 KiB: 128 KiB, half of what a session may hold, share one between two dozen mails of usual size.
inline constexpr std::size_t kPop3ReadAhead = 256 * 1024;
inline constexpr std::size_t kPop3ReadAheadMessages = 64;
inline constexpr std::size_t kPop3ReadAheadInAll = 64 * 1024 * 1024;

// Receiving. Up to here a message stays in memory; larger ones go to a spool file.
inline constexpr std::size_t kSpoolInMemory = 256 * 1024;

} // namespace postfach::base::limits
