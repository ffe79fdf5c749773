#pragma once
// JSON in and out, on Poco::JSON. What comes in is bounded in depth before a parser sees it; fields are taken one by one
// with their types, and whatever is left over is refused.
#include "admin/problem.h"
#include "admin/tasks.h"
#include "server/auth/guard.h"
#include "server/net/sessions.h"
#include "server/store/journal.h"
#include "server/store/types.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <cstdint>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

inline constexpr int kJsonDepth = 16;           // no resource nests deeper than 4
inline constexpr std::size_t kJsonEntries = 4096; // an alias has 1,000 targets at most; as objects an entry takes 250 bytes of memory
inline constexpr std::size_t kAnyEntries = std::numeric_limits<std::size_t>::max(); // of what is our own

// An object that keeps its keys in the order in which they were set.
Poco::JSON::Object::Ptr object();
std::string text(const Poco::JSON::Object::Ptr& object);
std::string text(const Poco::JSON::Array::Ptr& array);
Poco::JSON::Array::Ptr array(const std::vector<std::string>& strings);
Poco::Dynamic::Var dateOrNull(const std::optional<base::Time>& time);

// Throws Problem 400 for what is no JSON, too deep or of too many entries, 422 for what is no object. The parser keeps the whole of what it
// reads, so entries are counted before.
Poco::JSON::Object::Ptr parseObject(std::string_view body, std::size_t entries = kJsonEntries);
bool isTooDeep(std::string_view json, int most);
// Counted is what begins an object or a list, and each comma: as many as there are entries, or more.
bool hasMoreEntries(std::string_view json, std::size_t most);
// An object that was stored as text; null for none. What is no JSON any more is shown all the same, as {"unreadable": …}.
Poco::Dynamic::Var storedObject(const std::string& json);

// Takes fields out of an object by name and type. What is wrong is gathered: a field of a wrong type reads as if it were not
// there, and finish() of the outermost object throws Problem 422 with all of it, and with what nobody asked for. So nothing
// may be done with what was read before finish().
class Fields {
public:
    explicit Fields(Poco::JSON::Object::Ptr from) : from_(std::move(from)), problems_(std::make_shared<std::vector<FieldProblem>>()) {}
    std::optional<std::string> text(const std::string& name, std::size_t most = 1000);
    std::optional<std::uint64_t> number(const std::string& name);
    std::optional<bool> flag(const std::string& name);
    std::optional<Fields> fields(const std::string& name);        // an object of fields
    std::optional<Fields> objectIfOne(const std::string& name);   // the same; nullopt for anything else
    std::optional<std::vector<std::string>> texts(const std::string& name, std::size_t most = 1000);
    std::vector<Fields> list(const std::string& name, std::size_t most); // of objects of fields; empty when it is not there
    bool has(const std::string& name) const { return from_->has(name); }
    bool isNull(const std::string& name);     // there, and null
    void refuse(const std::string& name);     // known, but not to be written
    void mustBe(const std::string& name, const std::string& wanted); // gathers that its value is none that it can have
    void finish();

private:
    Poco::Dynamic::Var take(const std::string& name);
    void wrong(const std::string& name, const char* code, const std::string& detail); // gathered
    std::optional<std::string> checkedText(const Poco::Dynamic::Var& value, const std::string& name, std::size_t most);

    Poco::JSON::Object::Ptr from_;
    std::string prefix_;                                   // "pop3." of an inner object
    std::shared_ptr<std::vector<FieldProblem>> problems_;  // shared with the inner ones
    std::set<std::string> taken_;
};

Poco::JSON::Object::Ptr toJson(const store::Domain& domain);
struct Configured {                                            // what domains inherit
    store::ScanPolicy scan;
    store::TrashPolicy trash;
};
Poco::JSON::Object::Ptr toJson(const store::Account& account, const Configured& configured);
Poco::JSON::Object::Ptr toJson(const store::Mailbox& mailbox);
Poco::JSON::Object::Ptr toJson(const store::AppPassword& password);
Poco::JSON::Object::Ptr toJson(const auth::Ban& ban, base::Time now);
Poco::JSON::Object::Ptr toJson(const store::Alias& alias);
Poco::JSON::Object::Ptr toJson(const store::Token& token);
Poco::JSON::Object::Ptr toJson(const store::Quarantined& entry);
Poco::JSON::Object::Ptr toJson(const store::Recoverable& entry);
Poco::JSON::Object::Ptr toJson(const net::SessionInfo& session);
Poco::JSON::Object::Ptr toJson(const Task& task);
Poco::JSON::Object::Ptr toJson(const store::Webhook& webhook); // never its secret

} // namespace postfach::admin
