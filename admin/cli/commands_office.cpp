// mailbox, config.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"
#include "server/base/error.h"
#include "server/base/file.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;
constexpr std::size_t kDocument = 16U << 20; // as the server takes

std::string mailboxesOf(const std::string& address) { return "/api/v1/accounts/" + percentEncoded(address) + "/mailboxes"; }
std::string mailboxPath(const std::string& address, const std::string& name)
{
    return mailboxesOf(address) + "/" + percentEncoded(name);
}

void tell(Invocation& invocation, const Poco::JSON::Object::Ptr& answer, const std::string& sentence)
{
    if (invocation.json)
        printObject(answer);
    else
        std::cout << sentence << '\n';
}

// JSON as a person and a version control system want it: two blanks a level, a line a value.
void printPretty(const Poco::JSON::Object::Ptr& object)
{
    object->stringify(std::cout, 2);
    std::cout << '\n';
}

void printChanges(const Poco::JSON::Array::Ptr& changes)
{
    for (std::size_t i = 0; i < changes->size(); ++i) {
        const auto one = changes->getObject(static_cast<unsigned>(i));
        const auto fields = forPeople(one->get("fields"));
        std::cout << forPeople(one->get("action")) << ' ' << forPeople(one->get("kind")) << ' ' << forPeople(one->get("key"))
                  << (fields == "-" ? "" : ": " + fields) << '\n';
    }
}
} // namespace

int mailboxList(Invocation& invocation)
{
    const auto rows = invocation.list(mailboxesOf(invocation.arguments[0]));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"NAME", "name"}, {"MESSAGES", "messages"}, {"UNREAD", "unseen"}, {"SIZE", "size", Kind::size},
                       {"USE", "special_use"}},
            rows);
    return 0;
}

int mailboxCreate(Invocation& invocation)
{
    for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
        const auto& name = invocation.arguments[i];
        const auto answer =
            invocation.call("PUT", mailboxPath(invocation.arguments[0], name), object(), {{"If-None-Match", "*"}});
        tell(invocation, answer, "mailbox " + name + " created");
    }
    return 0;
}

int mailboxRename(Invocation& invocation)
{
    auto body = object();
    body->set("name", invocation.arguments[2]);
    const auto answer = invocation.call("PATCH", mailboxPath(invocation.arguments[0], invocation.arguments[1]), body);
    tell(invocation, answer, "mailbox " + invocation.arguments[1] + " is " + invocation.arguments[2] + " now");
    return 0;
}

int mailboxRemove(Invocation& invocation)
{
    for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
        const auto& name = invocation.arguments[i];
        invocation.call("DELETE", mailboxPath(invocation.arguments[0], name));
        auto answer = object();
        answer->set("removed", name);
        tell(invocation, answer, "mailbox " + name + " removed");
    }
    return 0;
}

int configSnapshot(Invocation& invocation)
{
    printPretty(invocation.call("GET", "/api/v1/configuration/snapshot"));
    return 0;
}

int configApply(Invocation& invocation)
{
    std::string document;
    try {
        document = base::readFile(invocation.arguments[0], kDocument);
    } catch (const std::exception& error) {
        throw base::Refused("the document cannot be read: " + std::string(error.what()), 1);
    }
    const auto body = parseObject(document, kAnyEntries);
    const std::string options =
        std::string(invocation.has("--dry-run") ? "dry_run=true&" : "") + (invocation.has("--prune") ? "prune=true&" : "");
    auto answer = invocation.call(
        "POST", "/api/v1/configuration/apply" + (options.empty() ? "" : "?" + options.substr(0, options.size() - 1)), body);
    if (!invocation.has("--dry-run")) {
        answer = waitForTask(invocation, answer);
        tell(invocation, answer, forPeople(answer->get("result")));
        return 0;
    }
    if (invocation.json) {
        printObject(answer);
        return 0;
    }
    printChanges(answer->getArray("changes"));
    if (invocation.has("--prune"))
        printChanges(answer->getArray("others"));
    std::cout << forPeople(answer->get("same")) << " as they are\n";
    return 0;
}

} // namespace postfach::admin::run
