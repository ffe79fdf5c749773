#pragma once
// Between the reader and the handlers, in this order, before a byte of the body is read: the target is understood, the
// caller known (401), the origin no foreign page (403), the route found (404, 405), the scope enough (403), the body's kind
// and length allowed (415, 413). Everything here may block: helper threads only.
#include "admin/api/conditions.h"
#include "admin/api/request_reader.h"
#include "admin/api/response.h"
#include "admin/api/routes.h"
#include "admin/service.h"

#include <cstdint>
#include <optional>
#include <string>

namespace postfach::admin {

struct Judged {
    std::optional<Response> refused;     // answer this, and read no body
    Principal who;
    Target target;
    Match match;
    std::uint64_t body_limit = 0;
};

class Gate {
public:
    explicit Gate(Service& service) : service_(service) {} // outlives it

    // `local`: the request came through DIR/run/admin.sock. `peer` is for the log.
    Judged judge(const RequestHead& head, bool local, const std::string& peer);
    Response answer(const Judged& judged, const RequestHead& head, const std::string& body);

private:
    void judgeInto(Judged& judged, const RequestHead& head, bool local, const std::string& peer);
    Principal authenticate(const RequestHead& head, const std::string& peer);
    Service& service_;
    RepeatedPosts repeated_;
};

} // namespace postfach::admin
