#pragma once
// Messages as threads: RFC 5256 3 (ORDEREDSUBJECT, REFERENCES) and draft-ietf-morg-inthread (REFS: REFERENCES without subjects, and
// the thread with the newest arrival last). Pure; n log n; no recursion, however long a chain of references is.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

enum class ThreadBy : std::uint8_t { orderedSubject, references, refs };
std::optional<ThreadBy> threadAlgorithm(std::string_view name); // any case

struct ThreadMessage {
    std::uint32_t number = 0;           // what is printed
    std::int64_t sent = 0, arrived = 0; // seconds since 1970
    // Texts by their hashes: they are only compared. 0: none.
    std::uint64_t subject = 0, id = 0; // base subject, Message-ID
    bool is_reply = false;
    std::vector<std::uint64_t> references; // the parent last
};
std::uint64_t threadHash(std::string_view text); // 0 for the empty one alone

// "(3 6 (4 23)(44 7 96))(12)". `messages` in the order of their sequence numbers.
std::string threads(ThreadBy how, const std::vector<ThreadMessage>& messages);

} // namespace postfach::imap
