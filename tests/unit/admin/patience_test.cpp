// Slow senders and the local socket: the administrator's server alone, with little patience.
#include "admin/server.h"
#include "admin/service.h"
#include "tests/support/catch.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

using namespace postfach;
using namespace std::chrono_literals;

namespace {

class NoScanner final : public scanner::Client {
public:
    void scan(scanner::Content, std::function<void(scanner::Verdict)> answer) override { answer({}); }
    scanner::Status status() const override { return {}; }
    void reload() override {}
    void withdraw() override {}
};

struct Folder {
    Folder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "postfach-admin-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

struct Server {
    Server()
    {
        net::makeSelfSigned(folder.path + "/cert.pem", folder.path + "/key.pem", {"localhost"});
        tls = std::make_unique<net::TlsSource>(net::TlsContext::load(folder.path + "/cert.pem", folder.path + "/key.pem"));
        store = store::openSqliteStore({folder.path + "/data", '/', false}, clock);
        authenticator = std::make_unique<auth::Authenticator>(*store, clock, auth::PlaintextPolicy::tls);
        delivery = std::make_unique<delivery::Delivery>(*store, no_scanner, clock, delivery::Policy{});
        rescan = std::make_unique<delivery::Rescan>(*store, no_scanner, clock, delivery::Rescan::Settings{});
        reads = std::make_unique<delivery::ReadLog>(*store, clock);
        admin::Context context{*store, *authenticator, *delivery, *rescan, *reads, no_scanner, clock, sessions, "localhost", folder.path + "/data", {}, [] { return std::uint64_t{0}; }, {}};
        admin::AdminOptions options{{"127.0.0.1"}, std::uint16_t{0}, folder.path + "/run/admin.sock", 200ms, 200ms, 200ms};
        admin = std::make_unique<admin::AdminServer>(context, scheduler, sessions, *tls, options);
        admin->start();
    }
    ~Server()
    {
        admin->stop();
        scheduler.stop(1s);
    }

    Folder folder;
    base::FakeClock clock;
    NoScanner no_scanner;
    net::Scheduler scheduler{2, 2};
    net::Sessions sessions{{100, 100, 100}, clock};
    std::unique_ptr<net::TlsSource> tls;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<auth::Authenticator> authenticator;
    std::unique_ptr<delivery::Delivery> delivery;
    std::unique_ptr<delivery::Rescan> rescan;
    std::unique_ptr<delivery::ReadLog> reads;
    std::unique_ptr<admin::AdminServer> admin;
};

struct Tls {
    explicit Tls(std::uint16_t port)
    {
        socket.connect(Poco::Net::SocketAddress("127.0.0.1", port));
        socket.setReceiveTimeout(Poco::Timespan(10, 0));
        socket.completeHandshake();
    }
    void send(const std::string& bytes) { socket.sendBytes(bytes.data(), static_cast<int>(bytes.size())); }
    std::string rest()
    {
        std::string all;
        char piece[4096];
        try {
            for (int got = 0; (got = socket.receiveBytes(piece, sizeof piece)) > 0;)
                all.append(piece, static_cast<std::size_t>(got));
        } catch (const Poco::TimeoutException&) {
            all += "<still open>";
        } catch (const Poco::Exception&) { // a reset is an end too
        }
        return all;
    }
    Poco::Net::SecureStreamSocket socket{Poco::Net::Context::Ptr(
        new Poco::Net::Context(Poco::Net::Context::TLS_CLIENT_USE, "", "", "", Poco::Net::Context::VERIFY_NONE, 9, false, "DEFAULT"))};
};

std::string throughSocket(const std::string& path, const std::string& bytes, bool finish = true)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd);
        return "<refused>";
    }
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (finish)
        ::shutdown(fd, SHUT_WR);
    std::string all;
    char piece[4096];
    for (ssize_t got = 0; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;)
        all.append(piece, static_cast<std::size_t>(got));
    ::close(fd);
    return all;
}
} // namespace

TEST_CASE("Who sends nothing, half a header or half a body holds no connection for long", "[admin][http][threats-33]")
{
    Server server;
    const auto token = server.admin->service().firstToken().value();
    Tls silent(server.admin->port()), head(server.admin->port()), body(server.admin->port()), chunks(server.admin->port()), kept(server.admin->port());
    const std::string put = "PUT /api/v1/domains/x.org HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n";
    head.send("GET /healthz HTTP/1.1\r\nHo");
    body.send(put + "Content-Length: 100\r\n\r\n{");
    chunks.send(put + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
    kept.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(silent.rest().empty());
    CHECK_THAT(head.rest(), Catch::StartsWith("HTTP/1.1 408"));
    CHECK_THAT(body.rest(), Catch::StartsWith("HTTP/1.1 408"));
    CHECK_THAT(chunks.rest(), Catch::StartsWith("HTTP/1.1 408"));
    const auto answer = kept.rest();
    CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 200"));
    CHECK_THAT(answer, !Catch::ContainsSubstring("408") && !Catch::ContainsSubstring("<still open>"));
}

TEST_CASE("A new certificate is shown to the next connection, while older ones live on", "[admin][tls]")
{
    Server server;
    const auto serial = [](Tls& connection) { return connection.socket.peerCertificate().serialNumber(); };
    Tls before(server.admin->port());
    const auto folder = server.folder.path;
    net::makeSelfSigned(folder + "/cert2.pem", folder + "/key2.pem", {"localhost"});
    server.tls->replace(net::TlsContext::load(folder + "/cert2.pem", folder + "/key2.pem"));
    Tls after(server.admin->port());
    CHECK(serial(before) != serial(after));
    before.send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK_THAT(before.rest(), Catch::StartsWith("HTTP/1.1 200"));
}

TEST_CASE("The local socket is its owner's alone and needs no token", "[admin][socket]")
{
    Server server;
    const auto path = server.admin->socketPath();
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK_THAT(throughSocket(path, "GET /api/v1/tokens HTTP/1.1\r\nHost: a\r\n\r\n"), Catch::StartsWith("HTTP/1.1 200"));
    CHECK_THAT(throughSocket(path, "GET /x HTTP/1.1\r\n\r\n"), Catch::StartsWith("HTTP/1.1 400"));
    CHECK(throughSocket(path, "GET /x HT", false).empty()); // ends by itself
    CHECK_THAT(throughSocket(path, "PUT /api/v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + std::string(100'000, 'x')),
               Catch::StartsWith("HTTP/1.1 404"));
    server.admin->stop();
    CHECK(throughSocket(path, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == "<refused>");
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("Readiness tells of a scanner that does not answer and of a listener that does not listen", "[admin][health]")
{
    Server server;
    const auto components = server.admin->service().readiness();
    REQUIRE(components.size() == 6);
    CHECK(components[0].ready);
    CHECK_FALSE(components[1].ready);
    CHECK(components[2].name == "coverage"); // information: it takes nobody's readiness
    CHECK(components[2].ready);
    CHECK(components[2].detail.empty()); // nothing is known without a scanner
    CHECK(components[3].name == "connections");
    CHECK(components[3].ready);
}
