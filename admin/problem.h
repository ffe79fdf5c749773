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

struct FieldProblem { // of one field of a body: "pop3.retention"
    std::string field, code, detail;
};

class Problem : public std::runtime_error {
public:
    // A detail that begins with `The field "NAME"` is about that field.
    Problem(int http_status, std::string stable_code, const std::string& detail);
    explicit Problem(std::vector<FieldProblem> fields); // 422, under the first one's code; at least one
    int status;
    std::string code;
    std::vector<std::pair<std::string, std::string>> headers; // Allow, WWW-Authenticate …
    std::vector<FieldProblem> fields;
};

// With the challenge that a 401 must have (RFC 9110 11.6.1): not for Basic, or a browser would ask by itself.
Problem challenged(Problem problem);

// 429: another request has what this one needs; worth another try after so many seconds.
Problem busyFor(int seconds, const std::string& detail);

// The one place where the store's kinds become answers. `subject` names what was asked for: "account alice@example.org".
Problem problemOf(const store::Error& error, const std::string& subject);

std::string_view reasonPhrase(int status);

// The application/problem+json body.
std::string problemJson(const Problem& problem);

// The codes that there are, for people and programs to rely on: published in the OpenAPI document and in admin/README.md.
struct ProblemCode {
    int status;
    const char* code;
    const char* meaning;
};
const std::vector<ProblemCode>& problemCodes();

} // namespace postfach::admin
