#pragma once
// What the ways in share (deliver.cpp, append.cpp, import.cpp): a message on its way, its examination (examine.cpp) and its commit
// (commit.cpp). Private to server/delivery.
#include "server/base/limits.h"
#include "server/delivery/delivery.h"
#include "server/delivery/events.h"
#include "server/delivery/understand.h"
#include "server/delivery/verdicts.h"
#include "server/net/handover.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace postfach::delivery {

// What a verdict means for one way in.
enum class Action { store, quarantine, refuse, later };

// A message's share of what is on its way; the first fits whatever its size.
class InFlight {
public:
    InFlight(std::atomic<std::uint64_t>& all, std::uint64_t size) : all_(all), size_(size), before_(all.fetch_add(size)) {}
    ~InFlight() { all_ -= size_; }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    bool fits() const { return before_ == 0 || before_ + size_ <= base::limits::kDeliveriesInFlight; }

private:
    std::atomic<std::uint64_t>& all_;
    const std::uint64_t size_, before_;
};

struct Delivery::Inner {
    Inner(store::Store& st, scanner::Client& sc, const base::Clock& cl, Policy po) : store(st), scanner(sc), clock(cl)
    {
        setPolicy(std::move(po));
    }
    store::Store& store;
    scanner::Client& scanner;
    const base::Clock& clock;
    // Every policy there ever was: somebody may still be reading one, and an administrator changes them rarely.
    std::mutex policies_mutex;
    std::list<Policy> policies;                     // guarded by policies_mutex
    std::atomic<const Policy*> policy_now{nullptr}; // the last of them
    const Policy& policy() const { return *policy_now.load(std::memory_order_acquire); }
    void setPolicy(Policy next)
    {
        const std::lock_guard lock(policies_mutex);
        policies.push_back(std::move(next));
        policy_now.store(&policies.back(), std::memory_order_release);
    }
    std::atomic<std::uint64_t> in_flight{0};
    Verdicts verdicts;

    struct Target {
        store::AccountId account;
        std::string address; // of the account
        std::string mailbox = "INBOX";
        AppendItem item;
        Action action = Action::store;
        Judgement judgement;
    };
    struct Asked; // the scanner
    struct Job {  // a message on its way: lives in the frame of whoever delivers it
        std::vector<Target> targets;
        std::string way_in;
        bool append = false;
        Understood understood;
        scanner::Content content;
        base::Sha256 hash{}; // of what came, by which way, and what was looked for
        scanner::Verdict verdict;
        std::shared_ptr<Asked> asked; // the scanner, while it is being examined
        std::exception_ptr trouble;   // that came of looking at it
        std::unique_ptr<store::PreparedBody> body;
        struct PreparedNotice {
            std::unique_ptr<store::PreparedBody> body;
            std::string summary, token;
        };
        std::vector<PreparedNotice> notices; // one a target, filled where it is quarantined
        std::vector<Result> results;
        bool any(Action wanted) const
        {
            return std::any_of(
                targets.begin(), targets.end(), [wanted](const Target& target) { return target.action == wanted; });
        }
        bool kept() const { return any(Action::store) || any(Action::quarantine); }
        Job() = default;
    };
    struct Source { // where a message lies
        Spool& spool;
        std::uint64_t begin, size;
        std::uint64_t head = 0; // how much of it is our own
        std::string_view view() const { return spool.view().substr(begin, size); }
        std::string_view received() const { return view().substr(head); }
    };

    void decide(Job& job, std::string_view received) const;
    Action actionFor(const Job& job, const Target& target) const;
    static base::Sha256 hashOf(const Job& job, const Source& message, const std::string& refused);
    void look(Job& job, const Source& message, net::Strand& strand, const std::shared_ptr<Asked>& asked);
    void prepare(Job& job, std::string_view message);
    static void recordVerdict(store::WriteTx& tx, store::BodyId body, const scanner::Verdict& verdict);
    void commit(store::WriteTx& tx, Job& job) const;
    static Told toldOf(const Job& job, std::size_t index);
    static void tellFound(store::WriteTx& tx, const Job& job);
    void tellRefused(const Job& job) const;
    void commitAll(store::WriteTx& tx, std::vector<Job>& jobs, const std::optional<Replaced>& replaces, std::size_t& at) const;
    Result commitTo(store::WriteTx& tx, Job& job, std::size_t index, store::BodyId body) const;
    static Result refusal(const Job& job, const Target& target);
    void conclude(const Job& job, std::uint64_t size) const;
    Result unavailableFor(const std::exception_ptr& error, const Job& job) const;
    void failed(Job& job, const std::exception_ptr& error) const;
    net::Task<> examine(net::Strand& strand, Job& job, Source message);
    net::Task<> beginExamining(net::Strand& strand, Job& job, Source message);
    net::Task<> scanned(net::Strand& strand, Job& job);
    net::Task<> endExamining(net::Strand& strand, Job& job, Source message);
    net::Task<> write(net::Strand& strand, std::function<void(store::WriteTx&)> work);
    net::Task<std::vector<Result>> run(net::Strand& strand, Job job, Spool& message);
    net::Task<AppendResult> append(net::Strand& strand, Appending wanted, Spool& messages);
};

// A scan that goes on while we do something else.
struct Delivery::Inner::Asked {
    bool scanning = false;
    net::Handover handover;
    scanner::Verdict verdict; // the scanner's until it has given it
};

} // namespace postfach::delivery
