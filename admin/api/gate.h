#pragma once
// Between the reader and the handlers, in this order, before a byte of the body is read: the target is understood, the
// caller known (401), the origin no foreign page (403), the route found (404, 405), the scope enough (403), the body's kind
// and length allowed (415, 413). Everything here may block: helper threads only.
#include "admin/api/conditions.h"
#include "admin/api/request_reader.h"
#include "admin/api/response.h"
#include "admin/api/routes.h"
#include "admin/service.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace postfach::admin {

struct Peer { // who has connected, before he has said a word
    bool local = false;      // through DIR/run/admin.sock
    unsigned uid = 0;        // when local
    std::string address;     // else
};

struct Judged {
    std::optional<Response> refused;     // answer this, and read no body
    Principal who;
    Target target;
    Match match;
    std::uint64_t body_limit = 0;
    std::chrono::milliseconds delay{};   // before it is answered
    std::optional<Proven> login{};       // what became of attemptIn()
};

Problem tooManyLogins(); // 503

class Gate {
public:
    explicit Gate(Service& service) : service_(service) {} // outlives it

    // What /api/v1/me wants to be shown first: name and password for auth::Authenticator::login(), which takes its time after
    // failures. nullopt: nothing to try.
    static std::optional<auth::Attempt> attemptOf(const RequestHead& head, const std::string& peer);
    // The password in the body of a request that wants one. Problem 422 and 400 for a body that cannot be understood.
    static std::optional<auth::Attempt> attemptIn(const Judged& judged, const std::string& body, const std::string& peer);
    static void refuse(Judged& judged, const Problem& problem); // after judge(): and counts it
    auth::Authenticator& authenticator() { return service_.context().auth; }

    // `login`: what became of attemptOf().
    Judged judge(const RequestHead& head, const Peer& peer, const std::optional<auth::Login>& login = std::nullopt);
    store::Store& store() { return service_.context().store; }
    Response answer(const Judged& judged, const RequestHead& head, const std::string& body);

private:
    void judgeInto(Judged& judged, const RequestHead& head, const Peer& peer, const std::optional<auth::Login>& login);
    Principal browserOf(const std::string& secret, const RequestHead& head, const std::string& address, std::chrono::milliseconds& delay);
    void countRefused(const std::string& address, std::chrono::milliseconds& delay); // Problem 429 when there were too many
    Principal authenticate(const RequestHead& head, const std::string& address, std::chrono::milliseconds& delay);
    Service& service_;
    RepeatedPosts repeated_;
};

} // namespace postfach::admin
