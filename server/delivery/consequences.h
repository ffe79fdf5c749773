#pragma once
// What follows when stored mail was scanned again: the verdict is recorded, marks come and go, a hit gives way to a notice, what is
// in quarantine may be cleared. Work is gathered, because to find the messages of one content is as much as to find those of many.
#include "scanner/client.h"
#include "server/delivery/rescan.h"
#include "server/delivery/withheld.h"
#include "server/store/store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postfach::delivery {

class Consequences {
public:
    struct Scanned {
        store::BodyId body;
        store::ScanRecord::Verdict before = store::ScanRecord::Verdict::none;
        scanner::Verdict verdict; // never an error
        std::string sender, subject, message_id;
    };
    struct Sum {
        std::uint64_t hits = 0, cleared = 0;
    };

    // All outlive it.
    Consequences(store::Store& store, const base::Clock& clock, Withheld& withheld) : store_(store), clock_(clock), withheld_(withheld) {}

    void add(Scanned scanned) { waiting_.push_back(std::move(scanned)); }
    std::size_t size() const { return waiting_.size(); }
    // Carries all of it out; on disk when it returns. `most`: hits of one signature before the administrator is asked. Throws store::Error.
    Sum carryOut(const Rescan::Settings& settings, std::uint64_t most);
    // What waits for an answer and has it: contents of confirmed signatures.
    std::uint64_t actOnConfirmed(const Rescan::Settings& settings);
    std::uint64_t dismissed(const std::string& signature);

private:
    void hit(const Scanned& scanned, std::vector<store::Place> places, const Rescan::Settings& settings, std::uint64_t most);
    void replaceAll(const Scanned& scanned, std::vector<store::Place> places, const Rescan::Settings& settings);
    std::uint64_t replaceSome(const Scanned& scanned, const std::vector<store::Place>& places, const Rescan::Settings& settings);
    std::uint64_t clearQuarantine(store::BodyId body, bool release);

    void dropAllowed(std::vector<Scanned>& all) const;
    void dropDismissed(std::vector<Scanned>& all) const;

    store::Store& store_;
    const base::Clock& clock_;
    Withheld& withheld_;
    std::vector<Scanned> waiting_;
};

} // namespace postfach::delivery
