#pragma once
// EMAILID, RFC 8474: the same for the same content, in every mailbox and for ever; so it is made of the content itself. There
// is no THREADID: RFC 8474 5.3 lets a server without threads say NIL.
#include "server/base/hash.h"

#include <string>

namespace postfach::imap {

// 128 bits of the hash: nobody finds two mails with the same ones by chance. A letter first, so that no client takes it for a number.
inline std::string emailId(const base::Sha256& body_hash) { return 'M' + base::hex(body_hash).substr(0, 32); }

} // namespace postfach::imap
