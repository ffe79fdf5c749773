#pragma once
// Mailbox names between the wire (modified UTF-7, RFC 3501 5.1.3; UTF-8 once that is enabled, RFC 9051 5.1) and the store (UTF-8).
#include "server/imap/enabled.h"
#include "server/imap/syntax/mailbox_filter.h"
#include "server/imap/syntax/parser.h"

#include <optional>
#include <string>
#include <string_view>

namespace postfach::imap {

// The next argument as the store's name. NO [CANNOT] for what is no name: control characters, raw 8-bit, bad UTF-7, bad UTF-8.
std::string mailboxArgument(Parser& args, const Enabled& enabled);
// UTF-8 is understood even of who did not enable it: Thunderbird enables it on some of its connections and speaks it on all.
std::string mailboxFromWire(std::string_view wire, const Enabled& enabled);
std::string newMailboxArgument(Parser& args, const Enabled& enabled); // of CREATE and RENAME: nothing but what was agreed on
void namesFromWire(MailboxFilter& filter, const Enabled& enabled, char delimiter); // and as the store keeps them
std::optional<std::string> patternFromWire(std::string_view wire, const Enabled& enabled);
void putMailbox(std::string& out, std::string_view name, const Enabled& enabled);
// The store keeps another name than the client gave: one that was put together (RFC 9051 5.1), or INBOX for the first level of it.
// INBOX itself is the same name in any case.
bool isOtherName(std::string_view given, std::string_view kept);

} // namespace postfach::imap
