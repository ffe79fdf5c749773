#include "server/delivery/consequences.h"
#include "server/base/log.h"
#include "server/delivery/events.h"
#include "server/delivery/judgement.h"
#include "server/delivery/notice.h"
#include "server/delivery/received.h"
#include "server/delivery/release_request.h"
#include "server/delivery/understand.h"
#include "server/delivery/verdicts.h"
#include "server/mail/summary.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace postfach::delivery {
namespace {
using scanner::Verdict;
using store::Outbreak;
using store::Place;
using store::ScanRecord;

constexpr std::size_t kAtOnce = 100;   // messages that one transaction replaces or releases: others write between
constexpr int kRounds = 100;           // copies that clients make while a content is taken away; then it is the next pass's
constexpr const char* kWayIn = "rescan";

bool mayBeMarked(ScanRecord::Verdict before)
{
    return before != ScanRecord::Verdict::clean && before != ScanRecord::Verdict::infected;
}

bool changesMarks(const Consequences::Scanned& scanned)
{
    return scanned.verdict.kind == Verdict::Kind::unscannable || scanned.verdict.kind == Verdict::Kind::suspicious
        || (scanned.verdict.kind == Verdict::Kind::clean && mayBeMarked(scanned.before));
}

std::vector<Place> placesOf(const std::vector<Place>& places, store::BodyId body)
{
    std::vector<Place> own;
    std::copy_if(places.begin(), places.end(), std::back_inserter(own), [body](const Place& place) { return place.body == body; });
    return own;
}

// A content may be gone by the time: nothing needs to be done any more.
template <class Work>
void unlessGone(Work work)
{
    try {
        work();
    } catch (const store::Error& error) {
        switch (error.kind) {
        case store::Error::Kind::noSuchMessage:
        case store::Error::Kind::noSuchMailbox:
        case store::Error::Kind::noSuchAccount:
        case store::Error::Kind::noSuchEntry: return;
        default: throw;
        }
    }
}

// The marks that its verdict and its owner's policy ask for, and no others of ours. A message may have all the keywords it can: then it
// has no mark, and the pass goes on.
void mark(store::WriteTx& tx, const Place& place, const Verdict& verdict, const store::ScanPolicy& configured)
{
    const auto account = tx.account(place.account);
    const auto policy = account ? account->scan.over(account->scan_of_domain).over(configured) : configured;
    const auto wanted = judge(verdict, policy).marks;
    store::Flags wrong;
    for (const std::string_view one : store::kServerKeywords)
        if (std::find(wanted.begin(), wanted.end(), one) == wanted.end())
            if (const auto keyword = tx.findKeyword(place.account, one))
                wrong.addKeyword(*keyword);
    if (wrong != store::Flags{})
        tx.changeFlags(place.mailbox, {place.uid}, store::FlagChange::remove, wrong);
    if (wanted.empty())
        return;
    store::Flags right;
    for (const std::string_view one : wanted)
        right.addKeyword(tx.keyword(place.account, one));
    try {
        tx.changeFlags(place.mailbox, {place.uid}, store::FlagChange::add, right);
    } catch (const store::Error& error) {
        if (error.kind != store::Error::Kind::limit)
            throw;
        base::logWarning("rescan", "a message cannot be marked",
                         {{"mailbox", place.mailbox.value}, {"uid", place.uid.value}, {"reason", error.what()}});
    }
}

// What was not known of it before, told as a delivery tells it.
void tellFound(store::WriteTx& tx, const Consequences::Scanned& scanned, std::string_view fate, const std::vector<Place>& places)
{
    if (places.empty() || recordOf(scanned.verdict, tx.now()).verdict == scanned.before)
        return;
    const auto account = tx.account(places.front().account);
    Told told;
    told.account = places.front().account;
    told.recipient = account ? account->address : std::string();
    told.way_in = kWayIn;
    told.size = tx.bodySize(scanned.body);
    told.message_id = scanned.message_id;
    told.verdict = scanned.verdict.name;
    tellVerdict(tx, scanned.verdict.kind, fate, told, places.size());
}
} // namespace

Consequences::Sum Consequences::carryOut(const Rescan::Settings& settings, std::uint64_t most)
{
    std::vector<Scanned> all = std::exchange(waiting_, {});
    dropAllowed(all);
    dropDismissed(all);
    Sum sum;
    std::vector<store::BodyId> asked;
    for (const Scanned& scanned : all)
        if (scanned.verdict.kind == Verdict::Kind::infected || changesMarks(scanned))
            asked.push_back(scanned.body);
    const std::vector<Place> places = asked.empty() ? std::vector<Place>() : store_.read()->places(asked);
    store_.writeAndWait([&](store::WriteTx& tx) {
        for (const Scanned& scanned : all) {
            if (scanned.verdict.kind == Verdict::Kind::infected)
                continue;
            unlessGone([&] {
                tx.recordScan(scanned.body, recordOf(scanned.verdict, tx.now()));
                tx.putInnerHashes(scanned.body, store::unpackInnerHashes(scanned.verdict.inner));
            });
            if (scanned.before == ScanRecord::Verdict::infected)
                tx.endWaiting(scanned.body);
            if (!changesMarks(scanned))
                continue;
            const std::vector<Place> own = placesOf(places, scanned.body);
            for (const Place& place : own)
                unlessGone([&] { mark(tx, place, scanned.verdict, settings.scan); });
            if (scanned.verdict.kind != Verdict::Kind::clean)
                unlessGone([&] { tellFound(tx, scanned, "stored", own); });
        }
    });
    for (const Scanned& scanned : all) {
        if (scanned.verdict.kind == Verdict::Kind::infected) {
            sum.hits += scanned.before != ScanRecord::Verdict::infected ? 1 : 0;
            hit(scanned, placesOf(places, scanned.body), settings, most);
        } else if (scanned.verdict.kind == Verdict::Kind::clean && scanned.before != ScanRecord::Verdict::clean) {
            sum.cleared += clearQuarantine(scanned.body, settings.release_cleared);
        }
    }
    return sum;
}

