#pragma once
// What a browser shows instead of a token (RFC 6265; the prefix __Host- of draft-ietf-httpbis-rfc6265bis 4.1.3.2: set over TLS, by this
// very host, for every path), and what it must show besides when it changes something: a token of the session in a header, which no page
// of another site can know or send, and where the request comes from (Origin, RFC 6454 7; Sec-Fetch-Site, W3C Fetch Metadata 2.4).
#include "admin/api/request_reader.h"

#include <optional>
#include <string>

namespace postfach::admin {

inline constexpr const char* kSessionCookie = "__Host-postfach";

// The secret of the session that a request names; empty where the cookie is there without a value. Problem 400 when it is there twice.
std::optional<std::string> sessionSecretIn(const RequestHead& head);
std::string sessionCookie(const std::string& secret); // values of Set-Cookie
std::string endedSessionCookie();

std::string csrfToken(const std::string& secret); // of the session: X-CSRF-Token

// Problem 403 when a browser says that a page of another site made the request.
void requireOwnSite(const RequestHead& head);
// Problem 403 unless the request may have been made by a page of ours, for the session with this secret.
void requireOwnPage(const RequestHead& head, const std::string& secret);

} // namespace postfach::admin
