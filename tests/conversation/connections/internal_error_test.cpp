// What a session says when it meets an exception that nobody expects: that it was ours, with a reference for the log, and nothing of what
// it was; what is half said is not gone on with, and everybody else goes on.
#include "server/auth/auth.h"
#include "tests/support/catch.h"
#include "tests/support/faulty_store.h"
#include "tests/support/test_server.h"

#include <atomic>

using namespace postfach::test;

namespace {
struct Faults {
    std::atomic<bool> failing{false}; // outlives the server
    TestServer server{settings()};

    TestServer::Settings settings()
    {
        TestServer::Settings wanted;
        wanted.wrap_store = [this](std::unique_ptr<postfach::store::Store> real) { return std::make_unique<FaultyStore>(std::move(real), failing); };
        return wanted;
    }
};

bool hasReference(const std::string& line) // its end: some hex digits
{
    const auto digits = line.substr(line.rfind(' ') + 1);
    return digits.size() >= 4 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
}
} // namespace

TEST_CASE("POP3 calls an exception that nobody expects [SYS/PERM] internal error, and ends", "[pop3][internal][rfc3206-4]")
{
    Faults faults;
    auto& server = faults.server;
    server.fill(2);
    auto pop3 = server.pop3();
    auto other = server.imap("bob@example.org");
    faults.failing = true;
    const auto answer = pop3.talk("RETR 1");
    CHECK_THAT(answer, Catch::StartsWith("-ERR [SYS/PERM] internal error, reference "));
    CHECK(hasReference(answer));
    CHECK(answer.find("nobody expects") == std::string::npos);
    CHECK(pop3.closed());
    CHECK(other.talk("NOOP").back().substr(0, 2) == "OK");
    faults.failing = false;
    CHECK(server.pop3().list("RETR 1").size() > 1); // and nothing is deleted, nothing locked
}

TEST_CASE("IMAP calls it NO [SERVERBUG], and the session works on", "[imap][internal][rfc9051-7.1]")
{
    Faults faults;
    auto& server = faults.server;
    server.fill(2);
    auto imap = server.imap();
    imap.select();
    faults.failing = true;
    const auto answer = imap.talk("FETCH 1 BODY[]").back();
    CHECK_THAT(answer, Catch::StartsWith("NO [SERVERBUG] Internal error"));
    CHECK(answer.find("nobody expects") == std::string::npos);
    CHECK(imap.talk("NOOP").back().substr(0, 2) == "OK");
    faults.failing = false;
    CHECK(imap.talk("FETCH 1 BODY[]").back().substr(0, 2) == "OK");
}

TEST_CASE("A login that meets it is refused in both, without a word of why, and counts against nobody", "[imap][pop3][internal]")
{
    Faults faults;
    auto& server = faults.server;
    auto imap = server.connect<ImapClient>("imap");
    imap.line();
    auto pop3 = server.connect<Pop3Client>("pop3");
    pop3.line();
    faults.failing = true;
    const auto refused = imap.talk("LOGIN alice@example.org secret").back();
    CHECK(refused.substr(0, 2) == "NO");
    CHECK(refused.find("nobody expects") == std::string::npos);
    pop3.talk("USER alice@example.org");
    CHECK_THAT(pop3.talk("PASS secret"), Catch::StartsWith("-ERR [SYS/"));
    faults.failing = false;
    CHECK(server.imap().talk("NOOP").back().substr(0, 2) == "OK");
    CHECK(server.appliance().authenticator().guard().bans().empty());
}

TEST_CASE("LMTP asks to come again, and keeps what it has taken apart from it", "[lmtp][internal]")
{
    Faults faults;
    auto& server = faults.server;
    auto lmtp = server.lmtp();
    lmtp.talk("LHLO mta.example.org");
    lmtp.talk("MAIL FROM:<x@example.com>");
    faults.failing = true;
    const auto answer = lmtp.talk("RCPT TO:<alice@example.org>");
    CHECK_THAT(answer, Catch::StartsWith("451 4.3.0 internal error, reference "));
    faults.failing = false;
    CHECK(server.lmtp().deliver({"alice@example.org"}, "Subject: x\r\n\r\n").at(0).substr(0, 3) == "250");
}
