// check(): every invariant of FORMAT.md, while the server works. What is derived (counters, references, files that nobody
// names) is repaired when asked; what is lost (bytes) is only reported. Bodies are read a few hundred at a time, so that no
// long read transaction holds up the write-ahead log.
#include "server/base/error.h"
#include "server/store/names.h"
#include "server/store/sqlite/check_rules.h"
#include "server/store/sqlite/log_check.h"
#include "server/store/sqlite/sqlite_store.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include <sqlite3.h>

namespace postfach::store::sqlite {
namespace {

constexpr std::size_t kMostOfAKind = 1000; // reported; the rest is counted

// A rule's findings, of which a damaged table may have a million.
class Findings {
public:
    Findings(std::vector<Finding>& all, const char* what, bool repairable, bool harmless = false)
        : all_(all), what_(what), repairable_(repairable), harmless_(harmless)
    {
    }
    ~Findings() = default;
    Findings(const Findings&) = delete;
    Findings& operator=(const Findings&) = delete;

    void add(std::string where)
    {
        if (++found_ <= kMostOfAKind)
            all_.push_back({what_, std::move(where), repairable_, harmless_});
    }
    void end()
    {
        if (found_ > kMostOfAKind)
            all_.push_back({what_, std::to_string(found_ - kMostOfAKind) + " more", repairable_, harmless_});
    }

private:
    std::vector<Finding>& all_;
    const char* what_;
    const bool repairable_, harmless_;
    std::size_t found_ = 0;
};

void checkNames(Connection& db, char delimiter, std::vector<Finding>& all)
{
    Findings bad(all, "the name of a mailbox is none", false), alone(all, "a mailbox has no parent", true);
    std::unordered_set<std::string> names; // of one account
    std::vector<std::pair<std::int64_t, std::string>> below;
    std::int64_t account = 0;
    const auto settle = [&] {
        for (const auto& [id, name] : below)
            if (names.count(name.substr(0, name.rfind(delimiter))) == 0)
                alone.add("mailbox " + std::to_string(id));
        below.clear();
        names.clear();
    };
    Statement row =
        db.query("SELECT account_id, id, name FROM mailbox WHERE account_id IN (SELECT id FROM account) ORDER BY account_id");
    while (row.step()) {
        if (row.integer(0) != account)
            settle();
        account = row.integer(0);
        std::string name = row.text(2);
        names.insert(name);
        if (!isMailboxName(name, delimiter))
            bad.add("mailbox " + std::to_string(row.integer(1)));
        else if (name.find(delimiter) != std::string::npos)
            below.emplace_back(row.integer(1), std::move(name));
    }
    settle();
    bad.end();
    alone.end();
}

void heed(const std::stop_token& stop)
{
    if (stop.stop_requested())
        throw base::Refused("the check was stopped; nothing was repaired", 1);
}

// One statement may take minutes; SQLite looks every so many of its steps whether it is to end.
class Interruptible {
public:
    Interruptible(Connection& db, const std::stop_token& stop) : db_(db), stop_(stop)
    {
        const auto asked = [](void* token) { return static_cast<std::stop_token*>(token)->stop_requested() ? 1 : 0; };
        sqlite3_progress_handler(db_.handle(), kSteps, asked, &stop_);
    }
    ~Interruptible() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); } // the connection is lent on
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;

private:
    static constexpr int kSteps = 100'000; // some milliseconds
    Connection& db_;
    std::stop_token stop_;
};

void applyRules(Connection& db, char delimiter, std::vector<Finding>& all, const std::stop_token& stop)
{
    const auto apply = [&](const Rule& rule, const char* before) {
        heed(stop);
        Findings findings(all, rule.what, rule.repair != nullptr, rule.harmless);
        Statement row = db.query(rule.find);
        while (row.step())
            findings.add(before + row.text(0));
        findings.end();
    };
    for (const Rule& rule : rules())
        apply(rule, "");
    apply({"the references to a body are miscounted", kMiscounted, ""}, "body ");
    checkNames(db, delimiter, all);
}

void raiseAlarm(Alarm& alarm, const std::vector<Finding>& findings)
{
    for (const Finding& finding : findings)
        if (!finding.repairable && !finding.harmless)
            alarm.raise(finding.what + " (" + finding.where + ")");
}

// All was looked at: what an earlier check found and this one did not is gone.
void warn(Alarm& alarm, const std::vector<Finding>& findings)
{
    const auto harmless = [](const Finding& finding) { return finding.harmless; };
    const auto first = std::find_if(findings.begin(), findings.end(), harmless);
    const auto count = static_cast<std::size_t>(std::count_if(first, findings.end(), harmless));
    alarm.warn(count, count > 0 ? first->what + " (" + first->where + ")" : std::string());
}

} // namespace

