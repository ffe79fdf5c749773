// check, healthcheck, and what long work shows: with the server where it runs, on the folder itself where it does not.
#include "admin/api/json.h"
#include "admin/cli/command.h"
#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/store/salvage.h"
#include "server/store/store.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

namespace postfach::admin {
// On a terminal, rewritten in place.
void ProgressLine::show(std::uint64_t done, std::uint64_t total)
{
    if (!isatty(2) || total == 0)
        return;
    std::cerr << '\r' << done * 100 / total << " %, " << sizeForPeople(done) << " of " << sizeForPeople(total) << "   " << std::flush;
    shown_ = true;
}

ProgressLine::~ProgressLine()
{
    if (shown_)
        std::cerr << '\n';
}

int reportFindings(Invocation& invocation, const std::vector<store::Finding>& findings, const std::string& fine)
{
    Poco::JSON::Array::Ptr list = new Poco::JSON::Array;
    for (const auto& finding : findings) {
        auto one = object();
        one->set("where", finding.where);
        one->set("what", finding.what);
        list->add(one);
        if (!invocation.json)
            std::cout << forPeople(finding.where) << ": " << forPeople(finding.what) << '\n';
    }
    if (invocation.json)
        printList(list);
    else if (findings.empty())
        std::cout << fine << '\n';
    return findings.empty() ? 0 : 1;
}

Poco::JSON::Object::Ptr waitForTask(Invocation& invocation, Poco::JSON::Object::Ptr task)
{
    ProgressLine line;
    const auto path = "/api/v1/tasks/" + task->getValue<std::string>("id");
    auto pause = std::chrono::milliseconds(5);
    for (;;) {
        const auto state = task->getValue<std::string>("state");
        if (state == "failed" || state == "cancelled")
            throw base::Refused(forPeople(task->get("error")), 1);
        if (state == "done")
            return task;
        line.show(task->getValue<Poco::UInt64>("progress"), task->getValue<Poco::UInt64>("total"));
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(500));
        task = invocation.call("GET", path);
    }
}

namespace run {

int check(Invocation& invocation)
{
    const bool repair = invocation.has("--repair");
    Poco::JSON::Object::Ptr task;
    try {
        auto body = object();
        body->set("repair", repair);
        task = invocation.call("POST", "/api/v1/checks", body);
    } catch (const NotReachable&) { // then there is nobody to ask but the folder
        const base::SystemClock clock;
        store::StoreOptions options;
        options.folder = invocation.data();
        options.must_exist = true;
        std::vector<store::Finding> found;
        try {
            ProgressLine line;
            const auto show = [&line](std::uint64_t done, std::uint64_t total) { line.show(done, total); };
            found = store::openSqliteStore(options, clock)->check(repair, show, {});
        } catch (const store::Error& damaged) {
            found.push_back({damaged.what(), options.folder, false});
        } catch (const base::Refused& refused) { // there is no such store, or somebody holds it: not a question of usage
            throw base::Refused(refused.what(), 1);
        }
        return reportFindings(invocation, found, "the store is consistent");
    }
    task = waitForTask(invocation, task);
    std::vector<store::Finding> findings;
    for (const auto& line : *task->getArray("findings")) {
        const auto text = line.convert<std::string>();
        const auto colon = text.find(": ");
        findings.push_back({colon == std::string::npos ? text : text.substr(colon + 2), text.substr(0, colon), false});
    }
    return reportFindings(invocation, findings, "the store is consistent");
}

int salvage(Invocation& invocation)
{
    const std::string fresh = std::filesystem::absolute(invocation.arguments[0]).lexically_normal().string();
    store::Salvaged saved;
    {
        ProgressLine line;
        saved = store::salvageStore(invocation.data(), fresh, [&line](std::uint64_t done, std::uint64_t total) { line.show(done, total); });
    }
    auto answer = object();
    answer->set("salvaged", fresh);
    answer->set("accounts", saved.accounts);
    answer->set("mailboxes", saved.mailboxes);
    answer->set("messages", saved.messages);
    answer->set("from_logs", saved.from_logs);
    answer->set("found", saved.found);
    answer->set("pages", saved.pages);
    answer->set("damaged_pages", saved.damaged_pages);
    Poco::JSON::Array::Ptr lost = new Poco::JSON::Array;
    for (const auto& finding : saved.lost) {
        auto one = object();
        one->set("where", finding.where);
        one->set("what", finding.what);
        lost->add(one);
        if (!invocation.json)
            std::cout << forPeople(finding.where) << ": " << forPeople(finding.what) << '\n';
    }
    answer->set("lost", lost);
    if (invocation.json) {
        printObject(answer);
    } else {
        std::cout << "saved into " << fresh << ": " << saved.accounts << " accounts, " << saved.mailboxes << " mailboxes, " << saved.messages
                  << " messages; " << saved.damaged_pages << " of " << saved.pages << " pages of the database are damaged\n";
        if (saved.from_logs > 0)
            std::cout << "of these messages " << saved.from_logs << " stood in a damaged log alone\n";
        if (saved.found > 0)
            std::cout << "contents that belong to nobody: " << saved.found << ", in " << fresh << "/lost+found\n";
    }
    return saved.lost.empty() ? 0 : 1;
}

int healthcheck(Invocation& invocation)
{
    const auto reply = invocation.server().request("GET", "/readyz");
    const auto state = parseObject(reply.body, kAnyEntries);
    if (invocation.json) {
        printObject(state);
        return reply.status == 200 ? 0 : 1;
    }
    std::cout << state->getValue<std::string>("status") << '\n';
    const auto components = state->getObject("components");
    for (const auto& name : components->getNames()) {
        const auto one = components->getObject(name);
        // Also what takes nobody's readiness; that there are no signatures yet is said by the log and by `scan status`.
        const bool told = name != "signatures" && one->optValue("warning", false);
        if (told || !one->getValue<bool>("ready"))
            std::cout << name << ": " << forPeople(one->get("detail")) << '\n';
    }
    return reply.status == 200 ? 0 : 1;
}

} // namespace run
} // namespace postfach::admin
