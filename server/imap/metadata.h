#pragma once
// METADATA answers, for GETMETADATA and for LIST ... RETURN (METADATA (...)). RFC 5464 4.4, RFC 9590.
#include "server/imap/session.h"
#include "server/imap/syntax/metadata.h"

#include <string>
#include <vector>

namespace postfach::imap {

// "* METADATA INBOX (/private/comment "text")" and its line end; nothing where nothing is to be said. `mailbox` null: the
// server's. `longest` becomes the size of the longest value that was left out for MAXSIZE. For helpers.
void putMetadata(std::string& out, Session& session, store::ReadTx& tx, const store::Mailbox* mailbox, const GetMetadata& wanted,
    std::uint64_t& longest);

} // namespace postfach::imap
