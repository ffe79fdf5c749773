#pragma once
// Conditional requests (RFC 9110 13): entity tags, and the same POST sent twice.
#include "admin/api/routes.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::admin {

std::string entityTag(std::string_view representation); // strong: of exactly these bytes
std::string entityTag(const Poco::JSON::Object::Ptr& representation);

bool onlyNew(const Call& call);                        // If-None-Match: * on PUT; Problem 412 for any other value
std::optional<std::string> expected(const Call& call); // If-Match
// Problem 412 when a caller relies on another state of `subject` than the one with the tag `current` (empty: it is not there).
// Call it inside the transaction that changes it. If-Match may list several, or be "*".
void requireMatch(const std::optional<std::string>& expected, std::string_view current, const std::string& subject);

// What a GET answers to If-None-Match: 304 when the caller has it already. Gives a tag to answers that have none.
Response conditional(const RequestHead& head, Response response);

// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again because its answer was lost gets
// that answer and does nothing twice. Kept in memory: for an hour, a thousand of them and 8 MiB; a restart forgets them,
// and what is found already made is then refused as such (409).
class RepeatedPosts {
public:
    // `who` keeps the keys of one caller from those of another. Throws Problem 422 (the key came with another request), 409 (the
    // first is still being worked on), 400 (no such key). Answers of 500 and more, and what is thrown, are not kept.
    Response answer(const std::string& who, const RequestHead& head, const std::string& body,
        std::chrono::steady_clock::time_point now, const std::function<Response()>& work);

private:
    struct Kept {
        std::string request;              // SHA-256 of target and body
        std::optional<Response> response; // absent: being worked on
        std::chrono::steady_clock::time_point since;
        std::uint64_t size = 0;
    };
    void forgetOld(std::chrono::steady_clock::time_point now);

    std::mutex mutex_;
    std::map<std::string, Kept> kept_; // guarded by mutex_
    std::list<std::string> order_;     // guarded by mutex_; the oldest first
    std::uint64_t bytes_ = 0;          // guarded by mutex_
};

} // namespace postfach::admin
