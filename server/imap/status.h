#pragma once
// The items of STATUS, for the command and for LIST ... RETURN (STATUS (...)). RFC 9051 6.3.11 and 7.3.4, RFC 3501 7.2.4.
#include "server/imap/session.h"

#include <string>
#include <vector>

namespace postfach::imap {

enum class StatusItem { messages, recent, uidNext, uidValidity, unseen, deleted, size };

std::vector<StatusItem> parseStatusItems(Parser& args); // "(MESSAGES UNSEEN)"
// "* STATUS INBOX (MESSAGES 3)" and its line end. May read a cold mailbox from the disk: for helpers.
void putStatus(std::string& out, Session& session, const store::Mailbox& mailbox, const std::vector<StatusItem>& items);

} // namespace postfach::imap
