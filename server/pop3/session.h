#pragma once
// One POP3 connection: its state, its loop, the one catch per command.
#include "server/pop3/maildrop.h"
#include "server/pop3/read_ahead.h"
#include "server/pop3/service.h"
#include "server/pop3/texts.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace postfach::pop3 {

enum State : unsigned { kAuthorization = 1, kTransaction = 2, kAnyState = 3 };

struct Refusal : std::runtime_error { using runtime_error::runtime_error; };   // -> "-ERR " and this text; the session goes on
struct BadCommand : Refusal { using Refusal::Refusal; };                       // the same, counted: patience ends

class Session {
public:
    Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& context);

    net::Task<> run(bool implicit_tls);

    // --- for the commands
    void ok(std::string_view text);           // queues "+OK text", as it is
    void say(std::string_view english, std::initializer_list<std::uint64_t> numbers = {}); // the same, in the session's language
    void line(std::string_view text);         // queues a line of a multi-line answer; the caller stuffs dots where needed
    net::Task<> login(std::string user, std::string password); // PASS
    net::Task<> enter(auth::Login login);     // PASS and AUTH end here: opens the maildrop, or says why not
    void setDeadline();                       // from now: bytes that move are a sign of life
    bool mayLogin() const;
    bool inTransaction() const { return maildrop_.has_value(); }
    Maildrop& maildrop() { return *maildrop_; } // in TRANSACTION only
    void closeMaildrop() { maildrop_.reset(); } // QUIT has carried it out
    const std::string& account() const { return account_; } // its address, for the log
    void handOut(const store::Message& message, bool header_only); // notes it; Refusal: it was taken into quarantine

    net::Stream stream;
    const Context& context;
    ReadAhead read_ahead;
    std::string user;                         // of USER, until PASS
    const Language* language = &languages().front(); // of LANG
    bool utf8 = false;                        // UTF8 was said
    bool leaving = false;                     // the loop ends after this command
    bool start_tls = false;                   // STLS was answered: the loop shakes hands

private:
    net::Task<> command(std::string text);
    net::Task<> dispatch(std::string_view text);
    net::Task<> loop();
    void error(std::string_view english, std::string_view tail = {}); // tail: what no table knows

    OpenMaildrops::Place place_;              // with it
    std::optional<Maildrop> maildrop_;        // in TRANSACTION
    std::string account_;                     // address, for the log
    std::unique_ptr<delivery::ReadLog::Session> reads_; // of this login; null: nobody asks
    int bad_commands_ = 0, failed_logins_ = 0;
    bool first_ = true;
};

} // namespace postfach::pop3
