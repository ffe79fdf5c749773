#pragma once
// Who does something, and the entries of the audit that tell of it (server/store/journal.h). An entry is written in the transaction of
// what it tells of, or not at all.
#include "server/store/store.h"

#include <Poco/JSON/Object.h>

#include <string>
#include <utility>
#include <vector>

namespace postfach::admin {

struct By {
    std::string actor;   // "token:NAME", "local:UID", "account:ADDRESS", "server"
    std::string address; // of whoever asked; empty: nowhere but here
    static By server() { return {"server", ""}; }
};

class Notes { // of one transaction
public:
    Notes(store::WriteTx& tx, const By& by) : tx_(tx), by_(by) {} // both outlive it
    // `before` and `after`: what differs; null for nothing. No secrets.
    void add(const std::string& action, const std::string& target, const Poco::JSON::Object::Ptr& before = nullptr,
             const Poco::JSON::Object::Ptr& after = nullptr);
    const std::vector<store::AuditEntry>& entries() const { return entries_; }

private:
    store::WriteTx& tx_;
    const By& by_;
    std::vector<store::AuditEntry> entries_;
};

// One line each, with the hash: a log that is kept elsewhere bears witness. After the commit.
void logEntries(const std::vector<store::AuditEntry>& entries);

// The fields in which two objects differ, of the first and of the second; both empty where they are the same. `passing`: fields that
// change by themselves (how much is used) and say nothing of what was done.
std::pair<Poco::JSON::Object::Ptr, Poco::JSON::Object::Ptr> differences(const Poco::JSON::Object::Ptr& before, const Poco::JSON::Object::Ptr& after,
                                                                         const std::vector<std::string>& passing = {});

// The same without those fields.
Poco::JSON::Object::Ptr without(const Poco::JSON::Object::Ptr& object, const std::vector<std::string>& fields);

// An account without what changes by itself, or follows from the rest.
Poco::JSON::Object::Ptr lasting(const store::Account& account);
void noteAccount(Notes& notes, const std::string& action, const store::Account& before, const store::Account& after, bool new_password);

Poco::JSON::Object::Ptr toJson(const store::AuditEntry& entry);

} // namespace postfach::admin
