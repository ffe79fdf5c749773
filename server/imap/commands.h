#pragma once
// The table of commands: one row says name, state, what the command does to numbers, and its function.
// UID forms share their functions: Request::by_uid tells them apart.
#include "server/imap/request.h"
#include "server/net/task.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace postfach::imap {

class Session;

// The tagged answer, without its tag.
struct Tagged {
    explicit Tagged(std::string line) : text(std::move(line)) {}
    static Tagged ok(const std::string& text) { return Tagged("OK " + text); }
    static Tagged ok(const std::string& code, const std::string& text) { return Tagged("OK [" + code + "] " + text); }
    std::string text;
    bool last = false;       // the session ends with it
    std::string bye;         // the session ends, and this is said after it
};

// RFC 9051 3. `authenticated` commands work in the selected state too.
enum class State { any, notAuthenticated, authenticated, selected };

// What other sessions did is told before the tagged answer, as far as the command lets numbers move (RFC 9051 7.5.1).
enum class Numbering {
    silent, // nothing is told: nobody is in, or the mailbox is being left
    keeps,  // no EXPUNGE: FETCH, STORE and SEARCH by sequence number
    shifts, // all news
    expunges, // all news, even to who wants none (NOTIFY): they are the command's own answer
};

struct Command {
    std::string_view name;
    State state;
    Numbering numbering;
    net::Task<Tagged> (*run)(Session& session, Request& request);
};

// nullptr: unknown. `name` in capitals.
const Command* findCommand(std::string_view name);

} // namespace postfach::imap
