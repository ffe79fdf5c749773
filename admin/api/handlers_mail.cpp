// Mailboxes and messages of an account, what was deleted.
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/api/time.h"
#include "server/base/text.h"

#include <algorithm>
#include <cstdint>

namespace postfach::admin::handle {
namespace {

struct FlagBit {
    const char* name;
    std::uint64_t bit;
};
constexpr FlagBit kFlags[] = {{"seen", store::Flags::kSeen}, {"answered", store::Flags::kAnswered}, {"flagged", store::Flags::kFlagged},
                              {"deleted", store::Flags::kDeleted}, {"draft", store::Flags::kDraft}};

std::uint64_t flagsOf(const std::string& text)
{
    std::uint64_t bits = 0;
    if (text.empty())
        return bits;
    for (const auto word : base::split(text, ',')) {
        std::uint64_t bit = 0;
        for (const auto& flag : kFlags)
            if (word == flag.name)
                bit = flag.bit;
        if (bit == 0)
            throw Problem(422, "invalid_parameter", "The flags are seen, answered, flagged, deleted and draft.");
        bits |= bit;
    }
    return bits;
}

std::vector<std::string> keywordsOf(const std::string& text)
{
    std::vector<std::string> keywords;
    if (text.empty())
        return keywords;
    for (const auto word : base::split(text, ',')) {
        for (const char c : word) // an IMAP atom, RFC 9051 9
            if (c <= 0x20 || c >= 0x7F || std::string_view("(){%*\"\\]").find(c) != std::string_view::npos)
                throw Problem(422, "invalid_parameter", "A keyword is a word of printable ASCII characters.");
        if (word.empty() || word.size() > 255 || keywords.size() >= 100)
            throw Problem(422, "invalid_parameter", "There may be 100 keywords of 1 to 255 characters.");
        keywords.emplace_back(word);
    }
    return keywords;
}

Poco::JSON::Object::Ptr infoJson(const MessageInfo& info)
{
    auto out = object();
    out->set("uid", info.uid.value);
    out->set("size", info.size);
    out->set("date", base::rfc3339(info.date));
    out->set("flags", array(info.flags));
    out->set("keywords", array(info.keywords));
    return out;
}

std::string padded(std::uint64_t number) // so that texts sort as the numbers do
{
    auto text = std::to_string(number);
    return std::string(10 - std::min<std::size_t>(10, text.size()), '0') + text;
}

} // namespace

Response listMailboxes(Service& service, const Call& call)
{
    auto all = service.mailboxes(call.values[0]);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return listOfAll(call, all, [](const auto& m) { return m.name; }, [](const auto& m) { return toJson(m); });
}

Response listMessages(Service& service, const Call& call)
{
    const auto page = pageOf(call);
    const auto after = page.after.empty() ? std::optional<std::uint32_t>(0) : base::parseU32(page.after);
    if (!after)
        throw Problem(422, "invalid_parameter", "The parameter \"cursor\" is none that this list gave.");
    return listOf(call, page, service.messages(call.who.by, call.values[0], call.values[1], store::Uid{*after}, page.limit + 1),
                  [](const MessageInfo& m) { return padded(m.uid.value); }, infoJson);
}

Response getMessage(Service& service, const Call& call)
{
    const auto uid = base::parseU32(call.values[2]);
    if (!uid)
        throw Problem(404, "not_found", "There is no message " + base::printable(call.values[2]) + ".");
    return {200, "message/rfc822", service.message(call.who.by, call.values[0], call.values[1], store::Uid{*uid}), {}};
}

Response postMessage(Service& service, const Call& call)
{
    delivery::AppendItem item;
    item.flags = flagsOf(call.parameter("flags"));
    item.keywords = keywordsOf(call.parameter("keywords"));
    item.internal_date = service.context().clock.now();
    if (const auto date = call.parameter("date"); !date.empty()) {
        const auto time = parseRfc3339(date);
        if (!time)
            throw Problem(422, "invalid_parameter", "The parameter \"date\" must be a time such as 2026-12-31T00:00:00Z.");
        item.internal_date = *time;
    }
    if (call.body.empty())
        throw Problem(422, "invalid_body", "An empty message cannot be imported.");
    const auto result = service.importMessage(call.who.by, call.values[0], call.values[1], item, call.body);
    using delivery::Outcome;
    switch (result.outcome) {
    case Outcome::stored:
    case Outcome::quarantined: {
        auto out = object();
        out->set("outcome", result.outcome == Outcome::stored ? "stored" : "quarantined");
        out->set("detail", result.detail.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(result.detail));
        out->set("uid", result.outcome == Outcome::stored ? Poco::Dynamic::Var(result.where.uid.value) : Poco::Dynamic::Var());
        return Response::json(201, out);
    }
    case Outcome::infected: throw Problem(422, "infected", "The message is infected: " + result.detail + ".");
    case Outcome::refused: throw Problem(422, "refused", "The message is refused by policy: " + result.detail + ".");
    case Outcome::overQuota: throw Problem(409, "over_quota", "The quota of the account is used up.");
    case Outcome::noMailbox: throw Problem(404, "not_found", "There is no such mailbox.");
    case Outcome::tooLarge: throw Problem(413, "body_too_large", "The message is larger than the limit.");
    case Outcome::limit: throw Problem(409, "limit", "A limit of the account is reached.");
    case Outcome::noMessage:
    case Outcome::unavailable: break;
    }
    throw Problem(503, "unavailable", "No verdict can be had, or the store cannot write now; try again later.");
}

Response listDeleted(Service& service, const Call& call)
{
    using store::Recoverable;
    store::RecoverableFilter filter;
    filter.mailbox = call.parameter("mailbox");
    filter.since = timeOf(call, "since");
    filter.until = timeOf(call, "until");
    const auto cause = call.parameter("cause");
    return walkedList<Recoverable>(
        call,
        {[&](const store::Page& page) { return service.deleted(call.values[0], filter, page); },
         [](const Recoverable& d) { return std::to_string(d.id.value); }, [&](const Recoverable& d) { return cause.empty() || d.cause == cause; },
         [&](const std::string& id) { return service.findDeleted(std::stoll(id)); }},
        {{"deleted", [](const Recoverable& d) { return sortable(d.removed) + sortable(static_cast<std::uint64_t>(d.id.value)); }},
         {"mailbox", [](const Recoverable& d) { return d.mailbox; }},
         {"received", [](const Recoverable& d) { return sortable(d.internal_date); }},
         {"size", [](const Recoverable& d) { return sortable(d.size); }}},
        [](const Recoverable& d) { return toJson(d); });
}

Response restoreDeleted(Service& service, const Call& call)
{
    requireRankOver(service, call);
    const auto restored = service.restoreDeleted(call.who.by, call.values[0], messageIn(call, 1, "deleted"));
    auto out = object();
    out->set("mailbox", restored.mailbox.name);
    out->set("uid", restored.where.uid.value);
    return Response::json(200, out);
}

Response forgetDeleted(Service& service, const Call& call)
{
    requireRankOver(service, call);
    service.forgetDeleted(call.who.by, call.values[0], messageIn(call, 1, "deleted"));
    return Response::empty();
}

} // namespace postfach::admin::handle
