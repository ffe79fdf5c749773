// backup: made by the server, listed, verified and restored without one.
#include "admin/api/json.h"
#include "admin/cli/command.h"
#include "server/base/error.h"
#include "server/base/text.h"
#include "server/store/backup.h"

#include <filesystem>
#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

std::string absolute(const std::string& folder) { return std::filesystem::absolute(folder).lexically_normal().string(); }

std::uint64_t wholeNumber(const std::string& option, const std::string& text)
{
    const auto number = base::parseU32(text);
    if (!number)
        throw Usage(option + " wants a whole number");
    return *number;
}
} // namespace

int backupCreate(Invocation& invocation)
{
    auto body = object();
    if (!invocation.arguments.empty())
        body->set("folder", absolute(invocation.arguments[0]));
    if (const auto keep = invocation.option("--keep"))
        body->set("keep", wholeNumber("--keep", *keep));
    if (const auto verify = invocation.option("--verify"))
        body->set("verify", *verify);
    const auto task = waitForTask(invocation, invocation.call("POST", "/api/v1/backups", body));
    if (invocation.json)
        printObject(task);
    else
        std::cout << forPeople(task->get("result")) << '\n';
    return 0;
}

int backupList(Invocation& invocation)
{
    Poco::JSON::Array::Ptr rows = new Poco::JSON::Array;
    for (const auto& info : store::listBackups(invocation.arguments[0])) {
        auto row = object();
        row->set("id", info.id);
        const bool dated = info.problem.empty() && info.created != base::Time{}; // the older form says no date
        row->set("created", dated ? Poco::Dynamic::Var(base::rfc3339(info.created)) : Poco::Dynamic::Var());
        row->set("accounts", info.accounts);
        row->set("messages", info.messages);
        row->set("bytes", info.bytes);
        row->set("written", info.written);
        row->set("missing", info.missing);
        row->set("problem", info.problem.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(info.problem));
        rows->add(row);
    }
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"CREATED", "created", Kind::date}, {"ACCOUNTS", "accounts"}, {"MESSAGES", "messages"},
                    {"SIZE", "bytes", Kind::size},
                    {"NEW", "written", Kind::size}, {"PROBLEM", "problem"}}, rows);
    return 0;
}

int backupVerify(Invocation& invocation)
{
    ProgressLine line;
    const auto findings = store::verifyBackups(invocation.arguments[0], [&line](std::uint64_t done, std::uint64_t total) { line.show(done, total); },
                                              invocation.option("--snapshot").value_or(""));
    return reportFindings(invocation, findings, "the backup is whole");
}

// A part of a backup goes into the server that runs; a whole one into an empty folder, without it.
static int restorePart(Invocation& invocation)
{
    auto body = object();
    body->set("folder", absolute(invocation.arguments[0]));
    body->set("account", *invocation.option("--account"));
    for (const char* name : {"snapshot", "mailbox", "to"})
        if (const auto value = invocation.option(std::string("--") + name))
            body->set(name, *value);
    if (const auto uid = invocation.option("--uid"))
        body->set("uid", wholeNumber("--uid", *uid));
    const auto task = waitForTask(invocation, invocation.call("POST", "/api/v1/backups/restore", body));
    const auto findings = task->getArray("findings");
    if (invocation.json)
        printObject(task);
    else {
        for (const auto& finding : *findings)
            std::cout << forPeople(finding) << '\n';
        std::cout << forPeople(task->get("result")) << '\n';
    }
    return findings->size() == 0 ? 0 : 1;
}

int backupRestore(Invocation& invocation)
{
    if (invocation.has("--account"))
        return restorePart(invocation);
    for (const char* option : {"--mailbox", "--uid", "--to"})
        if (invocation.has(option))
            throw Usage(std::string(option) + " wants --account");
    ProgressLine line;
    const auto progress = [&line](std::uint64_t done, std::uint64_t total) { line.show(done, total); };
    const auto findings = store::restoreStore(invocation.arguments[0], invocation.data(), progress, invocation.option("--snapshot").value_or(""));
    auto answer = object();
    answer->set("restored", invocation.data());
    Poco::JSON::Array::Ptr missing = new Poco::JSON::Array;
    for (const auto& finding : findings) {
        auto one = object();
        one->set("where", finding.where);
        one->set("what", finding.what);
        missing->add(one);
        if (!invocation.json)
            std::cout << forPeople(finding.where) << ": " << forPeople(finding.what) << '\n';
    }
    answer->set("missing", missing);
    if (invocation.json)
        printObject(answer);
    else
        std::cout << "restored into " << invocation.data() << (findings.empty() ? "" : ", without what stands above") << '\n';
    return findings.empty() ? 0 : 1;
}

} // namespace postfach::admin::run
