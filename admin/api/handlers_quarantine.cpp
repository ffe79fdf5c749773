// Quarantine, what is not to be found again, signature files.
#include "admin/api/filters.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "server/base/text.h"
#include "server/delivery/release_request.h"

#include <cstdint>

namespace postfach::admin::handle {
namespace {
using Poco::Dynamic::Var;
using Kind = store::Allowance::Kind;

std::int64_t quarantinedIn(const Call& call) { return messageIn(call, 0, "quarantined"); }

std::optional<Kind> kindOf(std::string_view word)
{
    return word == "content" ? std::optional(Kind::content) : word == "signature" ? std::optional(Kind::signature) : std::nullopt;
}

Kind kindInPath(const Call& call)
{
    const auto kind = kindOf(call.values[0]);
    if (!kind)
        throw Problem(404, "not_found", "What is allowed is a content or a signature.");
    return *kind;
}

std::string wordFor(Kind kind) { return kind == Kind::content ? "content" : "signature"; }

Poco::JSON::Object::Ptr allowanceJson(const store::Allowance& allowance)
{
    auto out = object();
    out->set("kind", wordFor(allowance.kind));
    out->set("what", allowance.what);
    out->set("created", base::rfc3339(allowance.created));
    out->set("expires", dateOrNull(allowance.expires));
    out->set("author", allowance.author);
    return out;
}

Poco::JSON::Object::Ptr fileJson(const scanner::SignatureFileInfo& file)
{
    auto out = object();
    out->set("name", file.name);
    out->set("size", file.size);
    out->set("modified", base::rfc3339(base::fromMillis(file.modified / 1'000'000)));
    out->set("official", file.official);
    out->set("built", file.built ? Var(base::rfc3339(base::fromMillis(*file.built))) : Var());
    out->set("version", file.official ? Var(file.version) : Var());
    out->set("count", file.official ? Var(file.count) : Var());
    return out;
}

const char* wordFor(scanner::Freshness freshness)
{
    switch (freshness) {
    case scanner::Freshness::own: return "own";
    case scanner::Freshness::fresh: return "fresh";
    case scanner::Freshness::degraded: return "degraded";
    case scanner::Freshness::unhealthy: return "unhealthy";
    }
    return "own";
}
} // namespace

Response quarantineList(Service& service, const Call& call, QuarantineWish wish)
{
    using store::Quarantined;
    wish.filter.since = timeOf(call, "since");
    wish.filter.until = timeOf(call, "until");
    const auto part = call.parameter("q");
    return walkedList<Quarantined>(
        call,
        {[&](const store::Page& page) { return service.quarantine(wish, page); }, [](const Quarantined& q) { return std::to_string(q.id.value); },
         [&](const Quarantined& q) { return hasPart(q.subject, part) || hasPart(q.sender, part) || hasPart(q.recipient, part); },
         [&](const std::string& id) { return ifThere([&] { return service.quarantined(std::stoll(id)); }); }},
        {{"created", [](const Quarantined& q) { return sortable(q.created) + sortable(static_cast<std::uint64_t>(q.id.value)); }},
         {"account", [](const Quarantined& q) { return q.address; }},
         {"signature", [](const Quarantined& q) { return q.signature; }},
         {"size", [](const Quarantined& q) { return sortable(q.size); }}},
        [](const Quarantined& q) { return toJson(q); });
}

Response listQuarantine(Service& service, const Call& call)
{
    QuarantineWish wish;
    wish.account = call.parameter("account");
    wish.filter.signature = call.parameter("signature");
    wish.filter.reason = call.parameter("reason");
    wish.filter.way_in = call.parameter("way_in");
    wish.filter.asked = flagOf(call, "asked");
    return quarantineList(service, call, wish);
}

Response getQuarantined(Service& service, const Call& call)
{
    return Response::json(200, toJson(service.quarantined(quarantinedIn(call))));
}

Response inspectQuarantined(Service& service, const Call& call)
{
    const auto mail = service.inspectQuarantined(quarantinedIn(call));
    Poco::JSON::Array::Ptr headers = new Poco::JSON::Array, parts = new Poco::JSON::Array;
    for (const auto& field : mail.headers) {
        auto one = object();
        one->set("name", field.name);
        one->set("value", field.value);
        headers->add(one);
    }
    for (const auto& part : mail.parts) {
        auto one = object();
        one->set("section", part.section);
        one->set("type", part.type);
        one->set("name", part.name.empty() ? Var() : Var(part.name));
        one->set("encoding", part.encoding);
        one->set("size", part.size);
        one->set("sha256", part.sha256.empty() ? Var() : Var(part.sha256));
        parts->add(one);
    }
    auto out = object();
    out->set("headers", headers);
    out->set("parts", parts);
    out->set("content", mail.content);
    out->set("whole", mail.whole);
    return Response::json(200, out);
}

Response downloadQuarantined(Service& service, const Call& call)
{
    const auto id = quarantinedIn(call);
    Response response{200, "application/zip", service.quarantinedZip(call.who.by, id), {}};
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"quarantine-" + std::to_string(id) + ".zip\"");
    return response;
}

