#pragma once
// What happened in a mailbox while a client was away: RFC 7162 3.2, for SELECT with QRESYNC and FETCH with VANISHED.
#include "server/imap/session.h"
#include "server/imap/syntax/sequence_set.h"

namespace postfach::imap {

// "* VANISHED (EARLIER) 41,43:116": those of `known` that were expunged after `since`. What this session still numbers it hears of
// in its own time, as VANISHED without (EARLIER) (RFC 7162 3.2.10.1).
net::Task<> tellVanished(Session& session, store::ModSeq since, const SequenceSet& known);

// "* 7 FETCH (UID 17 FLAGS (\\Seen) MODSEQ (90060115194045001))" of each message of `known` that changed after `since`.
net::Task<> tellChangedSince(Session& session, store::ModSeq since, const SequenceSet& known);

} // namespace postfach::imap
