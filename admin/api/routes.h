#pragma once
// The table of routes: one row says method, path, who may, what goes in, what comes out and which statuses there are.
// The router, the OpenAPI document and the tests read this table and nothing else.
#include "admin/api/json.h"
#include "admin/api/request_reader.h"
#include "admin/api/response.h"
#include "admin/api/target.h"
#include "admin/service.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct Principal { // who asks
    std::string name;
    std::vector<std::string> scopes; // of a token, or of an administrator's account in a browser
    bool local = false;              // through DIR/run/admin.sock: the administrator of this machine
    By by;                           // the same for the audit
    std::string account;             // an account's owner, under his own password, an app password or in a browser; else empty
    bool own_password = false;
    std::optional<Service::Browser> browser{}; // when a cookie says so
    std::function<bool()> still{};   // whether that still holds, for what goes on for long; blocks; empty: it does

    // `admin` is every scope but `mail`: reading other people's mail is said on purpose. Owners have `me`, and `me:write`
    // under their own password: what a lost phone knows must not change it. `session` is a browser's.
    bool may(std::string_view scope) const;
};

struct Proven { // what became of the password in a body
    std::string user; // as it was typed
    auth::Login what;
};

struct Call { // one request on its way into a handler
    const RequestHead& head;
    const std::string& body;
    const Target& target;
    std::vector<std::string> values; // of the path's {…}, in order
    const Principal& who;
    const Proven* login = nullptr;   // of routes that want a Proof, when there was one to look at

    Fields fields() const;           // of the JSON body
    std::string parameter(const std::string& name) const; // of the query; empty when absent
};

enum class BodyKind { none, json, patch, message, signatures, xml, office };

// A password in the body that is looked at before the handler is asked: auth::Authenticator takes its time after failures.
enum class Proof {
    none,
    signIn,   // "account" and "password"
    password, // of a browser alone: "current_password", of who is signed in
    both,     // "password" and "code", of who asks
};

struct Route {
    const char* method;
    const char* path;        // "/api/v1/accounts/{address}"
    const char* scope;       // empty: anybody
    const char* id;          // operationId
    const char* summary;
    Response (*handle)(Service&, const Call&);
    BodyKind body = BodyKind::none;
    const char* takes = "";  // schema of the body
    const char* gives = "";  // schema of the answer; "list:X" for {"items":[X…],"next":…}; "X|202:Y" for Y under 202
    std::vector<int> statuses;              // besides those of every route (401, 403, 500 …)
    std::vector<const char*> parameters{};  // of the query
    bool lenient = false;    // mail programs ask it: parameters that are not known are passed over
    Proof proof = Proof::none;
};

const std::vector<Route>& routes();
std::vector<Route> setupRoutes();  // its part for mail programs that set themselves up
std::vector<Route> meRoutes();     // an owner's own account
std::vector<Route> loginRoutes();
std::vector<Route> webSessionRoutes(); // browsers that sign in
std::vector<Route> totpRoutes();   // second factors
std::vector<Route> officeRoutes(); // mailboxes, and the office as one document

struct Match {
    const Route* route = nullptr;
    std::vector<std::string> values;
};
// HEAD is answered by GET. Throws Problem 404, or 405 with Allow.
Match findRoute(std::string_view method, const Target& target);

std::string openApi(); // the OpenAPI 3.1 document, made from the table

} // namespace postfach::admin
