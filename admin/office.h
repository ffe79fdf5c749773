#pragma once
// The office in one document: domains, accounts, aliases and their policies, as a file under version control holds them.
//   {"domains": [{"name", "pop3", "scan", "trash"}…], "accounts": [{"address", "name", "quota"…}…], "aliases": [{"address", "targets"}…]}
// Each entry is what PUT of that resource takes. Passwords and hashes are never in a snapshot; given, they are for accounts
// that are new: who is there keeps what he has.
#include "admin/service.h"

#include <Poco/JSON/Object.h>

#include <cstdint>
#include <string>
#include <vector>

namespace postfach::admin {

struct Office {
    struct Domain {
        std::string name;
        store::Pop3Policy pop3;
        store::ScanPolicy scan;
        store::TrashPolicy trash;
    };
    struct Account {
        std::string address;
        AccountChange wanted; // whole: only the password and its hash may be absent
    };
    std::vector<Domain> domains;
    std::vector<Account> accounts;
    std::vector<store::Alias> aliases;
};

struct OfficeChange {                // one entry that differs from what is there
    std::string kind, key;           // domain, account, alias
    std::string action;              // create, change, remove
    std::vector<std::string> fields; // that change
};

struct OfficeDifference {
    std::vector<OfficeChange> changes;
    std::uint64_t same = 0;
    std::vector<OfficeChange> others; // there, and not in the document: `remove` of each is what prune would do
};

// Throws Problem 422 with every field that is wrong ("accounts[3].quota").
Office parseOffice(const Poco::JSON::Object::Ptr& document, std::uint64_t default_quota);
Poco::JSON::Object::Ptr officeJson(const std::vector<store::Domain>& domains, const std::vector<store::Account>& accounts,
    const std::vector<store::Alias>& aliases);

// The fields of an account that may be written; what is absent stays absent. `fields` is not finished.
AccountChange accountChangeOf(Fields& fields, std::uint64_t default_quota);
// PUT replaces: what is not said takes its default.
AccountChange wholeAccount(const AccountChange& change, std::uint64_t default_quota);
// The names of the fields in which `wanted`, a whole account, differs from what there is.
std::vector<std::string> differing(const AccountChange& wanted, const store::Account& there);

} // namespace postfach::admin
