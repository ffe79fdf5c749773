#pragma once
// The URLs that CATENATE may name: a message of the same account, or a part of one. RFC 4469 3, RFC 5092.
//   /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
// Without a mailbox it is the selected one; without the slash it is beside it, as RFC 3986 5.2 resolves paths.
#include "server/imap/syntax/fetch.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::imap {

struct MessageUrl {
    std::string mailbox; // UTF-8, levels joined by '/'
    std::optional<std::uint32_t> uid_validity;
    std::uint32_t uid = 0;
    BodySection section; // with its partial range; the whole message when the URL names none
};

// nullopt: no such URL. `selected`: the mailbox it may be relative to, as `mailbox` is spelt; empty for none.
std::optional<MessageUrl> parseMessageUrl(std::string_view url, std::string_view selected);

// As a BADURL response code names it (RFC 4469 5, url-resp-text): what may not stand there is in percent encoding, and it is not long.
std::string urlForAnswer(std::string_view url);

} // namespace postfach::imap
