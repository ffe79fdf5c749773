#pragma once
// Removing what is flagged \Deleted, for EXPUNGE, UID EXPUNGE and CLOSE.
#include "server/imap/session.h"

namespace postfach::imap {

// All of the mailbox, or those whose UIDs lie in `only` (ascending). Done when it is on disk.
net::Task<> expungeDeleted(Session& session, std::optional<std::vector<store::Uid>> only);

} // namespace postfach::imap
