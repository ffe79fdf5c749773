#pragma once
// One row of the table says what a command is called, takes and does; the help texts are made from the same rows.
#include "admin/cli/local_client.h"
#include "server/store/store.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct Usage : std::runtime_error { // exit status 2
    using runtime_error::runtime_error;
};

class Invocation { // a command line, taken apart
public:
    std::vector<std::string> arguments;                        // behind the command's words
    std::multimap<std::string, std::string> options;           // "--quota" -> "5GiB"; flags with ""
    bool json = false;

    bool has(const std::string& option) const { return options.contains(option); }
    std::optional<std::string> option(const std::string& name) const; // the last one counts
    std::vector<std::string> all(const std::string& name) const;
    const std::string& data() const;                           // DIR; Usage when nobody said it

    LocalClient& server();
    // The answer's body; a refusal is thrown as Refused with the server's own sentence (exit status 1).
    Poco::JSON::Object::Ptr call(std::string_view method, const std::string& target, const Poco::JSON::Object::Ptr& body = nullptr,
                                 const std::vector<LocalClient::Header>& headers = {});
    Poco::JSON::Array::Ptr list(const std::string& target);    // all pages
    // "TARGET?account=…&since=…" of those options that were given; since and until also as 7d, that long ago.
    std::string narrowed(const std::string& target, std::initializer_list<const char*> names) const;
    static Poco::JSON::Object::Ptr understood(const Reply& reply);

    std::string data_folder;                                   // empty: not said

private:
    std::unique_ptr<LocalClient> client_;
};

struct Command {
    std::vector<const char*> words;
    const char* arguments;       // for the help: "ADDRESS TARGET…"
    std::size_t least, most;     // how many
    std::vector<const char*> options;
    const char* summary;
    const char* help;            // more of it, with examples; may be empty
    int (*run)(Invocation&);
};

const std::vector<Command>& commands();

struct OptionName {
    const char* name;
    const char* value;           // empty: a flag
    const char* meaning;
};
const std::vector<OptionName>& optionNames();

// --- output
void printObject(const Poco::JSON::Object::Ptr& object);       // as JSON
void printList(const Poco::JSON::Array::Ptr& list);
std::string forPeople(const Poco::Dynamic::Var& value);        // no control characters; "-" for null
std::string sizeForPeople(std::uint64_t bytes);
struct Column {
    const char* heading;
    const char* field;
    enum class Kind { text, size, date, percent } kind = Kind::text;
};
void printTable(const std::vector<Column>& columns, const Poco::JSON::Array::Ptr& rows);
void printFields(const std::vector<Column>& columns, const Poco::JSON::Object::Ptr& row);

std::string timeIn(const std::string& option, const std::string& text, int sign); // "30d" or "12h" from now or, with -1, ago; or a time; Usage
std::uint64_t parseSize(const std::string& option, const std::string& text); // Usage when it is none

class ProgressLine {
public:
    void show(std::uint64_t done, std::uint64_t total);
    ~ProgressLine();

private:
    bool shown_ = false;
};

// Lists what is wrong, or says that all is fine; the exit status.
int reportFindings(Invocation& invocation, const std::vector<store::Finding>& findings, const std::string& fine);

// Work that the server does on its own: waits for its end, with progress on a terminal.
Poco::JSON::Object::Ptr waitForTask(Invocation& invocation, Poco::JSON::Object::Ptr task);

namespace run {
int domainAdd(Invocation&);
int domainList(Invocation&);
int domainRemove(Invocation&);
int domainPolicy(Invocation&);
int dns(Invocation&);
int completion(Invocation&);
int mailboxCreate(Invocation&);
int mailboxList(Invocation&);
int mailboxRename(Invocation&);
int mailboxRemove(Invocation&);
int configSnapshot(Invocation&);
int configApply(Invocation&);
int accountAdd(Invocation&);
int accountList(Invocation&);
int accountShow(Invocation&);
int accountRemove(Invocation&);
int accountPassword(Invocation&);
int accountEnable(Invocation&);
int accountDisable(Invocation&);
int accountChange(Invocation&);
int accountResetTotp(Invocation&);
int accountPolicy(Invocation&);
int aliasAdd(Invocation&);
int aliasList(Invocation&);
int aliasRemove(Invocation&);
int tokenCreate(Invocation&);
int tokenList(Invocation&);
int tokenRotate(Invocation&);
int tokenRemove(Invocation&);
int accountLogins(Invocation&);
int appPasswordCreate(Invocation&);
int appPasswordList(Invocation&);
int appPasswordRemove(Invocation&);
int banList(Invocation&);
int banRemove(Invocation&);
int sessionList(Invocation&);
int sessionEnd(Invocation&);
int importMail(Invocation&);
int exportMail(Invocation&);
int scanStatus(Invocation&);
int scanRun(Invocation&);
int scanCancel(Invocation&);
int scanConfirm(Invocation&);
int scanDismiss(Invocation&);
int quarantineList(Invocation&);
int quarantineShow(Invocation&);
int quarantineRelease(Invocation&);
int quarantineDelete(Invocation&);
int quarantineDownload(Invocation&);
int allowanceList(Invocation&);
int allowanceAdd(Invocation&);
int allowanceRemove(Invocation&);
int signaturesList(Invocation&);
int signaturesAdd(Invocation&);
int signaturesRemove(Invocation&);
int deletedList(Invocation&);
int deletedRestore(Invocation&);
int backupCreate(Invocation&);
int backupList(Invocation&);
int backupVerify(Invocation&);
int backupRestore(Invocation&);
int auditList(Invocation&);
int auditVerify(Invocation&);
int eventList(Invocation&);
int taskList(Invocation&);
int taskCancel(Invocation&);
int check(Invocation&);
int salvage(Invocation&);
int healthcheck(Invocation&);
} // namespace run

} // namespace postfach::admin
