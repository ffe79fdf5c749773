#pragma once
// The words of a message, for SEARCH (RFC 9051 6.4.4: decoded, charset-converted) and for previews.
#include "server/mail/structure.h"

#include <functional>
#include <string>
#include <string_view>

namespace postfach::mail {

// The fields of all headers, unfolded and decoded, one "Name: value" line each: the message's, its parts' (RFC 9051 6.4.4: "MIME
// header fields" are among what TEXT finds) and inner messages'. UTF-8, not folded.
std::string searchableHeader(std::string_view message, const Structure& structure);
// Every text/* leaf, transfer-decoded and converted; HTML with its tags and without (words split by tags are found). UTF-8. One after
// the other, as long as `take` says yes: large ones are not held together.
void eachText(std::string_view message, const Structure& structure, const std::function<bool(std::string_view text)>& take);
std::string searchableBody(std::string_view message, const Structure& structure); // all of them, a line end behind each
std::string htmlToText(std::string_view html);
std::string preview(std::string_view message, const Structure& structure, std::size_t characters = 200);

} // namespace postfach::mail