Response askForMine(Service& service, const Call& call)
{
    std::string words;
    if (!call.body.empty()) {
        auto fields = call.fields();
        words = fields.text("words", delivery::kRequestWords).value_or("");
        fields.finish();
    }
    service.askForRelease(call.who.by, call.who.account, quarantinedIn(call), words);
    return Response::empty();
}

Response deleteQuarantined(Service& service, const Call& call)
{
    service.deleteQuarantined(call.who.by, quarantinedIn(call));
    return Response::empty();
}

Response releaseQuarantined(Service& service, const Call& call)
{
    ReleaseWish wish;
    if (!call.body.empty()) {
        auto fields = call.fields();
        wish.to = fields.text("to", 320);
        if (const auto word = fields.text("never_again"); word) {
            wish.never_again = kindOf(*word);
            if (!wish.never_again)
                fields.mustBe("never_again", "\"content\" or \"signature\"");
        }
        wish.expires = expiryOf(fields);
        fields.finish();
    }
    const auto id = quarantinedIn(call);
    if (wish.to && !call.who.may("mail") && !call.who.may("admin") && !base::iequals(*wish.to, service.quarantined(id).address))
        throw Problem(403, "scope", "A copy for another account needs the scope mail or admin too: somebody else is to read it.");
    service.releaseQuarantined(call.who.by, id, wish);
    return Response::empty();
}

Response getExposure(Service& service, const Call& call)
{
    const auto exposure = service.exposure(quarantinedIn(call), wordOf(call, "of", {"content", "signature"}) == "signature");
    Poco::JSON::Array::Ptr holders = new Poco::JSON::Array;
    const auto add = [&holders](const std::string& account, const std::string& mailbox, const char* state) {
        auto one = object();
        one->set("account", account);
        one->set("mailbox", mailbox);
        one->set("state", state);
        holders->add(one);
    };
    for (const auto& entry : exposure.quarantined)
        add(entry.address, entry.mailbox, "quarantined");
    for (const auto& [account, place] : exposure.stored) {
        const auto mailbox = service.context().store.read()->mailbox(place.mailbox);
        add(account, mailbox ? mailbox->name : "", "stored");
    }
    Poco::JSON::Array::Ptr reads = new Poco::JSON::Array;
    const auto orNull = [](const std::string& text) { return text.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(text); };
    for (const auto& read : exposure.reads) {
        auto one = object();
        one->set("account", orNull(read.account));
        one->set("protocol", read.reader.protocol == store::Reader::Protocol::imap ? "imap" : "pop3");
        one->set("address", orNull(read.reader.address));
        one->set("client", orNull(read.reader.client));
        one->set("first", base::rfc3339(read.first));
        one->set("last", base::rfc3339(read.last));
        one->set("times", read.times);
        reads->add(one);
    }
    auto out = object();
    out->set("holders", holders);
    out->set("reads", reads);
    return Response::json(200, out);
}

Response listAllowances(Service& service, const Call& call)
{
    return listOfAll(call, service.allowances(), [](const auto& a) { return wordFor(a.kind) + ' ' + a.what; },
                     [](const auto& a) { return allowanceJson(a); });
}

Response putAllowance(Service& service, const Call& call)
{
    store::Allowance allowance;
    allowance.kind = kindInPath(call);
    allowance.what = call.values[1];
    if (!call.body.empty()) {
        auto fields = call.fields();
        allowance.expires = expiryOf(fields);
        fields.finish();
    }
    return Response::json(200, allowanceJson(service.putAllowance(call.who.by, std::move(allowance))));
}

Response deleteAllowance(Service& service, const Call& call)
{
    service.removeAllowance(call.who.by, kindInPath(call), call.values[1]);
    return Response::empty();
}

Response getSignatures(Service& service, const Call&)
{
    const auto report = service.signatures();
    Poco::JSON::Array::Ptr files = new Poco::JSON::Array;
    for (const auto& file : report.files)
        files->add(fileJson(file));
    auto out = object();
    out->set("set", report.status.signatures);
    out->set("engine", report.status.engine);
    out->set("count", report.status.signature_count);
    out->set("loaded_at", report.status.loaded_at == 0 ? Var() : Var(base::rfc3339(base::fromMillis(report.status.loaded_at))));
    out->set("age", report.age ? Var(report.age->count() / 1000) : Var());
    out->set("freshness", std::string(wordFor(report.freshness)));
    out->set("problem", report.status.problem.empty() ? Var() : Var(report.status.problem));
    out->set("files", files);
    return Response::json(200, out);
}

Response putSignatures(Service& service, const Call& call)
{
    service.addSignatures(call.who.by, call.values[0], call.body);
    return Response::empty();
}

Response deleteSignatures(Service& service, const Call& call)
{
    service.removeSignatures(call.who.by, call.values[0]);
    return Response::empty();
}

} // namespace postfach::admin::handle
