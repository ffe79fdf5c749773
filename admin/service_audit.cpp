// Service: changes with their audit, and what is told of the audit and of events.
#include "admin/answering.h"
#include "admin/service.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {
// Whoever imports or exports a whole account makes thousands of requests: one entry tells of an hour.
constexpr auto kMailNote = std::chrono::hours(1);
constexpr std::size_t kMailNotes = 1000;
} // namespace

void Service::change(const std::string& subject, const By& by, const std::function<void(store::WriteTx&, Notes&)>& work)
{
    std::vector<store::AuditEntry> entries;
    answering(subject, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            Notes notes(tx, by);
            work(tx, notes);
            entries = notes.entries();
        });
    });
    logEntries(entries);
}

void Service::note(const By& by, const std::string& action, const std::string& target, const Poco::JSON::Object::Ptr& after)
{
    change("audit", by, [&](store::WriteTx&, Notes& notes) { notes.add(action, target, nullptr, after); });
}

void Service::tell(const std::string& kind, const std::string& account, std::initializer_list<base::JsonField> data)
{
    store::NewEvent event{kind, account, base::jsonObject(data)};
    context_.store.writeLater([event = std::move(event)](store::WriteTx& tx) { tx.addEvent(event); });
}

void Service::noteMail(const By& by, const std::string& action, const store::Account& account, const std::string& mailbox)
{
    const auto now = context_.clock.now();
    const std::string target = account.address + "/" + mailbox, key = by.actor + "\n" + action + "\n" + target;
    {
        const std::lock_guard lock(mutex_);
        const auto known = mail_notes_.find(key);
        if (known != mail_notes_.end() && now - known->second < kMailNote && now >= known->second)
            return;
    }
    note(by, action, target); // first the entry: what is read without one is not read
    const std::lock_guard lock(mutex_);
    if (mail_notes_.size() >= kMailNotes)
        mail_notes_.clear();
    mail_notes_[key] = now;
}

std::vector<store::AuditEntry> Service::audit(const store::AuditFilter& filter, const store::Page& page)
{
    return answering("audit", [&] { return context_.store.read()->audit(filter, page); });
}

Service::AuditState Service::verifyAudit(const std::optional<store::AuditHead>& noted)
{
    return answering("audit", [&] {
        AuditState state;
        state.head = context_.store.read()->auditHead();
        state.findings = context_.store.verifyAudit(noted, &state.entries);
        return state;
    });
}

std::vector<store::Event> Service::events(const store::EventFilter& filter, const store::Page& page)
{
    return answering("events", [&] { return context_.store.read()->events(filter, page); });
}

Following Service::followEvents(store::EventFilter filter, std::optional<std::int64_t> after)
{
    Following following;
    following.filter = std::move(filter);
    following.after = after;
    following.seat = seats_.take();
    if (!following.seat) {
        Problem full(
            503, "too_many_streams", "There are " + std::to_string(kStreams) + " streams of events already; try again later.");
        full.headers.emplace_back("Retry-After", "30");
        throw full;
    }
    return following;
}

} // namespace postfach::admin
