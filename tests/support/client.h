#pragma once
// Plain blocking clients, as simple as a person with telnet. Every read is bounded by ten seconds; a closed connection throws Closed.
#include <Poco/Net/StreamSocket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::test {

using Lines = std::vector<std::string>;
struct Closed : std::runtime_error { Closed() : runtime_error("connection closed") {} };

class Client {
public:
    explicit Client(std::uint16_t port, bool tls = false, const std::string& from = {}); // from: an address of ours, 127.x.y.z
    void send(std::string_view bytes);
    std::string line();                       // without CRLF
    std::string bytes(std::size_t count);
    std::string rest();                       // to the end of the connection
    bool closed();                            // true when the other side has ended it (waits for that)
    void startTls(const std::string& name = ""); // handshake as client that asks for `name` (SNI), any certificate
    std::string shownName() const;            // under TLS: the common name of the certificate that was shown
    const std::string& exporter() const { return exporter_; } // RFC 9266, raw; empty without TLS
    void hangUp();
    void reset();                             // hangs up so that the other side learns of it at once
    bool holdsMore() const { return !buffer_.empty(); } // came together with what was read
    bool waits();                             // true: nothing to read right now (looks for a tenth of a second)

private:
    void fill();
    Poco::Net::StreamSocket socket_;
    std::string buffer_;
    std::string exporter_;
};

class ImapClient : public Client {
public:
    using Client::Client;
    // Sends the command under a tag of its own; all untagged answers, then the tagged one without its tag. Literals stay in
    // their line: "* 1 FETCH (BODY[] {5}\r\nhello)".
    Lines talk(const std::string& command);
    Lines select(const std::string& mailbox = "INBOX") { return talk("SELECT " + mailbox); }
    Lines examine(const std::string& mailbox = "INBOX") { return talk("EXAMINE " + mailbox); }
    // APPEND with a synchronizing literal; the tagged answer last.
    Lines append(const std::string& mailbox, const std::string& message, const std::string& options = "");
    std::string sendTagged(const std::string& command); // no waiting; returns the tag
    Lines until(const std::string& tag);                // what comes up to and with that tag's line (tag cut off)
    std::string answer();                               // one line with its literals

private:
    int tag_ = 0;
};

class Pop3Client : public Client {
public:
    using Client::Client;
    std::string talk(const std::string& command);       // the status line
    Lines list(const std::string& command);             // status line, then the lines up to "." (dots unstuffed)
    std::string retrieve(const std::string& command);   // the message's bytes, dots unstuffed; throws on -ERR
};

class LmtpClient : public Client {
public:
    using Client::Client;
    std::string talk(const std::string& command);       // the last line of the answer
    // LHLO when needed, MAIL, RCPTs, DATA; one answer a recipient (or the refusal of its RCPT).
    Lines deliver(const std::vector<std::string>& recipients, const std::string& message, const std::string& from = "sender@example.com");

private:
    bool greeted_ = false;
};

} // namespace postfach::test
