#include "admin/audit.h"
#include "admin/api/json.h"
#include "server/base/hash.h"
#include "server/base/log.h"

#include <algorithm>

namespace postfach::admin {
namespace {
using Poco::Dynamic::Var;
using Poco::JSON::Object;

std::string textOf(const Var& value) // to compare by
{
    return value.isEmpty() ? "null" : value.convert<std::string>();
}

} // namespace

void Notes::add(const std::string& action, const std::string& target, const Object::Ptr& before, const Object::Ptr& after)
{
    entries_.push_back(
        tx_.addAudit({by_.actor, by_.address, action, target, before ? text(before) : "", after ? text(after) : ""}));
}

void logEntries(const std::vector<store::AuditEntry>& entries)
{
    for (const auto& entry : entries)
        base::logInfo("audit", entry.action,
            {{"by", entry.actor}, {"address", entry.address.empty() ? "-" : entry.address}, {"target", entry.target},
                {"before", entry.before.empty() ? "-" : entry.before}, {"after", entry.after.empty() ? "-" : entry.after},
                {"head", store::auditHeadText({entry.id, entry.hash})}});
}

std::pair<Object::Ptr, Object::Ptr> differences(
    const Object::Ptr& before, const Object::Ptr& after, const std::vector<std::string>& passing)
{
    std::pair<Object::Ptr, Object::Ptr> changed{object(), object()};
    for (const auto& name : after->getNames()) {
        if (std::find(passing.begin(), passing.end(), name) != passing.end()
            || textOf(before->get(name)) == textOf(after->get(name)))
            continue;
        changed.first->set(name, before->get(name));
        changed.second->set(name, after->get(name));
    }
    return changed;
}

Object::Ptr without(const Object::Ptr& given, const std::vector<std::string>& fields)
{
    auto out = object();
    for (const auto& name : given->getNames())
        if (std::find(fields.begin(), fields.end(), name) == fields.end())
            out->set(name, given->get(name));
    return out;
}

Object::Ptr lasting(const store::Account& account)
{
    return without(toJson(account, {}), {"used", "messages", "recoverable", "quota_level", "last_login", "expunge_to_trash", "pop3_in_force",
                                        "scan_in_force", "trash_in_force"});
}

void noteAccount(Notes& notes, const std::string& action, const store::Account& before, const store::Account& after, bool new_password)
{
    auto changed = differences(lasting(before), lasting(after));
    if (new_password)
        changed.second->set("password", "new");
    notes.add(action, after.address, changed.first, changed.second);
}

Object::Ptr toJson(const store::AuditEntry& entry)
{
    auto out = object();
    out->set("id", entry.id);
    out->set("time", base::rfc3339(entry.time));
    out->set("actor", entry.actor);
    out->set("address", entry.address.empty() ? Var() : Var(entry.address));
    out->set("action", entry.action);
    out->set("target", entry.target);
    out->set("before", storedObject(entry.before));
    out->set("after", storedObject(entry.after));
    out->set("hash", base::hex(entry.hash));
    return out;
}

} // namespace postfach::admin