// What was released for good is not taken out again.
void Consequences::dropAllowed(std::vector<Scanned>& all) const
{
    for (Scanned& scanned : all)
        if (!scanned.verdict.findings.empty())
            unlessGone([&] {
                const auto tx = store_.read();
                delivery::dropAllowed(*tx, scanned.verdict, withoutOwnHead(tx->body(scanned.body)), clock_.now());
            });
}

// What the administrator called a false alarm must not stand for something else that was found in the same mail.
void Consequences::dropDismissed(std::vector<Scanned>& all) const
{
    std::set<std::string> dismissed;
    for (const Outbreak& outbreak : store_.read()->outbreaks())
        if (outbreak.state == Outbreak::State::dismissed)
            dismissed.insert(outbreak.signature);
    if (dismissed.empty())
        return;
    const auto counts = [&](const scanner::Finding& finding) {
        return finding.what == scanner::Class::infected && (scanner::namesOthers(finding) || !dismissed.contains(finding.name));
    };
    for (Scanned& scanned : all) {
        const auto& findings = scanned.verdict.findings;
        if (std::any_of(findings.begin(), findings.end(), counts))
            scanned.verdict.keepOnly([&](const auto& finding) { return finding.what != scanner::Class::infected || counts(finding); });
    }
}

void Consequences::hit(const Scanned& scanned, std::vector<Place> places, const Rescan::Settings& settings, std::uint64_t most)
{
    const std::string& signature = scanned.verdict.name;
    const auto record = [&scanned](store::WriteTx& tx) { unlessGone([&] { tx.recordScan(scanned.body, recordOf(scanned.verdict, tx.now())); }); };
    if (places.empty()) // in quarantine already, or deleted: nobody reads it, and it cannot be restored
        return store_.writeAndWait(record);
    Outbreak outbreak;
    store_.writeAndWait([&](store::WriteTx& tx) {
        outbreak = tx.countHit(signature, scanned.verdict.signatures, most);
        if (outbreak.state == Outbreak::State::asking)
            unlessGone([&] { tx.putWaiting(scanned.body, signature); });
        if (outbreak.state != Outbreak::State::asking && outbreak.state != Outbreak::State::dismissed)
            return;
        unlessGone([&] { tellFound(tx, scanned, "stored", places); });
        record(tx);
    });
    const bool acts = outbreak.state == Outbreak::State::counting || outbreak.state == Outbreak::State::confirmed;
    const char* done = acts ? "replaced by notices" : outbreak.state == Outbreak::State::asking ? "waits for an answer" : "dismissed, left alone";
    base::logWarning("rescan", "found in stored mail",
                     {{"signature", signature}, {"content", scanned.body.value}, {"messages", places.size()}, {"done", done}});
    if (outbreak.state == Outbreak::State::asking && outbreak.hits == most + 1)
        base::logError("rescan", "found more often than is likely: the administrator is asked", {{"signature", signature}, {"hits", outbreak.hits}});
    if (!acts)
        return;
    replaceAll(scanned, places, settings);
    store_.writeAndWait([&](store::WriteTx& tx) {
        unlessGone([&] { tellFound(tx, scanned, "quarantined", places); });
        record(tx);
        tx.endWaiting(scanned.body);
    });
}

// Until no mailbox has it: clients may copy it from one to another meanwhile.
void Consequences::replaceAll(const Scanned& scanned, std::vector<Place> places, const Rescan::Settings& settings)
{
    withheld_.add(scanned.body);
    for (int round = 0; !places.empty() && round < kRounds; ++round) {
        std::uint64_t replaced = 0;
        for (std::size_t at = 0; at < places.size(); at += kAtOnce) {
            const auto end = places.begin() + static_cast<std::ptrdiff_t>(std::min(at + kAtOnce, places.size()));
            replaced += replaceSome(scanned, {places.begin() + static_cast<std::ptrdiff_t>(at), end}, settings);
        }
        if (replaced == 0)
            return; // what is left cannot be: the log has said why
        places = store_.read()->places({scanned.body});
    }
}

