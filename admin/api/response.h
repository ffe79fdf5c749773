#pragma once
// What a handler answers. Whole in memory: the largest is one message, bounded by limits.message_size.
#include "admin/events.h"
#include "admin/problem.h"

#include <Poco/JSON/Object.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::admin {

struct Response {
    int status = 200;
    std::string type;                       // Content-Type; empty without a body
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<Following> follow{};      // instead of a body: events, for as long as the client stays (HTTPS only)

    static Response empty(int status = 204);
    static Response json(int status, const Poco::JSON::Object::Ptr& object);
    static Response problem(const Problem& problem);
};

} // namespace postfach::admin
