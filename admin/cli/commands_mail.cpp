// import, export, deleted.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/api/time.h"
#include "admin/cli/command.h"
#include "admin/cli/mail_source.h"
#include "server/base/error.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

std::string account(Invocation& invocation)
{
    const auto address = invocation.option("--account");
    if (!address)
        throw Usage("say whose mail: --account ADDRESS");
    return *address;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? "" : ",") + word;
    return out;
}

// What came of an import or an export, counted and, for what did not go, named.
class Tally {
public:
    explicit Tally(const char* word) : word_(word) {}
    void done() { ++done_, progress(); }
    void quarantined() { ++quarantined_, progress(); }
    void failed(const std::string& source, const std::string& reason)
    {
        auto one = object();
        one->set("source", source);
        one->set("reason", reason);
        failures_->add(one);
        std::cerr << "postfach: " << forPeople(source) << ": " << forPeople(reason) << '\n';
    }
    int report(Invocation& invocation) const
    {
        auto out = object();
        out->set(word_, done_);
        out->set("quarantined", quarantined_);
        out->set("failed", failures_);
        if (isatty(2))
            std::cerr << '\r';
        if (invocation.json)
            printObject(out);
        else
            std::cout << done_ << ' ' << word_ << (quarantined_ > 0 ? ", " + std::to_string(quarantined_) + " quarantined" : "")
                      << (failures_->size() > 0 ? ", " + std::to_string(failures_->size()) + " failed" : "") << '\n';
        return failures_->size() > 0 ? 1 : 0;
    }

private:
    void progress() const
    {
        if (isatty(2) && (done_ + quarantined_) % 100 == 0)
            std::cerr << '\r' << done_ + quarantined_ << ' ' << word_ << std::flush;
    }
    const char* word_;
    std::uint64_t done_ = 0, quarantined_ = 0;
    Poco::JSON::Array::Ptr failures_ = new Poco::JSON::Array;
};

} // namespace

int importMail(Invocation& invocation)
{
    const auto address = account(invocation);
    const auto target = invocation.option("--mailbox").value_or("INBOX");
    const auto facts = invocation.call("GET", "/api/v1/server");
    const auto delimiter = facts->getValue<std::string>("delimiter").at(0);
    const auto most = facts->getValue<Poco::UInt64>("message_size");
    const auto base_path = "/api/v1/accounts/" + percentEncoded(address) + "/mailboxes/";
    invocation.call("GET", "/api/v1/accounts/" + percentEncoded(address)); // before anything is read

    Tally tally("imported");
    const auto visit = [&](const FoundMail& found, std::string_view bytes) {
        if (!found.problem.empty())
            return tally.failed(found.source, found.problem);
        // Below INBOX there is nothing of a Maildir's own: its folders stand beside it, unless a mailbox was named.
        auto mailbox = found.mailbox.empty() ? target : invocation.has("--mailbox") ? target + delimiter + found.mailbox : found.mailbox;
        auto path = base_path + percentEncoded(mailbox) + "/messages?flags=" + joined(found.flags);
        if (!found.keywords.empty())
            path += "&keywords=" + percentEncoded(joined(found.keywords));
        if (found.date)
            path += "&date=" + percentEncoded(base::rfc3339(*found.date));
        try {
            const auto answer = Invocation::understood(invocation.server().request("POST", path, bytes, "message/rfc822"));
            if (answer->getValue<std::string>("outcome") == "quarantined")
                tally.quarantined();
            else
                tally.done();
        } catch (const base::Refused& refused) {
            tally.failed(found.source, refused.what());
        }
    };
    for (const auto& source : invocation.arguments)
        eachMail(source, delimiter, most, visit);
    return tally.report(invocation);
}

int exportMail(Invocation& invocation)
{
    namespace fs = std::filesystem;
    const auto address = account(invocation);
    const fs::path folder = invocation.arguments[0];
    std::error_code error;
    if (fs::exists(folder, error) && (!fs::is_directory(folder, error) || !fs::is_empty(folder, error)))
        throw base::Refused(folder.string() + " is there and not empty: choose a new folder", 1);
    const auto delimiter = invocation.call("GET", "/api/v1/server")->getValue<std::string>("delimiter").at(0);
    const auto base_path = "/api/v1/accounts/" + percentEncoded(address) + "/mailboxes";
    Tally tally("exported");
    const auto only = invocation.option("--mailbox");
    bool any = false;
    const auto mailboxes = invocation.list(base_path);
    for (std::size_t m = 0; m < mailboxes->size(); ++m) {
        const auto name = mailboxes->getObject(static_cast<unsigned>(m))->getValue<std::string>("name");
        if (only && *only != name)
            continue;
        any = true;
        MaildirWriter writer((folder / folderOf(name, delimiter)).string());
        const auto path = base_path + "/" + percentEncoded(name) + "/messages";
        const auto messages = invocation.list(path);
        for (std::size_t i = 0; i < messages->size(); ++i) {
            const auto info = messages->getObject(static_cast<unsigned>(i));
            const auto uid = info->getValue<Poco::UInt32>("uid");
            const auto reply = invocation.server().request("GET", path + "/" + std::to_string(uid));
            if (reply.status != 200) {
                tally.failed(name + ", UID " + std::to_string(uid),
                             "gone, or the server cannot read it (status " + std::to_string(reply.status) + ")");
                continue;
            }
            const auto words = [&info](const char* field) {
                std::vector<std::string> out;
                for (const auto& item : *info->getArray(field))
                    out.push_back(item.convert<std::string>());
                return out;
            };
            writer.add(reply.body, uid, parseRfc3339(info->getValue<std::string>("date")).value_or(base::Time{}), words("flags"), words("keywords"));
            tally.done();
        }
        writer.finish();
    }
    if (only && !any)
        throw base::Refused("the account " + address + " has no mailbox " + *only, 1);
    return tally.report(invocation);
}

int deletedList(Invocation& invocation)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/accounts/" + percentEncoded(account(invocation)) + "/deleted",
                                                          {"mailbox", "cause", "since", "until", "sort"}));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"MAILBOX", "mailbox"}, {"SIZE", "size", Kind::size}, {"RECEIVED", "received", Kind::date},
                    {"DELETED", "deleted", Kind::date}, {"BY", "cause"}}, rows);
    return 0;
}

int deletedRestore(Invocation& invocation)
{
    const auto owner = account(invocation);
    Poco::JSON::Array::Ptr done = new Poco::JSON::Array;
    for (const auto& id : invocation.arguments) {
        const auto one = invocation.call("POST", "/api/v1/accounts/" + percentEncoded(owner) + "/deleted/" + percentEncoded(id) + "/restore");
        done->add(one);
        if (!invocation.json)
            std::cout << "message " << id << " restored into " << one->getValue<std::string>("mailbox") << '\n';
    }
    if (invocation.json)
        printList(done);
    return 0;
}

} // namespace postfach::admin::run
