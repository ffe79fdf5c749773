// How a session ends when nobody says QUIT in time, and when QUIT cannot be carried out.
#include "server/net/sessions.h"
#include "server/net/tls.h"
#include "server/pop3/session.h"
#include "tests/fuzz/hasty_strand.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

#include <Poco/Net/StreamSocketImpl.h>

#include <poll.h>
#include <sys/socket.h>

using namespace postfach;

namespace {

// What the client says is there before the session begins; when all of it was read the deadline has passed.
class PatienceEnds final : public fuzz::HastyStrand {
public:
    PatienceEnds(net::Scheduler& scheduler, int fd) : HastyStrand(scheduler, "pop3"), fd_(fd) {}

private:
    std::uint32_t come(std::uint32_t wanted) override
    {
        pollfd own{fd_, POLLIN, 0};
        if ((wanted & net::kWritable) != 0)
            return net::kWritable;
        if (::poll(&own, 1, 0) != 1)
            throw net::DeadlinePassed();
        return net::kReadable;
    }
    int fd_;
};

net::Task<> live(pop3::Session& session, const auth::Login& login)
{
    co_await session.enter(login);
    co_await session.run(false);
}

// What a client hears that is logged in, says this, and then nothing more.
std::string heard(store::test::Office& office, const std::string& said)
{
    net::makeSelfSigned(office.folder.path + "/c.pem", office.folder.path + "/k.pem", {"localhost"});
    const net::TlsSource tls(net::TlsContext::load(office.folder.path + "/c.pem", office.folder.path + "/k.pem"));
    auth::Authenticator authenticator(*office.store, office.clock, auth::PlaintextPolicy::always);
    const pop3::Context context{*office.store, authenticator, tls, "mail.example.org"};
    net::Scheduler scheduler(1, 1);
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    const Poco::Net::StreamSocket client(new Poco::Net::StreamSocketImpl(ends[0]));
    REQUIRE(::send(ends[0], said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()));
    {
        const Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(ends[1]));
        const auto strand = std::make_shared<PatienceEnds>(scheduler, ends[1]);
        pop3::Session session(*strand, socket, context);
        auth::Login login;
        login.result = auth::Login::Result::ok;
        login.account = office.account();
        const auto task = live(session, login);
        task.handle().resume();
        REQUIRE(task.handle().done());
        task.handle().promise().take();
    }
    scheduler.stop();
    office.write([](store::WriteTx&) {}); // behind what the session left to write
    std::string out(64 * 1024, '\0');
    const auto count = ::recv(ends[0], out.data(), out.size(), 0);
    out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return out;
}

} // namespace

TEST_CASE("the idle timer ends a session with a word, and deletes nothing", "[pop3][rfc1939-3]")
{
    store::test::Office office;
    office.deliver("one");
    office.deliver("two");
    CHECK_THAT(heard(office, "DELE 1\r\n"), Catch::EndsWith("+OK marked as deleted\r\n-ERR [SYS/TEMP] waited too long for a command\r\n"));
    CHECK(office.store->view(office.inbox)->now().count() == 2);
    CHECK_THAT(heard(office, "DELE 1\r\nQUIT\r\n"), Catch::EndsWith("+OK marked as deleted\r\n+OK goodbye\r\n"));
    CHECK(office.store->view(office.inbox)->now().count() == 1);
}

TEST_CASE("QUIT says so when the deletions cannot be made, and all of them stay", "[pop3][rfc1939-6]")
{
    store::test::Office office;
    office.deliver("one");
    office.deliver("two");
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((office.data + "/postfach.db").c_str(), &db) == SQLITE_OK);
    const auto run = [db](const char* sql) { return sqlite3_exec(db, sql, nullptr, nullptr, nullptr); };
    REQUIRE(run("CREATE TRIGGER refuses BEFORE DELETE ON message WHEN old.uid = 2 BEGIN SELECT RAISE(ABORT, 'not now'); END") == SQLITE_OK);
    CHECK_THAT(heard(office, "DELE 1\r\nDELE 2\r\nQUIT\r\n"), Catch::EndsWith("-ERR [SYS/TEMP] the deletions were not carried out, nothing was lost\r\n"));
    CHECK(office.store->view(office.inbox)->now().count() == 2);
    REQUIRE(run("DROP TRIGGER refuses") == SQLITE_OK);
    sqlite3_close(db);
    CHECK_THAT(heard(office, "DELE 1\r\nDELE 2\r\nQUIT\r\n"), Catch::EndsWith("+OK goodbye\r\n"));
    CHECK(office.store->view(office.inbox)->now().count() == 0);
}
