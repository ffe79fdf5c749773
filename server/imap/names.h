#pragma once
// Mailbox names between the wire (modified UTF-7, RFC 3501 5.1.3) and the store (UTF-8).
#include "server/imap/syntax/parser.h"

#include <string>
#include <string_view>

namespace postfach::imap {

// The next argument as the store's name. NO [CANNOT] for what is no name: control characters, raw 8-bit, bad UTF-7.
std::string mailboxArgument(Parser& args);
std::string mailboxFromWire(std::string_view wire);
void putMailbox(std::string& out, std::string_view name);

} // namespace postfach::imap