std::vector<Finding> SqliteStore::check(bool repair, const Progress& progress, const std::stop_token& stop)
{
    std::vector<Finding> findings;
    const std::size_t raised = files_->alarm->count();
    std::uint64_t read = 0, in_all = 0;
    const auto tell = [&] {
        if (progress)
            progress(std::min(read, in_all), in_all);
    };
    try {
        const auto transaction = readTransaction();
        const Interruptible interruptible(transaction->db(), stop);
        if (Statement row = transaction->db().query("SELECT coalesce(sum(size), 0) FROM body"); row.step())
            in_all = static_cast<std::uint64_t>(row.integer(0));
        tell();
        sqlite3_db_release_memory(transaction->db().handle()); // what counts is what the disk says now
        Statement row = transaction->db().query("PRAGMA integrity_check");
        while (row.step())
            if (row.bytes(0) != "ok")
                findings.push_back({row.text(0), "postfach.db", false});
        if (!findings.empty()) { // what follows would trip over the same damage
            raiseAlarm(*files_->alarm, findings);
            return findings;
        }
        applyRules(transaction->db(), delimiter_, findings, stop);
    } catch (const Error& error) {
        heed(stop);
        if (error.kind != Error::Kind::damaged)
            throw;
        findings.push_back({error.what(), "postfach.db", false});
        return findings;
    }

    std::int64_t after = 0;
    for (bool more = true; more;) {
        const auto transaction = readTransaction();
        Reading reading(transaction->db(), *files_, delimiter_);
        std::vector<BodyId> ids;
        {
            Statement row = transaction->db().query("SELECT id FROM body WHERE id > ? ORDER BY id LIMIT 256", after);
            while (row.step())
                ids.push_back(BodyId{row.integer(0)});
        }
        for (const BodyId id : ids) {
            if (stop.stop_requested()) {
                raiseAlarm(*files_->alarm, findings);
                heed(stop);
            }
            try {
                read += reading.bodySize(id);
                if (base::sha256(reading.body(id)) != reading.bodyHash(id))
                    throw Error(Error::Kind::damaged, "its bytes are not those of its hash");
            } catch (const Error& e) {
                findings.push_back({e.what(), "body " + std::to_string(id.value), false});
            }
        }
        more = !ids.empty();
        if (more)
            after = ids.back().value;
        tell(); // mail that came since may make it more than there was
    }

    const auto named = [this](const base::Sha256& hash) {
        const auto transaction = readTransaction();
        return transaction->db().query("SELECT 1 FROM body WHERE encoding = 2 AND hash = ?", Blob{asBytes(hash)}).step();
    };
    // Looked at twice: between a commit that drops a row and the writer's note of it, a file is nobody's for a moment.
    std::vector<base::Sha256> orphans = files_->orphans(named);
    if (!orphans.empty()) {
        const std::vector<base::Sha256> again = files_->orphans(named);
        std::erase_if(orphans, [&](const base::Sha256& hash) { return std::find(again.begin(), again.end(), hash) == again.end(); });
    }
    for (const base::Sha256& hash : orphans)
        findings.push_back({"a file that no body names", files_->path(hash), true});
    for (Finding& broken : verifyAudit(std::nullopt, nullptr))
        findings.push_back(std::move(broken));

    raiseAlarm(*files_->alarm, findings);
    warn(*files_->alarm, findings);
    // Every row, page and byte was read, and all are whole: what the alarm was raised for is gone, or was repaired.
    if (!logWasSetAside(folder_))
        files_->alarm->end(raised);
    if (!repair || findings.empty())
        return findings;
    writeAndWait([](WriteTx& tx) { // counted anew inside: mail may have come since
        auto& writing = dynamic_cast<Writing&>(tx);
        std::vector<std::pair<BodyId, std::int64_t>> wrong;
        {
            Statement row = writing.db().query(kMiscounted);
            while (row.step())
                wrong.emplace_back(BodyId{row.integer(0)}, row.integer(1));
        }
        for (const auto& [id, by] : wrong)
            writing.correctReferences(id, by);
        for (const Rule& rule : rules())
            if (rule.repair && *rule.repair)
                writing.db().run(rule.repair);
        writing.makeMissingMailboxes();
        writing.correctTally();
    });
    files_->dropped(orphans); // the writer looks once more and removes them
    return findings;
}

} // namespace postfach::store::sqlite
