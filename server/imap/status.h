#pragma once
// The items of STATUS, for the command and for LIST ... RETURN (STATUS (...)). RFC 9051 6.3.11 and 7.3.4, RFC 3501 7.2.4; SIZE is
// RFC 8438's too, DELETED and DELETED-STORAGE RFC 9208's, HIGHESTMODSEQ RFC 7162's, MAILBOXID RFC 8474's.
#include "server/imap/session.h"

#include <string>
#include <vector>

namespace postfach::imap {

enum class StatusItem { messages, recent, uidNext, uidValidity, unseen, deleted, size, deletedStorage, highestModseq, mailboxId };

std::vector<StatusItem> parseStatusItems(Parser& args); // "(MESSAGES UNSEEN)"
void noteUse(Session& session, const std::vector<StatusItem>& items); // asking for HIGHESTMODSEQ is using CONDSTORE, RFC 7162 3.1
// "* STATUS INBOX (MESSAGES 3)" and its line end. RECENT and DELETED-STORAGE may read a cold mailbox
// from the disk: for helpers.
void putStatus(std::string& out, store::Store& store, const Enabled& enabled, const store::Mailbox& mailbox,
    const std::vector<StatusItem>& items);

} // namespace postfach::imap
