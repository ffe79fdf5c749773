// quarantine, allowance, signatures.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/text.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

constexpr std::size_t kLargestFile = 256U << 20; // what the server takes

std::string pathOf(const std::string& id, const char* tail = "") { return "/api/v1/quarantine/" + percentEncoded(id) + tail; }

int forEach(Invocation& invocation, const char* method, const char* tail, const char* word, const Poco::JSON::Object::Ptr& body = nullptr)
{
    Poco::JSON::Array::Ptr done = new Poco::JSON::Array;
    for (const auto& id : invocation.arguments) {
        invocation.call(method, pathOf(id, tail), body);
        auto one = object();
        one->set("id", id);
        one->set("state", word);
        done->add(one);
        if (!invocation.json)
            std::cout << "message " << id << ' ' << word << '\n';
    }
    if (invocation.json)
        printList(done);
    return 0;
}

std::string kindWord(const std::string& word)
{
    if (word != "content" && word != "signature")
        throw Usage("what is allowed is a content or a signature");
    return word;
}

std::string allowancePath(const Invocation& invocation)
{
    return "/api/v1/allowances/" + kindWord(invocation.arguments[0]) + '/' + percentEncoded(invocation.arguments[1]);
}

void finish(const Invocation& invocation, const std::string& sentence)
{
    if (invocation.json)
        printObject(object());
    else
        std::cout << sentence << '\n';
}
} // namespace

int quarantineList(Invocation& invocation)
{
    std::string target = invocation.narrowed("/api/v1/quarantine", {"account", "signature", "reason", "way_in", "q", "since", "until", "sort"});
    if (invocation.has("--asked"))
        target += (target.find('?') == std::string::npos ? "?" : "&") + std::string("asked=true");
    const auto rows = invocation.list(target);
    if (invocation.json)
        printList(rows);
    else
        printTable({{"ID", "id"}, {"ACCOUNT", "account"}, {"SIGNATURE", "signature"}, {"SENDER", "sender"}, {"SUBJECT", "subject"},
                    {"CREATED", "created", Kind::date},
                    {"ASKED", "asked", Kind::date}}, rows);
    return 0;
}

int quarantineShow(Invocation& invocation)
{
    auto row = invocation.call("GET", pathOf(invocation.arguments[0]));
    const auto mail = invocation.call("GET", pathOf(invocation.arguments[0], "/structure"));
    const char* const which = invocation.has("--everywhere") ? "/exposure?of=signature" : "/exposure";
    const auto exposure = invocation.call("GET", pathOf(invocation.arguments[0], which));
    if (invocation.json) {
        for (const char* field : {"headers", "parts", "content"})
            row->set(field, mail->get(field));
        row->set("exposure", exposure);
        printObject(row);
        return 0;
    }
    printFields({{"ID", "id"}, {"ACCOUNT", "account"}, {"MAILBOX", "mailbox"}, {"SIGNATURE", "signature"}, {"SENDER", "sender"},
                 {"RECIPIENT", "recipient"}, {"SUBJECT", "subject"}, {"WAY IN", "way_in"}, {"SIZE", "size", Kind::size}, {"SHA-256", "sha256"},
                 {"RECEIVED", "received", Kind::date}, {"CREATED", "created", Kind::date}, {"CLEARED", "cleared", Kind::date}, {"ASKED FOR", "asked", Kind::date},
                 {"WORDS", "asked_words"}}, row);
    std::cout << '\n';
    for (const auto& item : *mail->getArray("headers")) {
        const auto field = item.extract<Poco::JSON::Object::Ptr>();
        std::cout << forPeople(field->get("name")) << ": " << forPeople(field->get("value")) << '\n';
    }
    std::cout << '\n';
    printTable({{"PART", "section"}, {"TYPE", "type"}, {"NAME", "name"}, {"SIZE", "size", Kind::size}, {"SHA-256", "sha256"}},
               mail->getArray("parts"));
    std::cout << "\nwho has it\n";
    printTable({{"ACCOUNT", "account"}, {"MAILBOX", "mailbox"}, {"STATE", "state"}}, exposure->getArray("holders"));
    const auto reads = exposure->getArray("reads");
    std::cout << (reads->size() == 0 ? "\nnobody fetched it, as far as that is kept\n" : "\nwho fetched it\n");
    if (reads->size() > 0)
        printTable({{"ACCOUNT", "account"}, {"BY", "protocol"}, {"ADDRESS", "address"}, {"CLIENT", "client"}, {"FIRST", "first", Kind::date},
                    {"LAST", "last", Kind::date}, {"TIMES", "times"}}, reads);
    return 0;
}

