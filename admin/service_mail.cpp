// Service: mail in and out of an account by hand, and what is said of the whole (scanning, health, metrics, tasks).
#include "admin/service.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <filesystem>

namespace postfach::admin {
namespace {

struct FlagName {
    std::uint64_t bit;
    const char* name;
};
constexpr FlagName kFlags[] = {{store::Flags::kSeen, "seen"}, {store::Flags::kAnswered, "answered"}, {store::Flags::kFlagged, "flagged"},
                               {store::Flags::kDeleted, "deleted"}, {store::Flags::kDraft, "draft"}};

void metric(std::string& out, std::string_view name, std::string_view help, std::string_view type, std::uint64_t value)
{
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ").append(type);
    out.append("\n").append(name).append(" ").append(std::to_string(value)).append("\n");
}

// A store that cannot be read must not hide a refusal of ours: Problem passes, its own errors become one.
store::Mailbox requireMailbox(store::ReadTx& tx, const store::Account& account, const std::string& name)
{
    auto found = tx.findMailbox(account.id, name);
    if (!found)
        throw Problem(404, "not_found", "The account " + account.address + " has no mailbox " + base::printable(name) + ".");
    return *std::move(found);
}
} // namespace

delivery::Result Service::importMessage(const By& by, const std::string& address, const std::string& mailbox, const delivery::AppendItem& item,
                                        std::string_view message)
{
    const auto owner = account(address);
    noteMail(by, "mail.import", owner, mailbox);
    try {
        auto result = context_.delivery.import(owner, mailbox, item, message);
        if (result.outcome != delivery::Outcome::noMailbox)
            return result;
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            if (!tx.findMailbox(owner.id, mailbox))
                tx.createMailbox(owner.id, mailbox);
        });
        return context_.delivery.import(owner, mailbox, item, message);
    } catch (const store::Error& error) {
        throw problemOf(error, "mailbox " + base::printable(mailbox));
    }
}

std::vector<MessageInfo> Service::messages(const By& by, const std::string& address, const std::string& mailbox, store::Uid after, std::size_t limit)
{
    try {
        store::MailboxId id;
        std::vector<std::string> keywords;
        store::Account owner;
        {
            const auto tx = context_.store.read();
            owner = require(*tx, address);
            id = requireMailbox(*tx, owner, mailbox).id;
            keywords = tx->keywords(owner.id);
        }
        noteMail(by, "mail.list", owner, mailbox);
        const auto snapshot = context_.store.view(id)->now();
        std::vector<MessageInfo> found;
        const auto from = after.value == UINT32_MAX ? snapshot.count() : snapshot.lowerBound(store::Uid{after.value + 1});
        snapshot.each(from, snapshot.count(), [&](std::uint32_t index, const store::Message& message) {
            if (found.size() >= limit)
                return false;
            MessageInfo info{message.uid, message.size, message.internal_date, {}, {}};
            const auto flags = snapshot.flags(index);
            for (const auto& flag : kFlags)
                if (flags.has(flag.bit))
                    info.flags.emplace_back(flag.name);
            for (unsigned i = 0; i < keywords.size(); ++i)
                if (flags.hasKeyword(i))
                    info.keywords.push_back(keywords[i]);
            found.push_back(std::move(info));
            return true;
        });
        return found;
    } catch (const store::Error& error) {
        throw problemOf(error, "mailbox " + base::printable(mailbox));
    }
}

std::string Service::message(const By& by, const std::string& address, const std::string& mailbox, store::Uid uid)
{
    const auto subject = "message " + std::to_string(uid.value) + " in " + base::printable(mailbox);
    try {
        store::MailboxId id;
        store::Account owner;
        {
            const auto tx = context_.store.read();
            owner = require(*tx, address);
            id = requireMailbox(*tx, owner, mailbox).id;
        }
        const auto snapshot = context_.store.view(id)->now();
        const auto index = snapshot.find(uid);
        if (!index)
            throw Problem(404, "not_found", "There is no " + subject + ".");
        noteMail(by, "mail.read", owner, mailbox);
        return context_.store.read()->body(snapshot.at(*index).body);
    } catch (const store::Error& error) {
        throw problemOf(error, subject);
    }
}

// --- scanning, health

