// account policy, domain policy: what POP3 does with downloaded mail, what becomes of mail that is not clean and of what is deleted, shown
// and changed.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"
#include "server/base/text.h"

#include <array>
#include <iostream>

namespace postfach::admin::run {
namespace {
using Poco::Dynamic::Var;

constexpr const char* kInherit = "inherit";

Var retention(const std::string& text)
{
    if (text == kInherit)
        return {};
    if (text == "keep" || text == "delete")
        return text;
    const auto days = text.ends_with('d') ? base::parseU32(std::string_view(text).substr(0, text.size() - 1)) : std::nullopt;
    if (!days)
        throw Usage("--retention wants keep, delete, a number of days such as 14d, or inherit");
    auto out = object();
    out->set("days", *days);
    return out;
}

Var yesOrNo(const std::string& option, const std::string& text)
{
    if (text != kInherit && text != "yes" && text != "no")
        throw Usage(option + " wants yes, no or inherit");
    return text == kInherit ? Var() : Var(text == "yes");
}

Poco::JSON::Object::Ptr wantedPolicy(Invocation& invocation)
{
    auto policy = object();
    if (const auto given = invocation.option("--retention"))
        policy->set("retention", retention(*given));
    if (const auto given = invocation.option("--seen"))
        policy->set("seen", yesOrNo("--seen", *given));
    if (const auto given = invocation.option("--delete"))
        policy->set("delete", *given == kInherit ? Var() : Var(*given));
    if (const auto given = invocation.option("--exclusive"))
        policy->set("exclusive", yesOrNo("--exclusive", *given));
    return policy;
}

// The server says what a line may be.
Poco::JSON::Object::Ptr wantedScanPolicy(Invocation& invocation)
{
    auto policy = object();
    for (const auto line : store::ScanPolicy::kLines)
        if (const auto given = invocation.option("--" + std::string(line)))
            policy->set(std::string(line), *given == kInherit ? Var() : Var(*given));
    return policy;
}

constexpr std::array<std::array<const char*, 2>, 3> kDays{
    {{"--trash-days", "trash_days"}, {"--junk-days", "junk_days"}, {"--recovery-days", "recovery_days"}}};

Poco::JSON::Object::Ptr wantedTrashPolicy(Invocation& invocation)
{
    auto policy = object();
    if (const auto given = invocation.option("--expunge-to-trash"))
        policy->set("expunge_to_trash", yesOrNo("--expunge-to-trash", *given));
    for (const auto& [option, field] : kDays) {
        const auto given = invocation.option(option);
        if (!given)
            continue;
        const auto days = base::parseU32(*given);
        if (!days && *given != kInherit)
            throw Usage(std::string(option) + " wants a number of days or inherit");
        policy->set(field, days ? Var(*days) : Var());
    }
    return policy;
}

std::string retentionForPeople(const Poco::JSON::Object::Ptr& policy)
{
    if (const auto days = policy->getObject("retention"))
        return days->getValue<std::string>("days") + " days after the first download";
    return forPeople(policy->get("retention"));
}

void printPolicy(const Poco::JSON::Object::Ptr& own, const Poco::JSON::Object::Ptr& in_force)
{
    const struct { const char *heading, *field; } rows[] = {
        {"RETENTION", "retention"}, {"SEEN", "seen"}, {"DELETE", "delete"}, {"EXCLUSIVE", "exclusive"}};
    for (const auto& [heading, field] : rows) {
        const bool is_retention = std::string_view(field) == "retention";
        const bool inherits = own->get(field).isEmpty();
        const auto& from = inherits && in_force ? in_force : own;
        const std::string value = is_retention ? retentionForPeople(from) : forPeople(from->get(field));
        std::cout << (std::string(heading) + "           ").substr(0, 11) << (inherits && !in_force ? "default" : value)
                  << (inherits && in_force ? " (inherited)" : "") << '\n';
    }
}

void printScanPolicy(const Poco::JSON::Object::Ptr& own, const Poco::JSON::Object::Ptr& in_force)
{
    for (const auto line : store::ScanPolicy::kLines) {
        const std::string field(line);
        const bool inherits = own->get(field).isEmpty();
        const std::string value = inherits && !in_force ? "default" : forPeople((inherits ? in_force : own)->get(field));
        std::cout << (base::upper(field) + "            ").substr(0, 13) << value << (inherits && in_force ? " (inherited)" : "") << '\n';
    }
}

void printTrashPolicy(const Poco::JSON::Object::Ptr& own, const Poco::JSON::Object::Ptr& in_force)
{
    const struct { const char *heading, *field; } rows[] = {{"EXPUNGE TO TRASH", "expunge_to_trash"}, {"TRASH DAYS", "trash_days"},
                                                            {"JUNK DAYS", "junk_days"}, {"RECOVERY DAYS", "recovery_days"}};
    for (const auto& [heading, field] : rows) {
        const bool inherits = own->get(field).isEmpty();
        const std::string value = inherits && !in_force ? "default" : forPeople((inherits ? in_force : own)->get(field));
        std::cout << (std::string(heading) + "                  ").substr(0, 18) << value << (inherits && in_force ? " (inherited)" : "") << '\n';
    }
}

int policyOf(Invocation& invocation, const char* collection)
{
    const std::string target = "/api/v1/" + std::string(collection) + "/" + percentEncoded(invocation.arguments[0]);
    const auto policy = wantedPolicy(invocation);
    const auto scan_policy = wantedScanPolicy(invocation);
    const auto trash_policy = wantedTrashPolicy(invocation);
    auto body = object();
    if (policy->size() > 0)
        body->set("pop3", policy);
    if (scan_policy->size() > 0)
        body->set("scan", scan_policy);
    if (trash_policy->size() > 0)
        body->set("trash", trash_policy);
    const auto answer = body->size() == 0 ? invocation.call("GET", target) : invocation.call("PATCH", target, body);
    const auto own = answer->getObject("pop3");
    const auto in_force = answer->getObject("pop3_in_force");
    const auto scan = answer->getObject("scan"), scan_in_force = answer->getObject("scan_in_force");
    const auto trash = answer->getObject("trash"), trash_in_force = answer->getObject("trash_in_force");
    if (!invocation.json) {
        printPolicy(own, in_force);
        std::cout << '\n';
        printScanPolicy(scan, scan_in_force);
        std::cout << '\n';
        printTrashPolicy(trash, trash_in_force);
        return 0;
    }
    auto out = object();
    out->set("pop3", own);
    if (in_force)
        out->set("pop3_in_force", in_force);
    out->set("scan", scan);
    if (scan_in_force)
        out->set("scan_in_force", scan_in_force);
    out->set("trash", trash);
    if (trash_in_force)
        out->set("trash_in_force", trash_in_force);
    printObject(out);
    return 0;
}
} // namespace

int accountPolicy(Invocation& invocation) { return policyOf(invocation, "accounts"); }
int domainPolicy(Invocation& invocation) { return policyOf(invocation, "domains"); }

} // namespace postfach::admin::run
