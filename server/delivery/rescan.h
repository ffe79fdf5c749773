#pragma once
// Stored mail, with today's signatures: a pass over every content that another set looked at last, and what follows from it.
//
// The record of how far it is stands with each content (store::ScanRecord), so a pass that was stopped goes on where it was. It
// begins by itself when a new set serves, and on demand: contents without any verdict first, then those that its exact hashes point
// at, then what somebody has not read yet, newest first. It has a thread of its own, which reads and understands one content at a time
// and has the scanner look at few at once, behind every delivery, for a share of the scanner's time.
//
// A hit takes the message out of every mailbox that has it, puts a notice into its place, and keeps the message in quarantine. Found
// more often than is likely, a signature is put before the administrator instead: confirmed() or dismissed().
#include "scanner/client.h"
#include "server/base/clock.h"
#include "server/delivery/judgement.h"
#include "server/delivery/withheld.h"
#include "server/store/store.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace postfach::delivery {

class Rescan {
public:
    struct Settings {
        unsigned share = 25;         // percent of what all workers of the scanner can do; 0: no pass
        std::uint64_t brake_hits = 20; // contents with one signature in one pass that are acted on, or
        unsigned brake_percent = 1;  // so many of all contents, whichever is more
        bool release_cleared = false; // what newer signatures clear leaves quarantine by itself
        store::ScanPolicy scan = defaultScanPolicy(); // what domains and accounts inherit: a mark that nobody wants is not set
        std::string attachment_types; // scanner::AttachmentTypes, as deliveries look for them
        std::string server_name;     // in notices
        std::string signatures;      // the folder of the set that serves, for its exact hashes; empty: they are not matched
    };
    enum class State : std::uint8_t {
        idle,      // nothing is behind, or nothing was looked at yet
        running,
        waiting,   // for the scanner
        off,       // the share is 0
        cancelled, // until the next set, or until somebody asks
    };
    struct Status {
        State state = State::idle;
        store::Coverage coverage;    // by the set that serves; as it was counted last, and what was scanned since
        // Of the pass that runs or ran last; `id` is empty before the first.
        std::string id;
        std::string signatures;
        base::Time started{};
        std::optional<base::Time> finished;
        std::uint64_t scanned = 0, scanned_bytes = 0;
        std::uint64_t left = 0, left_bytes = 0;
        std::uint64_t candidates = 0; // contents that hash signatures point at: those came first
        std::uint64_t hits = 0;      // contents that were found infected in mail
        std::uint64_t cleared = 0;   // contents in quarantine of which nothing is said any more
        std::uint64_t no_verdict = 0; // contents that could not be scanned, so far
        std::uint64_t bytes_per_second = 0;
        std::optional<std::chrono::seconds> to_go;
        bool cancelled = false;      // somebody has ended it
        std::string problem;         // why the last one ended early; empty: it did not
        std::uint64_t ended = 0;     // passes since the start, whatever became of them
        bool counted = false;        // else nothing is known of the coverage: the scanner is not ready yet
        std::optional<unsigned> percent() const; // of the contents; 100 only when all are checked
    };

    // The three outlive it. `look`: how often it asks whether there is another signature set.
    Rescan(store::Store& store, scanner::Client& scanner, const base::Clock& clock, Settings settings,
           std::chrono::milliseconds look = std::chrono::seconds(1));
    ~Rescan();                       // stops
    Rescan(const Rescan&) = delete;
    Rescan& operator=(const Rescan&) = delete;

    void start();
    void stop();                     // what is being scanned is scanned again the next time

    // Any thread.
    void setSettings(Settings settings);
    void request();                  // begins a pass over what is behind, also where one was cancelled
    void cancel();                   // of this set
    Status status() const;
    const Withheld& withheld() const; // what it has taken out of mailboxes
    bool awaitStatus(const std::function<bool(const Status&)>& wanted, std::chrono::milliseconds most) const; // false: not in time

    // Any thread, after the administrator's answer is in the store (decideOutbreak).
    void confirmed();                    // acts on what waits, in the background
    // Blocking: what waits stays where it is, what was taken is released: how many messages.
    std::uint64_t dismissed(const std::string& signature);

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace postfach::delivery
