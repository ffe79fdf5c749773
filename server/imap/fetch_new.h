#pragma once
// What NOTIFY fetches unasked of new messages: RFC 5465 5.2.
#include "server/imap/session.h"
#include "server/imap/syntax/fetch.h"

namespace postfach::imap {

// Answers as FETCH would, without marking anything as read.
net::Task<> fetchNew(Session& session, FetchItems items, IndexRange range);

} // namespace postfach::imap
