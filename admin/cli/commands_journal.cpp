// audit list, audit verify, event list, task list, task cancel.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

// What is an object in the answer is one line for a person.
Poco::JSON::Array::Ptr inLines(const Poco::JSON::Array::Ptr& rows, std::initializer_list<const char*> fields)
{
    for (const auto& row : *rows)
        for (const char* field : fields) {
            auto one = row.extract<Poco::JSON::Object::Ptr>();
            if (one->isObject(field))
                one->set(field, text(one->getObject(field)));
        }
    return rows;
}
} // namespace

int auditList(Invocation& invocation)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/audit", {"since", "until", "actor", "action", "target", "address", "sort"}));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"TIME", "time", Kind::date}, {"ACTOR", "actor"}, {"FROM", "address"}, {"ACTION", "action"}, {"TARGET", "target"},
                    {"BEFORE", "before"}, {"AFTER", "after"}}, inLines(rows, {"before", "after"}));
    return 0;
}

int auditVerify(Invocation& invocation)
{
    const auto state = invocation.call("GET", invocation.narrowed("/api/v1/audit/verify", {"head"}));
    const bool whole = state->getValue<bool>("whole");
    if (invocation.json) {
        printObject(state);
        return whole ? 0 : 1;
    }
    for (const auto& finding : *state->getArray("findings")) {
        const auto one = finding.extract<Poco::JSON::Object::Ptr>();
        std::cout << forPeople(one->get("where")) << ": " << forPeople(one->get("what")) << '\n';
    }
    std::cout << (whole ? "the audit is whole: " : "the audit is NOT as it was written: ") << forPeople(state->get("entries")) << " entries, head "
              << forPeople(state->get("head")) << '\n';
    return whole ? 0 : 1;
}

int eventList(Invocation& invocation)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/events", {"since", "until", "kind", "account", "sort"}));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"TIME", "time", Kind::date}, {"KIND", "kind"}, {"ACCOUNT", "account"}, {"DATA", "data"}}, inLines(rows, {"data"}));
    return 0;
}

int taskList(Invocation& invocation)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/tasks", {"kind", "state", "since", "until", "sort"}));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"KIND", "kind"}, {"STATE", "state"}, {"CREATED", "created", Kind::date}, {"FINISHED", "finished", Kind::date},
                    {"RESULT", "result"}, {"ERROR", "error"}}, rows);
    return 0;
}

int taskCancel(Invocation& invocation)
{
    const auto task = invocation.call("POST", "/api/v1/tasks/" + percentEncoded(invocation.arguments[0]) + "/cancel");
    if (invocation.json)
        printObject(task);
    else
        std::cout << "task " << invocation.arguments[0] << " is told to end\n";
    return 0;
}

} // namespace postfach::admin::run
