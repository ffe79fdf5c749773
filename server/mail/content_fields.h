#pragma once
// What the Content-* fields of one header say. RFC 2045 5 and 6, 2183, 2231, 3282. Private to server/mail.
#include "server/mail/structure.h"

#include <string_view>

namespace postfach::mail {

// Sets type, parameters, encoding, disposition and the rest of `part` from its header. `is_in_digest`: the default type is
// message/rfc822 (RFC 2046 5.1.5). False when a limit kept something from being read by which the body may be another.
bool readContentFields(std::string_view header, bool is_in_digest, Part& part);

// The parameter's value, or empty.
std::string_view parameterValue(const std::vector<Parameter>& parameters, std::string_view name);

// The parameters of a Content-Type or Content-Disposition behind its first word. `text` is unfolded.
// `whole` becomes false where there are more than limits::kMimeParameters.
std::vector<Parameter> parseParameters(std::string_view text, bool& whole);

} // namespace postfach::mail