std::vector<Component> Service::readiness()
{
    std::vector<Component> components;
    const auto problem = context_.store.problem();
    const bool warned = !context_.store.warning().empty(); // names of mailboxes and accounts stay in the log
    components.push_back({"store", problem.empty(), !problem.empty() ? "The store cannot be used."
                                                        : warned ? "A check found faults that endanger no mail; run `postfach check`." : "",
                          warned});
    const auto scan = context_.scanner.status();
    components.push_back({"scanner", scan.ready, scan.ready ? "" : scan.problem});
    const auto checked = context_.rescan.status().percent();
    components.push_back({"coverage", true, checked ? std::to_string(*checked) + " % of stored mail checked with the present signatures" : ""});
    if (!context_.backup.folder.empty()) // mail flows without it, so it takes nobody's readiness; the log has the reason
        components.push_back({"backup", true, backup_failed_ ? "The last scheduled backup failed." : "", backup_failed_});
    if (copy_.wanted()) { // the same
        const auto copy = copy_.status();
        components.push_back({"copy", true, copy.late ? "The second copy is " + std::to_string(copy.lag.count() / 60) + " minutes behind."
                                            : copy.failed ? "The second copy could not be brought up to date." : "",
                              copy.late || copy.failed});
    }
    const auto here = context_.sessions.now(), places = context_.sessions.places();
    components.push_back({"connections", true, std::to_string(here) + " of " + std::to_string(places)});
    addSurroundings(components);
    if (context_.listeners)
        for (const auto& listener : context_.listeners())
            components.push_back({listener.name, listener.listens, listener.listens ? "" : "does not listen"});
    return components;
}

std::string Service::metrics()
{
    std::string out = base::prometheusText();
    if (!out.empty() && out.back() != '\n')
        out += '\n';
    {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        // Counting a large store takes time, and anybody may ask for the metrics.
        if (totals_.empty() || now - totals_at_ > std::chrono::seconds(15)) {
            try {
                const auto totals = context_.store.read()->totals();
                totals_.clear();
                metric(totals_, "postfach_store_accounts", "Accounts", "gauge", totals.accounts);
                metric(totals_, "postfach_store_domains", "Domains", "gauge", totals.domains);
                metric(totals_, "postfach_store_mailboxes", "Mailboxes", "gauge", totals.mailboxes);
                metric(totals_, "postfach_store_messages", "Messages in mailboxes", "gauge", totals.messages);
                metric(totals_, "postfach_store_bodies", "Different contents kept", "gauge", totals.bodies);
                metric(totals_, "postfach_store_bytes", "Bytes of all contents kept", "gauge", totals.bytes);
                metric(totals_, "postfach_store_quarantined", "Messages in quarantine", "gauge", totals.quarantined);
                totals_at_ = now;
            } catch (const store::Error&) {
                totals_.clear(); // said by postfach_ready
            }
        }
        out += totals_;
    }
    addSurroundings(out);
    const auto components = readiness();
    metric(out, "postfach_warnings", "Components of readiness that somebody should look at", "gauge",
           static_cast<std::uint64_t>(std::count_if(components.begin(), components.end(), [](const auto& c) { return c.warns; })));
    const bool ready = std::all_of(components.begin(), components.end(), [](const auto& c) { return c.ready; });
    metric(out, "postfach_ready", "1 while every component is ready", "gauge", ready ? 1 : 0);
    if (copy_.wanted()) {
        const auto copy = copy_.status();
        metric(out, "postfach_copy_lag_seconds", "How far the second copy is behind", "gauge", static_cast<std::uint64_t>(copy.lag.count()));
        metric(out, "postfach_copy_failed", "1 when the last round of the second copy failed", "gauge", copy.failed ? 1 : 0);
    }
    const auto scan = context_.scanner.status();
    metric(out, "postfach_scanner_signatures", "Signatures loaded", "gauge", scan.signature_count);
    metric(out, "postfach_scanner_infected_total", "Contents found infected", "counter", scan.infected);
    metric(out, "postfach_scanner_suspicious_total", "Contents with macros, phishing or a refused attachment", "counter", scan.suspicious);
    metric(out, "postfach_scanner_unscannable_total", "Contents that could not be scanned whole", "counter", scan.unscannable);
    metric(out, "postfach_scanner_errors_total", "Scans without a verdict", "counter", scan.errors);
    metric(out, "postfach_start_time_seconds", "When the server started, seconds since 1970", "gauge",
           static_cast<std::uint64_t>(base::toMillis(context_.started) / 1000));
    return out;
}

// --- long work

Task Service::checkStore(const By& by, bool repair)
{
    auto wish = object();
    wish->set("repair", repair);
    tasks_.requireRoom();
    note(by, "check.run", "store", wish);
    return tasks_.start("check", [this, repair](const Tasks::Progress& progress, const std::stop_token& stop) {
        std::vector<std::string> lines;
        for (const auto& finding : context_.store.check(repair, progress, stop))
            lines.push_back(finding.where + ": " + finding.what);
        return lines;
    });
}

} // namespace postfach::admin
