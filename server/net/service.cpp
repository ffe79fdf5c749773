#include "server/net/service.h"

#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/net/address.h"
#include "server/net/proxy.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/ServerSocketImpl.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnection.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/Net/TCPServerParams.h>
#include <Poco/ThreadPool.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

namespace postfach::net {
namespace {
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kBacklog = 1024;      // a morning's reconnects at once; the kernel bounds it by somaxconn
constexpr int kQueued = 4096;       // accepted and not yet taken: Poco closes what is beyond without a word
constexpr int kFreePortTries = 50;  // for a port that is free on every address
constexpr auto kQuietTime = 10s;    // between two log lines about refused connections

// What live sessions share with their service, and may outlive it with.
struct Desk {
    Desk(Scheduler& s, Sessions& a, ServiceOptions o, Scheduler::Session se)
        : scheduler(s), sessions(a), options(std::move(o)), session(std::move(se))
    {
    }

    Scheduler& scheduler;  // borrowed; both outlive the sessions
    Sessions& sessions;
    const ServiceOptions options;
    const Scheduler::Session session;
    std::atomic<Clock::rep> quiet_until{0};
    base::Gauge live{"postfach_connections", "Live connections", {{"service", options.name}}};
    base::Counter taken{"postfach_connections_total", "Connections by outcome", {{"service", options.name}, {"outcome", "taken"}}};
    base::Counter refused{"postfach_connections_total", "Connections by outcome", {{"service", options.name}, {"outcome", "refused"}}};
};

// Held by the session: its place and its line in the gauge.
class Presence {
public:
    Presence(std::shared_ptr<Desk> desk, std::shared_ptr<SessionRecord> record) : desk_(std::move(desk)), record_(std::move(record))
    {
        desk_->live.add(1);
    }
    ~Presence()
    {
        desk_->live.add(-1);
        desk_->sessions.leave(*record_);
    }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    Desk& desk() const { return *desk_; }
    const std::shared_ptr<SessionRecord>& record() const { return record_; }

private:
    const std::shared_ptr<Desk> desk_;
    const std::shared_ptr<SessionRecord> record_;
};

// A flood of refusals is told once in a while; the counter has them all.
void tellRefusal(Desk& desk, const std::string& address, const char* reason)
{
    const auto now = Clock::now().time_since_epoch();
    auto until = desk.quiet_until.load();
    if (now.count() < until || !desk.quiet_until.compare_exchange_strong(until, (now + kQuietTime).count()))
        return;
    base::logWarning("net", "connection refused", {{"service", desk.options.name}, {"address", address}, {"reason", reason}});
}

// Says the service's words without waiting. The descriptor stays the caller's.
void turnAway(Desk& desk, int fd, const std::string& address, const char* reason)
{
    desk.refused.add();
    const std::string& words = desk.options.refusal;
    if (!words.empty())
        ::send(fd, words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    tellRefusal(desk, address, reason);
}

// Poco tries again at once when accept() fails. With no descriptor left that is a busy loop in which newcomers wait for
// ever, so one descriptor is kept in reserve: it is given up for as long as it takes to say no to one of them.
class CalmSocketImpl final : public Poco::Net::ServerSocketImpl {
public:
    explicit CalmSocketImpl(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) { spare(); }

    Poco::Net::SocketImpl* acceptConnection(Poco::Net::SocketAddress& peer) override
    {
        try {
            return ServerSocketImpl::acceptConnection(peer);
        } catch (const Poco::Exception& error) {
            const bool starved = error.code() == EMFILE || error.code() == ENFILE;
            if (!starved || !refuseOne())
                std::this_thread::sleep_for(error.code() == EINVAL ? 1ms : 50ms); // EINVAL: stop() has shut it down
            throw;
        }
    }

protected:
    ~CalmSocketImpl() override = default;

private:
    struct Spare {
        std::mutex mutex;
        base::Fd fd; // guarded by mutex
        void take() { fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
    };
    static Spare& spare() // one for all listening sockets
    {
        static Spare the;
        const std::lock_guard lock(the.mutex);
        if (!the.fd)
            the.take();
        return the;
    }

    // Says no to who waits longest; false when even that was not possible. The oldest stranger goes, too: the next newcomer
    // may be an owner.
    bool refuseOne()
    {
        desk_->sessions.makeRoom();
        Spare& reserve = spare();
        const std::lock_guard lock(reserve.mutex);
        if (!reserve.fd)
            return false;
        reserve.fd.reset();
        {
            const base::Fd newcomer(::accept4(sockfd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (newcomer)
                turnAway(*desk_, newcomer.get(), "unknown", "no file descriptor left");
        }
        reserve.take();
        return true;
    }

    const std::shared_ptr<Desk> desk_;
};

class CalmSocket final : public Poco::Net::ServerSocket {
public:
    explicit CalmSocket(std::shared_ptr<Desk> desk) : ServerSocket(new CalmSocketImpl(std::move(desk)), true) {} // the handle owns it
};

// A connection that a trusted proxy brings: first its header, then the session as for anybody else.
Task<> behindProxy(std::shared_ptr<Presence> presence, Strand& strand, Poco::Net::StreamSocket socket)
{
    Desk& desk = presence->desk();
    const std::string proxy = presence->record()->address();
    strand.deadline(Clock::now() + base::limits::kProxyHeaderTime);
    ProxyHeader header;
    std::string trouble;
    try {
        header = co_await readProxyHeader(strand, socket);
    } catch (const PeerGone& gone) {
        trouble = gone.what();
    } catch (const DeadlinePassed&) {
        trouble = "no header of the PROXY protocol came in time";
    }
    if (!trouble.empty()) { // without words: who stands there speaks another protocol
        desk.refused.add();
        tellRefusal(desk, proxy, trouble.c_str());
        co_return;
    }
    const char* refused = nullptr;
    if (!header.address.empty()) {
        if (desk.options.allowed && !desk.options.allowed(header.address))
            refused = "network not allowed";
        else if (!desk.sessions.named(*presence->record(), header.address, header.tls, header.cipher))
            refused = "limits.connections_per_address";
    }
    if (refused != nullptr) {
        turnAway(desk, socket.impl()->sockfd(), header.address, refused);
        co_return;
    }
    strand.deadline(SteadyTime::max());
    Task<> session = desk.session(strand, std::move(socket));
    co_await std::move(session);
}

void receive(const std::shared_ptr<Desk>& desk, Poco::Net::StreamSocket& socket)
{
    const std::string address = peerOf(socket);
    const int fd = socket.impl()->sockfd();
    const bool proxied = desk->options.proxy && desk->options.proxy(address);
    if (!proxied && desk->options.allowed && !desk->options.allowed(address)) {
        turnAway(*desk, fd, address, "network not allowed");
        return;
    }
    Sessions::Refusal refusal{};
    auto record = desk->sessions.enter(desk->options.name, address, refusal, proxied);
    if (!record) {
        turnAway(*desk, fd, address, refusal == Sessions::Refusal::full ? "limits.connections" : "limits.connections_per_address");
        return;
    }
    desk->taken.add();
    const auto presence = std::make_shared<Presence>(desk, record);
    // No coroutine itself: it makes one and keeps the presence as long as the strand keeps the function.
    Scheduler::Session session = [presence, proxied](Strand& strand, Poco::Net::StreamSocket s) {
        return proxied ? behindProxy(presence, strand, std::move(s)) : presence->desk().session(strand, std::move(s));
    };
    desk->scheduler.adopt(socket, std::move(session), std::move(record));
}

class Connection final : public Poco::Net::TCPServerConnection {
public:
    Connection(const Poco::Net::StreamSocket& s, std::shared_ptr<Desk> desk) : TCPServerConnection(s), desk_(std::move(desk)) {}

    void run() override
    {
        try {
            receive(desk_, socket());
        } catch (const Poco::Exception& gone) { // reset before we looked
            base::logDebug("net", "connection not taken", {{"reason", gone.displayText()}});
        } catch (const std::exception& error) {
            base::logError("net", "connection not taken", {{"reason", error.what()}});
        }
    }

private:
    const std::shared_ptr<Desk> desk_;
};

class Factory final : public Poco::Net::TCPServerConnectionFactory {
public:
    explicit Factory(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}

    // noexcept: Poco loses a pool thread for each exception that comes out here (FACTS 1.3). All work is in run().
    Poco::Net::TCPServerConnection* createConnection(const Poco::Net::StreamSocket& socket) noexcept override
    {
        return new Connection(socket, desk_); // Poco deletes it
    }

private:
    const std::shared_ptr<Desk> desk_;
};

std::string inUse(const ServiceOptions& options, std::uint16_t port, const std::string& address)
{
    // The key that a person would set: imap.port, imaps.port.
    return "port " + std::to_string(port) + " is in use (" + address + "): choose another with -D " + options.name +
           ".port=N or stop the other server";
}

[[noreturn]] void refuse(const ServiceOptions& options, std::uint16_t port, const std::string& address, int error)
{
    if (error == EADDRINUSE)
        throw base::Refused(inUse(options, port, address));
    if (error == EACCES || error == EPERM)
        throw base::Refused("permission denied for port " + std::to_string(port) + " (" + address + "): choose one above 1023 with -D " +
                            options.name + ".port=N, or give the program CAP_NET_BIND_SERVICE");
    if (error == EADDRNOTAVAIL)
        throw base::Refused("this host has no address " + address + ": set listen.address to one that it has");
    throw base::Refused("cannot listen on " + address + " port " + std::to_string(port) + ": " + std::generic_category().message(error));
}

bool isAny(const std::string& address)
{
    return address == "::" || address == "0.0.0.0";
}

// Binds and listens: without listen() two programs could both bind the port, and the second would learn of it too late.
// 0 or errno.
int listenOn(CalmSocket& socket, const std::string& address, std::uint16_t port)
{
    try {
        const Poco::Net::SocketAddress where(address, port);
        // Reusing the address lets a restart pass TIME_WAIT. Never the port: connections would vanish into an old server
        // that is still shutting down. IPv6 only, so that "::" leaves the IPv4 port to "0.0.0.0".
        if (where.family() == Poco::Net::SocketAddress::IPv6)
            socket.bind6(where, true, false, true);
        else
            socket.bind(where, true, false);
        socket.listen(kBacklog);
        return 0;
    } catch (const Poco::Exception& error) {
        if (error.code() != 0)
            return error.code();
        throw base::Refused("cannot listen on " + address + ": " + error.displayText());
    }
}
} // namespace

struct Service::Inner {
    explicit Inner(std::shared_ptr<Desk> d) : desk(std::move(d)) {}

    const std::shared_ptr<Desk> desk;
    std::vector<CalmSocket> sockets;
    std::uint16_t port = 0;
    std::unique_ptr<Poco::ThreadPool> pool; // its own: Poco's default one is shared and small
    std::vector<std::unique_ptr<Poco::Net::TCPServer>> servers;

    void bind();
    bool bindAll(std::uint16_t wanted, bool last_try);
};

// False when a port that the kernel chose for one address is taken on another.
bool Service::Inner::bindAll(std::uint16_t wanted, bool last_try)
{
    const ServiceOptions& options = desk->options;
    sockets.clear();
    port = wanted;
    for (const std::string& address : options.addresses) {
        CalmSocket socket(desk);
        const int error = listenOn(socket, address, port);
        const bool no_family = error == EAFNOSUPPORT || (error == EADDRNOTAVAIL && isAny(address));
        if (no_family) {
            base::logInfo("net", "address family missing", {{"service", options.name}, {"address", address}});
            continue;
        }
        if (error == EADDRINUSE && wanted == 0 && !last_try)
            return false;
        if (error != 0)
            refuse(options, port, address, error);
        if (port == 0)
            port = socket.address().port();
        sockets.push_back(socket);
    }
    if (sockets.empty())
        throw base::Refused("no address to listen on for " + options.name + ": this host has none of those in listen.address");
    return true;
}

void Service::Inner::bind()
{
    const std::uint16_t wanted = desk->options.port;
    for (int tries = 1; !bindAll(wanted, tries == kFreePortTries); ++tries) {
    }
}

Service::Service(Scheduler& scheduler, Sessions& sessions, ServiceOptions options, Scheduler::Session session)
    : inner_(std::make_unique<Inner>(std::make_shared<Desk>(scheduler, sessions, std::move(options), std::move(session))))
{
    inner_->bind();
}

Service::~Service()
{
    stop();
}

void Service::start()
{
    const int threads = static_cast<int>(inner_->sockets.size());
    inner_->pool = std::make_unique<Poco::ThreadPool>(threads, threads);
    for (const CalmSocket& socket : inner_->sockets) {
        Poco::Net::TCPServerParams::Ptr params(new Poco::Net::TCPServerParams);
        params->setMaxThreads(1); // run() hands the socket over and returns
        params->setMaxQueued(kQueued);
        Poco::Net::TCPServerConnectionFactory::Ptr factory(new Factory(inner_->desk));
        inner_->servers.push_back(std::make_unique<Poco::Net::TCPServer>(factory, *inner_->pool, socket, params));
        inner_->servers.back()->start();
    }
}

void Service::stop()
{
    for (const CalmSocket& socket : inner_->sockets)
        ::shutdown(socket.impl()->sockfd(), SHUT_RD); // else each of Poco's accepting threads looks up only after 250 ms
    for (const auto& server : inner_->servers)
        server->stop();
    if (inner_->pool)
        inner_->pool->joinAll();
    inner_->servers.clear();
    inner_->pool.reset();
    inner_->sockets.clear(); // closes them: nobody waits in the backlog for ever
}

std::uint16_t Service::port() const
{
    return inner_->port;
}

const std::string& Service::name() const
{
    return inner_->desk->options.name;
}

} // namespace postfach::net
