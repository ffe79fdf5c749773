#pragma once
// One POP3 connection: its state, its loop, the one catch per command.
#include "server/pop3/maildrop.h"
#include "server/pop3/service.h"

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
    void ok(std::string_view text);           // queues "+OK text"
    void line(std::string_view text);         // queues a line of a multi-line answer; the caller stuffs dots where needed
    net::Task<> login(std::string user, std::string password); // PASS and AUTH end here
    void setDeadline();                       // from now: bytes that move are a sign of life
    bool mayLogin() const;
    bool inTransaction() const { return maildrop_.has_value(); }
    Maildrop& maildrop() { return *maildrop_; } // in TRANSACTION only
    void closeMaildrop() { maildrop_.reset(); } // QUIT has carried it out

    net::Stream stream;
    const Context& context;
    std::string user;                         // of USER, until PASS
    bool leaving = false;                     // the loop ends after this command
    bool start_tls = false;                   // STLS was answered: the loop shakes hands

private:
    net::Task<> command(std::string text);
    net::Task<> dispatch(std::string_view text);
    net::Task<> loop();
    void error(std::string_view text);

    std::optional<Maildrop> maildrop_;        // in TRANSACTION
    std::string account_;                     // address, for the log
    int bad_commands_ = 0, failed_logins_ = 0;
    bool first_ = true;
};

} // namespace postfach::pop3