int quarantineRelease(Invocation& invocation)
{
    auto body = object();
    if (const auto to = invocation.option("--to"))
        body->set("to", *to);
    if (const auto kind = invocation.option("--never-again"))
        body->set("never_again", kindWord(*kind));
    if (const auto expires = invocation.option("--expires"))
        body->set("expires", timeIn("--expires", *expires, 1));
    return forEach(invocation, "POST", "/release", invocation.has("--to") ? "copied" : "released", body);
}

int quarantineDelete(Invocation& invocation) { return forEach(invocation, "DELETE", "", "deleted"); }

int quarantineDownload(Invocation& invocation)
{
    const auto reply = invocation.server().request("GET", pathOf(invocation.arguments[0], "/zip"));
    if (reply.status != 200)
        Invocation::understood(reply); // throws what the server says
    base::writeFileDurably(invocation.arguments[1], reply.body);
    finish(invocation, "written to " + invocation.arguments[1] + "; the password is: infected");
    return 0;
}

int allowanceList(Invocation& invocation)
{
    const auto rows = invocation.list("/api/v1/allowances");
    if (invocation.json)
        printList(rows);
    else
        printTable({{"KIND", "kind"}, {"WHAT", "what"}, {"CREATED", "created", Kind::date}, {"EXPIRES", "expires", Kind::date}, {"BY", "author"}},
                   rows);
    return 0;
}

int allowanceAdd(Invocation& invocation)
{
    auto body = object();
    if (const auto expires = invocation.option("--expires"))
        body->set("expires", timeIn("--expires", *expires, 1));
    const auto made = invocation.call("PUT", allowancePath(invocation), body);
    if (invocation.json)
        printObject(made);
    else
        std::cout << forPeople(made->get("what")) << " is not found again\n";
    return 0;
}

int allowanceRemove(Invocation& invocation)
{
    invocation.call("DELETE", allowancePath(invocation));
    finish(invocation, invocation.arguments[1] + " is found again");
    return 0;
}

int signaturesList(Invocation& invocation)
{
    const auto report = invocation.call("GET", "/api/v1/signatures");
    if (invocation.json) {
        printObject(report);
        return 0;
    }
    printFields({{"SET", "set"}, {"ENGINE", "engine"}, {"SIGNATURES", "count"}, {"LOADED", "loaded_at", Kind::date}, {"FRESHNESS", "freshness"},
                 {"PROBLEM", "problem"}}, report);
    std::cout << '\n';
    printTable({{"FILE", "name"}, {"SIZE", "size", Kind::size}, {"VERSION", "version"}, {"BUILT", "built", Kind::date}}, report->getArray("files"));
    return 0;
}

int signaturesAdd(Invocation& invocation)
{
    for (const auto& path : invocation.arguments) {
        const std::string name = path.substr(path.rfind('/') + 1);
        const std::string bytes = base::readFile(path, kLargestFile);
        const auto reply = invocation.server().request("PUT", "/api/v1/signatures/" + percentEncoded(name), bytes, "application/octet-stream");
        if (reply.status != 204)
            Invocation::understood(reply);
        if (!invocation.json)
            std::cout << name << " added; `postfach signatures list` says when it is in use\n";
    }
    if (invocation.json)
        printObject(object());
    return 0;
}

int signaturesRemove(Invocation& invocation)
{
    for (const auto& name : invocation.arguments)
        invocation.call("DELETE", "/api/v1/signatures/" + percentEncoded(name));
    finish(invocation, "removed; `postfach signatures list` says what is in use");
    return 0;
}

} // namespace postfach::admin::run
