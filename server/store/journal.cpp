#include "server/store/journal.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::store {

base::Sha256 auditHash(const AuditEntry& entry)
{
    base::Sha256Stream stream;
    const auto add = [&stream](std::string_view text) {
        stream.update(std::to_string(text.size()) + ":");
        stream.update(text);
    };
    stream.update("postfach-audit 1\n" + base::hex(entry.previous) + "\n");
    add(std::to_string(entry.id));
    add(std::to_string(base::toMillis(entry.time)));
    for (const std::string* text : {&entry.actor, &entry.address, &entry.action, &entry.target, &entry.before, &entry.after})
        add(*text);
    return stream.finish();
}

std::string auditHeadText(const AuditHead& head) { return std::to_string(head.id) + ":" + base::hex(head.hash); }

std::optional<AuditHead> parseAuditHead(std::string_view text)
{
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto id = base::parseU64(text.substr(0, colon));
    const auto bytes = base::unhex(text.substr(colon + 1));
    AuditHead head;
    if (!id || *id > INT64_MAX || !bytes || bytes->size() != head.hash.size())
        return std::nullopt;
    head.id = static_cast<std::int64_t>(*id);
    std::transform(bytes->begin(), bytes->end(), head.hash.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    return head;
}

bool EventFilter::fits(const Event& event) const
{
    const auto among = [&event](const std::string& kind) {
        return event.kind == kind || (event.kind.size() > kind.size() && event.kind.starts_with(kind) && event.kind[kind.size()] == '.');
    };
    return (kinds.empty() || std::any_of(kinds.begin(), kinds.end(), among)) && (account.empty() || event.account == account)
        && (!since || event.time >= *since) && (!until || event.time < *until);
}

} // namespace postfach::store
