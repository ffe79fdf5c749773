#pragma once
// What may be the name of a mailbox, an account, a domain, a keyword. All throw Error (badName, limit).
#include "server/store/types.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::store {

// The name as it is kept: "inbox" in any case is INBOX, also as the first level of a longer name; in NFC (RFC 9051 5.1).
std::string mailboxName(std::string_view name, char delimiter);
std::string inboxInCapitals(std::string_view name, char delimiter); // and nothing else
// As one is kept, or was before names were composed: such a mailbox keeps its name, and is found by it.
bool isMailboxName(std::string_view name, char delimiter) noexcept;
// "a/b/c" gives "a" and "a/b", in this order.
std::vector<std::string> parentsOf(std::string_view name, char delimiter);
bool isBelow(std::string_view name, std::string_view ancestor, char delimiter);

std::string addressName(std::string_view address); // lower-case, local@domain
std::string aliasName(std::string_view address);   // the same, or "@domain": what the domain has no name for
std::string domainName(std::string_view name);     // lower-case
std::string_view domainOf(std::string_view address);
// The address without "+detail" of its local part; empty when there is none.
std::string withoutDetail(std::string_view address);

void requireKeyword(std::string_view name); // RFC 9051: an atom
void requireUidl(std::string_view uidl);    // RFC 1939 7: 1 to 70 characters of 0x21 to 0x7E

std::string joined(const std::vector<std::string>& words, char separator);
std::vector<std::string> unjoined(std::string_view text, char separator); // no empty words

} // namespace postfach::store
