#pragma once
// Client's engine room: the thread that starts generations, hands jobs to workers, keeps deadlines, and swaps signature sets.
// README.md tells the life of a generation.
#include "scanner/client.h"
#include "scanner/generation.h"
#include "scanner/signature_files.h"
#include "server/base/file.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postfach::scanner {

class Dispatcher final : public Client {
public:
    explicit Dispatcher(const Options& options);
    ~Dispatcher() override;

    void scan(Content content, std::function<void(Verdict)> answer) override;
    Status status() const override;
    void reload() override;
    void withdraw() override;

private:
    // What the next generation is made of. At first start and after a crash they are tried in this order.
    enum class Attempt {
        strict, // the folder as it is now
        good,   // the set that served last, set aside in run_folder/good
        lenient // the folder without what does not load, at worst the test signature alone
    };

    void run();
    void round();
    void takeInbox();
    void startAttempt();
    void loadingFailed(const std::string& reason);
    void promote();
    void servingDied();
    void keepGood(const Generation& generation) const;
    void dispatch();
    std::unique_ptr<Job> next();
    std::size_t inBackground() const;
    void makeWay(SteadyTime now);
    void waitAgain(std::unique_ptr<Job> job);
    void giveUp(std::deque<std::unique_ptr<Job>>& line, SteadyTime now);
    bool hand(std::size_t slot, std::unique_ptr<Job> job);
    void hearWorker(Generation& generation, std::size_t slot);
    void workerDied(Generation& generation, std::size_t slot);
    void died(std::unique_ptr<Job> job, const Generation& by); // its worker, in the midst of it
    void countRestart();
    void checkTimes();
    void endLingering(SteadyTime now);
    void checkFolder(bool asked);
    int pollTime() const;
    void pollAll(int milliseconds);
    void finish(std::unique_ptr<Job> job, Verdict verdict, const Generation* by = nullptr);
    void fail(std::unique_ptr<Job> job, std::string why, const Generation* by = nullptr); // no verdict
    void finishCrash(std::unique_ptr<Job> job, const Generation& by);
    void publish();
    std::unique_ptr<Generation> dismiss(std::unique_ptr<Generation> generation);

    static constexpr int kTries = 2;
    static constexpr std::chrono::seconds kPatience{2}; // who waits so long gets the worker of a scan that nobody waits for

    // Fixed after construction.
    Options options_;
    unsigned workers_;
    base::Fd wake_; // eventfd

    // Guarded by mutex_.
    mutable std::mutex mutex_;
    std::deque<std::unique_ptr<Job>> inbox_;
    bool reload_asked_ = false, withdraw_asked_ = false;
    bool stopping_ = false;
    Status status_;

    // The thread's own.
    std::deque<std::unique_ptr<Job>> queue_, background_; // the second has its turn when the first is empty
    std::unique_ptr<Generation> serving_, loading_;
    std::vector<std::unique_ptr<Generation>> leaving_;
    bool want_generation_ = true; // start one as soon as start_at_ has come and memory allows
    bool withdrawn_ = false;      // an empty folder is meant
    bool forced_ = false;         // the administrator asked: a smaller set is meant, the next time that the folder is tried
    Attempt attempt_ = Attempt::strict;
    SteadyTime start_at_{}, look_at_{};
    std::chrono::milliseconds back_off_{0};
    SteadyTime last_death_{};
    std::vector<SignatureFile> tried_; // the folder as the latest generation found it
    std::string reload_problem_, start_problem_;
    bool hopeless_ = false; // every way to start was tried in vain: who asks is told at once, until one works
    std::uint64_t served_ = 0;         // signatures of the set that serves, or served last; of one before this start 2, for it is not known
    std::int64_t loaded_at_ = 0;
    std::uint64_t next_id_ = 1, next_folder_ = 1;
    std::map<std::string, int> poison_; // SHA-256 of contents that killed their workers: in how many scans
    std::uint64_t scans_ = 0, infected_ = 0, unscannable_ = 0, suspicious_ = 0, errors_ = 0, restarts_ = 0;

    std::thread thread_; // last: starts when all of the above is there
};

} // namespace postfach::scanner
