#pragma once
// One LMTP connection: its state, its loop, the one catch per command.
#include "server/lmtp/service.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::lmtp {

// -> this line; the session goes on. Text: "550 5.1.1 no such user here".
struct Reply : std::runtime_error { using runtime_error::runtime_error; };
struct BadCommand : Reply { using Reply::Reply; };                   // the same, counted: patience ends

struct Transaction {                     // of MAIL until DATA is answered or RSET
    bool open = false;                   // MAIL was taken
    bool utf8 = false;                   // with SMTPUTF8
    std::string from;
    std::vector<std::string> recipients; // as accepted, in order; each gets one answer
    std::vector<std::vector<store::AccountId>> accounts; // of each: an alias may name several
    std::vector<std::string> tokens;     // of each: the notice of a quarantined mail that it answers; else empty
};

class Session {
public:
    Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& context);
    net::Task<> run();

    // --- for the commands
    void reply(std::string_view line);   // queues "250 2.0.0 text" and CRLF
    net::Stream stream;
    const Context& context;
    std::string client_name;             // of LHLO, empty before it
    Transaction transaction;
    bool leaving = false;
    bool start_tls = false;

private:
    net::Task<> loop();
    net::Task<> command(std::string text);
    net::Task<> dispatch(std::string_view text);
    void setDeadline();
    int bad_commands_ = 0;
    bool first_ = true;
};

} // namespace postfach::lmtp
