// Service: signatures, the pass over stored mail, and what it asks.
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/text.h"

#include <set>
#include <vector>

namespace postfach::admin {
namespace {
Problem problemAbout(const store::Error& error, const std::string& signature) { return problemOf(error, "finding " + base::printable(signature)); }
} // namespace

void Service::runScan(const By& by)
{
    note(by, "scan.run", "scanner");
    context_.scanner.reload();
    context_.rescan.request();
}

delivery::Rescan::Status Service::rescanStatus() { return context_.rescan.status(); }

void Service::cancelRescan(const By& by)
{
    note(by, "scan.cancel", "scanner");
    context_.rescan.cancel();
}

std::vector<store::Outbreak> Service::outbreaks()
{
    try {
        return context_.store.read()->outbreaks();
    } catch (const store::Error& error) {
        throw problemOf(error, "findings");
    }
}

void Service::decideOutbreak(const By& by, const std::string& signature, store::Outbreak::State state, const std::string& action)
{
    change("finding " + base::printable(signature), by, [&](store::WriteTx& tx, Notes& notes) {
        tx.decideOutbreak(signature, state);
        notes.add(action, signature);
    });
}

void Service::confirmOutbreak(const By& by, const std::string& signature)
{
    decideOutbreak(by, signature, store::Outbreak::State::confirmed, "finding.confirm");
    context_.rescan.confirmed();
}

std::uint64_t Service::dismissOutbreak(const By& by, const std::string& signature)
{
    decideOutbreak(by, signature, store::Outbreak::State::dismissed, "finding.dismiss");
    try {
        const auto released = context_.rescan.dismissed(signature);
        auto said = object();
        said->set("released", released);
        note(by, "finding.release", signature, said);
        return released;
    } catch (const store::Error& error) {
        throw problemAbout(error, signature);
    }
}

namespace {

constexpr std::size_t kMostExposed = 10'000;

// All in which the same was found.
std::vector<store::Quarantined> alike(store::ReadTx& tx, const store::Quarantined& entry)
{
    store::QuarantineFilter filter;
    filter.signature = entry.signature;
    auto found = tx.quarantine(filter, {{}, kMostExposed});
    std::erase_if(found, [&entry](const store::Quarantined& one) { return one.signature != entry.signature; }); // a part of it is not it
    return found;
}

std::vector<store::BodyId> bodiesOf(const std::vector<store::Quarantined>& entries)
{
    std::set<store::BodyId> bodies;
    for (const auto& one : entries)
        bodies.insert(one.body);
    return {bodies.begin(), bodies.end()};
}

} // namespace

Service::ExposureOf Service::exposure(std::int64_t id, bool by_signature)
{
    const auto entry = quarantined(id);
    try {
        context_.reads.flush();
        context_.store.writeAndWait([](store::WriteTx&) {}); // behind what was flushed
        ExposureOf all;
        const auto tx = context_.store.read();
        all.quarantined = by_signature ? alike(*tx, entry) : tx->quarantineOf(entry.body);
        auto bodies = bodiesOf(all.quarantined);
        if (by_signature)
            for (const store::BodyId waits : tx->waiting(entry.signature, kMostExposed))
                bodies.push_back(waits);
        for (store::Place& place : tx->places(bodies)) {
            const auto account = tx->account(place.account);
            all.stored.emplace_back(account ? account->address : std::string(), place);
        }
        all.reads = tx->exposure(bodies, kMostExposed);
        return all;
    } catch (const store::Error& error) {
        throw problemOf(error, "quarantined message " + std::to_string(id));
    }
}

} // namespace postfach::admin
