#pragma once
// What lies behind a message's row: its summary and its bytes, read in batches on helper threads. A summary that is missing
// or of an older version is made anew from the body and put back.
#include "server/imap/session.h"
#include "server/mail/summary.h"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::imap {

// Summaries that were made anew during one reading, to be put back with putBack().
using RemadeSummaries = std::vector<std::pair<store::BodyId, std::string>>;

// On a helper. `bytes` receives the body where it had to be read anyway; may be null.
mail::Summary readSummary(store::ReadTx& tx, store::BodyId body, RemadeSummaries& remade, std::string* bytes);

// Stores them; a store that cannot write now is no reason to refuse what was read.
net::Task<> putBack(Session& session, RemadeSummaries remade);

// `each` for every place of [from, to), on helpers, several at once: each takes the next `at_a_time` that nobody has, so that a large
// mail does not hold up the rest. What was made anew is put back. What `each` captures by reference must live in the caller's frame.
using ReadEach = std::function<void(store::ReadTx& tx, std::size_t place, RemadeSummaries& remade)>;
net::Task<> readEach(Session& session, std::size_t from, std::size_t to, std::size_t at_a_time, ReadEach each);

struct Wish { // what is wanted of one message
    store::BodyId body;
    bool summary = true;
    bool bytes = false;                                       // all of them, whatever the summary says
    std::function<bool(const mail::Summary&)> bytes_if;       // or when this says so; may be empty; not without a summary
    explicit Wish(store::BodyId b) : body(b) {}
};

struct Content {
    enum class State : std::uint8_t { there, gone, damaged } state = State::there;
    std::optional<mail::Summary> summary;                     // of what is there, where it was wanted
    std::shared_ptr<const std::string> bytes;
};

bool isUnreadable(const store::Error& error); // of one message: gone or damaged, and others can be read

// What became of a message that could not be read: gone, damaged (which is logged), or nothing of the kind.
std::optional<Content::State> stateAfter(const std::exception& trouble, store::BodyId body);

// One Content a wish, in order. Whole messages that are read are kept for the next who wants them.
net::Task<std::vector<Content>> readContents(Session& session, std::vector<Wish> wishes);

// Whole messages out of memory: all of them, or nothing.
std::optional<std::vector<Content>> recallContents(Session& session, const std::vector<store::BodyId>& bodies);

// Whole messages that are read on a helper while the session sends those before. One reading at a time.
class ReadingAhead {
public:
    void start(Session& session, std::vector<store::BodyId> bodies);
    bool isUnderWay() const { return reading_ != nullptr; }
    net::Task<std::vector<Content>> take(Session& session); // what was started; throws what it threw

private:
    struct Reading;
    std::shared_ptr<Reading> reading_;
};

struct RowFacts { // what is kept of a message and stands in no view
    std::string email_id;                                     // RFC 8474
    store::Time saved{};                                      // RFC 8514
};

// One for each of `messages` (ascending), in order; nothing for one that is gone.
net::Task<std::vector<std::optional<RowFacts>>> readRowFacts(Session& session, std::vector<store::Message> messages);

} // namespace postfach::imap
