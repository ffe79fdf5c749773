#pragma once
// What this client has said it understands: by ENABLE (RFC 9051 6.3.1) or by using it (RFC 7162 3.1). It never ends but with
// the connection or UNAUTHENTICATE.

namespace postfach::imap {

struct Enabled {
    bool rev2 = false;      // IMAP4rev2
    bool utf8 = false;      // UTF8=ACCEPT, RFC 6855
    bool condstore = false; // RFC 7162; QRESYNC implies it
    bool qresync = false;
    bool uidonly = false;   // RFC 9586

    // Mailbox names and header fields go out and come in as UTF-8 in quotes; else names are in modified UTF-7.
    bool utf8Strings() const { return rev2 || utf8; }
};

} // namespace postfach::imap
