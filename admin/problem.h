#pragma once
// How administration says no: an HTTP status, a code that stays the same for ever, and a sentence for a person
// (RFC 9457). Thrown by the service, written by the API, printed by the command line.
#include "server/store/types.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::admin {

class Problem : public std::runtime_error {
public:
    Problem(int http_status, std::string stable_code, const std::string& detail)
        : std::runtime_error(detail), status(http_status), code(std::move(stable_code)) {}
    int status;
    std::string code;
    std::vector<std::pair<std::string, std::string>> headers; // Allow, WWW-Authenticate …
};

// The one place where the store's kinds become answers. `subject` names what was asked for: "account alice@example.org".
Problem problemOf(const store::Error& error, const std::string& subject);

std::string_view reasonPhrase(int status);

// The application/problem+json body.
std::string problemJson(int status, std::string_view code, std::string_view detail);

} // namespace postfach::admin
