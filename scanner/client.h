#pragma once
// The server's side of scanning: hands content to postfach-scanner's workers and gets verdicts. Knows bytes, no mail.
// Any thread may call; nothing here blocks: scan() queues, and the answer comes on the client's own thread.
#include "scanner/memory.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner {

// What was found in a content, or kept it from being looked at whole; the worse stands before the better.
enum class Class : std::uint8_t {
    infected,   // a signature, or a heuristic that is as good as one
    encrypted,  // an archive or document that only its owner can open
    limit,      // larger, deeper or more than is looked at
    timeout,
    broken,     // cannot be opened, or only half of it is here
    macros,     // a document brings a program along
    phishing,   // a link shows another address than it leads to
    attachment, // of a type that Content::refused names
};
std::string_view wordFor(Class what); // "infected", "encrypted" …: the same for ever
std::optional<Class> classOf(std::string_view word);

struct Finding {
    Class what = Class::broken;
    std::string name; // of the signature, or what exactly
    bool operator==(const Finding&) const = default;
};
// Takes in one that is not known yet. An allowance clears what it names and nothing behind it, so several of a class are kept;
// past kMostOfAClass the last of them says that there are others, and no more goes by the name of one.
void addFinding(std::vector<Finding>& findings, Finding finding);
inline constexpr std::size_t kMostOfAClass = 4;
bool namesOthers(const Finding& finding);
std::string inWords(const Finding& finding); // the signature's name; else its word, then ": " and what exactly

struct Verdict {
    enum class Kind : std::uint8_t {
        clean,       // scanned whole, nothing found
        infected,
        unscannable, // encrypted, limit, timeout, broken: not looked at whole
        suspicious,  // scanned whole: macros, phishing, attachment
        error,       // no verdict could be had now (worker died twice, no signatures, temp space): try again later
    };
    Kind kind = Kind::error;
    std::string name;              // of the worst finding, in words; of an error: why
    std::vector<Finding> findings; // the worst first, of a class as they were found
    std::string signatures;        // identifies the signature set that said so (stable text, e.g. a short hash)
    std::string engine;            // libclamav's version
    std::uint32_t milliseconds = 0;
    // What was seen inside, as far as exact hash signatures ask (wire.h): kLayer bytes each. Empty: nothing, or too much to be told.
    std::string inner;

    // Takes these in; kind and name follow. An error stays one.
    void add(const std::vector<Finding>& more);
    void keepOnly(const std::function<bool(const Finding&)>& wanted); // drops the others; kind and name follow
};
Verdict::Kind kindOf(const std::vector<Finding>& findings);

// What to scan: the first piece is the message as mail (the worker puts a Received: line before it); the others are decoded
// parts and transcodes. A piece whose SHA-256 libclamav already saw as a layer of the first is skipped by the worker.
struct Content {
    std::vector<std::string> pieces;
    bool background = false;       // nobody waits for it: it goes behind all others, and leaves a worker free where there are several
    // The same for the same content, whatever was put before it on its way: how often it ended its worker is counted by it. Empty: the
    // pieces themselves are.
    std::string key;
    std::string refused; // types of attachments that are to be found, as AttachmentTypes takes them; empty: none
};

struct Status {
    bool ready = false;            // workers answer
    std::string problem;           // why not, for a person; also while ready: files left out, an update that was refused
    std::string signatures;        // the set in use
    std::string engine;            // libclamav's version
    std::uint64_t signature_count = 0;
    unsigned workers = 1;          // that scan at the same time
    std::int64_t loaded_at = 0;    // ms since 1970
    std::uint64_t scans = 0, infected = 0, unscannable = 0, suspicious = 0, errors = 0, restarts = 0;
};

struct Options {
    std::string program;                       // path of postfach-scanner
    std::string signatures;                    // folder; may be empty or absent: then the built-in test signature alone
    std::string run_folder;                    // DIR/run/scanner: sockets and temp folders of the workers
    unsigned workers = 0;                      // 0: one a core
    std::chrono::milliseconds deadline{60'000}; // hard, wall clock, per scan
    std::uint64_t temp_bytes = 256ULL << 20;   // per worker
    bool temp_in_memory = true;                // as root: a tmpfs a worker; else, and otherwise, plain folders in run_folder
    std::chrono::milliseconds greet_time{30'000}; // without any worker for so long the parent is taken for hung; a worker that has
                                                  // retired, or never begins, and lives on for so long is ended
    std::chrono::milliseconds poll{60'000};    // how often the folder is looked at for changes; 0: only reload() looks
    std::uint64_t (*available_memory)() = availableMemory; // two sets are there at a time only where it suffices for both
};

class Client {
public:
    virtual ~Client() = default;
    // `answer` is called exactly once, on the client's thread, soon after; it must not block. The view-free Content is taken over.
    virtual void scan(Content content, std::function<void(Verdict)> answer) = 0;
    virtual Status status() const = 0;
    virtual void reload() = 0;     // signatures may have changed: a new generation is tried beside the old
    virtual void withdraw() = 0;   // the same, where the last file was taken away on purpose: nothing but the test signature is meant
};

// Starts the process (call before other threads exist where possible) and the client's thread. Returns at once: until the
// first generation is ready scans wait, up to the deadline. The destructor ends the processes it started.
std::unique_ptr<Client> startClient(const Options& options);

} // namespace postfach::scanner
