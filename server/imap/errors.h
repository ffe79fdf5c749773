#pragma once
// What ends a command or a session by being thrown. Caught once per command and once per connection (session.cpp).
// Syntax errors are BadSyntax (syntax/parser.h), the store's refusals store::Error.
#include <stdexcept>
#include <string>
#include <utility>

namespace postfach::imap {

// Tagged NO. `code` is a response code of RFC 9051 7.1 or RFC 5530 without its brackets, or empty.
struct No : std::runtime_error {
    No(std::string response_code, const std::string& text) : std::runtime_error(text), code(std::move(response_code)) {}
    std::string code;
};

// Tagged BAD with a response code; plain BAD is BadSyntax.
struct Bad : std::runtime_error {
    Bad(std::string response_code, const std::string& text) : std::runtime_error(text), code(std::move(response_code)) {}
    std::string code;
};

// Untagged BYE, then the connection closes: what follows on the wire could not be told apart any more, or patience is over.
struct Bye : std::runtime_error { using runtime_error::runtime_error; };

} // namespace postfach::imap
