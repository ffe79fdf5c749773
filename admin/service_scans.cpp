// Service: signatures, the pass over stored mail, and what it asks.
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/text.h"

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

void Service::confirmOutbreak(const By& by, const std::string& signature)
{
    try {
        context_.rescan.confirm(signature);
    } catch (const store::Error& error) {
        throw problemAbout(error, signature);
    }
    note(by, "finding.confirm", signature);
}

std::uint64_t Service::dismissOutbreak(const By& by, const std::string& signature)
{
    try {
        const auto released = context_.rescan.dismiss(signature);
        auto said = object();
        said->set("released", released);
        note(by, "finding.dismiss", signature, said);
        return released;
    } catch (const store::Error& error) {
        throw problemAbout(error, signature);
    }
}

Service::ExposureOf Service::exposure(std::int64_t id)
{
    constexpr std::size_t kMost = 10'000;
    const auto entry = quarantined(id);
    try {
        context_.reads.flush();
        context_.store.writeAndWait([](store::WriteTx&) {}); // behind what was flushed
        ExposureOf all;
        const auto tx = context_.store.read();
        all.quarantined = tx->quarantineOf(entry.body);
        for (store::Place& place : tx->places({entry.body})) {
            const auto account = tx->account(place.account);
            all.stored.emplace_back(account ? account->address : std::string(), place);
        }
        all.reads = tx->exposure(entry.body, kMost);
        return all;
    } catch (const store::Error& error) {
        throw problemOf(error, "quarantined message " + std::to_string(id));
    }
}

} // namespace postfach::admin
