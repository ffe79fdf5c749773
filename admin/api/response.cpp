#include "admin/api/response.h"
#include "admin/api/json.h"

namespace postfach::admin {

Response Response::empty(int status) { return {status, "", "", {}}; }

Response Response::json(int status, const Poco::JSON::Object::Ptr& object) { return {status, "application/json", text(object), {}}; }

Response Response::problem(const Problem& problem)
{
    return {problem.status, "application/problem+json", problemJson(problem), problem.headers};
}

} // namespace postfach::admin
