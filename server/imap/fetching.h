#pragma once
// The answers of FETCH, whoever asked: the command, or NOTIFY for new messages (RFC 5465 5.2). Belongs to the session's strand.
#include "server/imap/session.h"
#include "server/imap/syntax/fetch.h"

#include <vector>

namespace postfach::imap {

struct Fetched {
    bool missed = false;      // some were expunged for good by others
    bool damaged = false;
    bool undecodable = false; // a BINARY of an encoding that nobody knows
};

// Answers for all of `ranges`, ascending places of the view's numbering. What a section without PEEK reads is marked as read, unless
// the mailbox is open for reading only. `tell_flags`: also where they were not asked for.
net::Task<Fetched> fetchMessages(Session& session, FetchItems items, bool tell_flags, std::vector<IndexRange> ranges);

// The same without marking anything as read.
net::Task<> fetchNew(Session& session, FetchItems items, std::vector<IndexRange> ranges);

} // namespace postfach::imap