// One notice for each account, made before the writer is asked.
std::uint64_t Consequences::replaceSome(const Scanned& scanned, const std::vector<Place>& places, const Rescan::Settings& settings)
{
    struct Prepared {
        std::unique_ptr<store::PreparedBody> body;
        std::string summary, token;
        std::optional<store::BodyId> id;
    };
    std::map<std::int64_t, Prepared> notices; // by account
    for (const Place& place : places) {
        if (notices.contains(place.account.value))
            continue;
        const auto account = store_.read()->account(place.account);
        if (!account)
            continue;
        Notice notice;
        notice.server_name = settings.server_name;
        notice.recipient = account->address;
        notice.sender = scanned.sender;
        notice.subject = scanned.subject;
        notice.signature = scanned.verdict.name;
        notice.received = place.internal_date;
        notice.was_delivered = true;
        notice.token = newReleaseToken();
        const std::string text = composeNotice(notice);
        notices[place.account.value] = {store_.prepareBody(text), mail::serialize(mail::summarize(text)), notice.token, std::nullopt};
    }
    std::uint64_t replaced = 0;
    store_.writeAndWait([&](store::WriteTx& tx) {
        for (const Place& place : places) {
            const auto found = notices.find(place.account.value);
            if (found == notices.end())
                continue;
            Prepared& prepared = found->second;
            if (!prepared.id) {
                prepared.id = tx.addBody(*prepared.body, prepared.summary);
                ScanRecord own;
                own.verdict = ScanRecord::Verdict::clean;
                own.signatures = store::kOwnSignatures;
                own.when = tx.now();
                tx.recordScan(*prepared.id, own);
            }
            try {
                const auto entry = tx.replaceByNotice(
                    place, {scanned.verdict.name, scanned.sender, scanned.subject, kWayIn, *prepared.id, prepared.token});
                if (!entry)
                    continue;
                tellQuarantined(tx, *entry);
                ++replaced;
            } catch (const store::Error& error) {
                if (error.kind != store::Error::Kind::limit)
                    throw;
                base::logError("rescan", "an infected message cannot be replaced",
                               {{"mailbox", place.mailbox.value}, {"uid", place.uid.value}, {"reason", error.what()}});
            }
        }
    });
    return replaced;
}

std::uint64_t Consequences::clearQuarantine(store::BodyId body, bool release)
{
    const auto entries = store_.read()->quarantineOf(body);
    for (std::size_t at = 0; release && at < entries.size(); at += kAtOnce)
        store_.writeAndWait([&](store::WriteTx& tx) {
            for (std::size_t i = at; i < std::min(at + kAtOnce, entries.size()); ++i)
                unlessGone([&] { tx.releaseQuarantine(entries[i].id); });
        });
    for (const auto& entry : entries)
        base::logInfo("rescan", release ? "cleared by newer signatures, released" : "cleared by newer signatures",
                      {{"entry", entry.id.value}, {"account", entry.address}, {"was", entry.signature}});
    return entries.empty() ? 0 : 1;
}

std::uint64_t Consequences::actOnConfirmed(const Rescan::Settings& settings)
{
    std::uint64_t done = 0;
    for (const Outbreak& outbreak : store_.read()->outbreaks()) {
        if (outbreak.state != Outbreak::State::confirmed)
            continue;
        for (;;) {
            const auto bodies = store_.read()->waiting(outbreak.signature, kAtOnce);
            if (bodies.empty())
                break;
            for (const store::BodyId body : bodies) {
                Scanned scanned;
                scanned.body = body;
                scanned.verdict.name = outbreak.signature;
                unlessGone([&] {
                    try {
                        scanner::Content ignored;
                        Understood understood = understand(store_.read()->body(body), ignored);
                        scanned.sender = std::move(understood.sender);
                        scanned.subject = std::move(understood.subject);
                    } catch (const store::Error& error) {
                        if (error.kind != store::Error::Kind::damaged) // the store has raised the alarm, and the notice says less
                            throw;
                    }
                    replaceAll(scanned, store_.read()->places({body}), settings);
                });
                store_.writeAndWait([&](store::WriteTx& tx) { tx.endWaiting(body); });
                ++done;
            }
        }
    }
    return done;
}

std::uint64_t Consequences::dismissed(const std::string& signature)
{
    std::optional<Outbreak> asked;
    for (Outbreak& outbreak : store_.read()->outbreaks())
        if (outbreak.signature == signature)
            asked = std::move(outbreak);
    for (auto bodies = store_.read()->waiting(signature, kAtOnce); !bodies.empty(); bodies = store_.read()->waiting(signature, kAtOnce))
        store_.writeAndWait([&](store::WriteTx& tx) {
            for (const store::BodyId body : bodies)
                tx.endWaiting(body);
        });
    std::uint64_t released = 0;
    std::string after;
    for (;;) {
        const auto page = store_.read()->quarantine({after, kAtOnce});
        if (page.empty())
            return released;
        after = std::to_string(page.back().id.value);
        store_.writeAndWait([&](store::WriteTx& tx) {
            for (const auto& entry : page)
                if (asked && entry.way_in == kWayIn && entry.signature == signature && entry.created >= asked->since)
                    unlessGone([&] {
                        tx.releaseQuarantine(entry.id);
                        ++released;
                    });
        });
    }
}

} // namespace postfach::delivery
