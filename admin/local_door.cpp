#include "admin/local_door.h"
#include "admin/api/poco_exchange.h"
#include "server/base/error.h"
#include "server/base/log.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace postfach::admin {
namespace {
constexpr std::size_t kConnections = 32; // a person's commands, a health check, a few scripts

sockaddr_un addressOf(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw base::Refused("the path " + path + " is too long for a local socket (107 bytes at most): choose a shorter --data folder");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// Whose process it is, when it may enter.
std::optional<unsigned> mayEnter(int fd)
{
    ucred peer{};
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || (peer.uid != geteuid() && peer.uid != 0))
        return std::nullopt;
    return peer.uid;
}

bool sendAll(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}
} // namespace

LocalDoor::LocalDoor(Gate& gate, std::string path, std::chrono::milliseconds idle_time, std::chrono::milliseconds request_time)
    : gate_(gate), path_(std::move(path)), idle_time_(idle_time), request_time_(request_time)
{
    const auto address = addressOf(path_);
    // The folder is ours alone, so nobody can come in between bind and chmod. What an earlier server left is removed: the
    // data folder's lock says that it is gone.
    base::makeFolders(std::filesystem::path(path_).parent_path().string(), 0700);
    ::unlink(path_.c_str());
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    stop_event_.reset(::eventfd(0, EFD_CLOEXEC));
    if (!listener_ || !stop_event_ || ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path_.c_str(), 0600) != 0 || ::listen(listener_.get(), 64) != 0)
        throw base::Refused("the local socket " + path_ + " cannot be made: " + std::strerror(errno));
}

LocalDoor::~LocalDoor() { stop(); }

void LocalDoor::start()
{
    acceptor_ = std::thread([this] { acceptLoop(); });
}

void LocalDoor::stop()
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_)
            return;
        stopping_ = true;
        for (const int fd : connections_)
            ::shutdown(fd, SHUT_RD); // who waits for a request reads the end; an answer still goes out
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_event_.get(), &one, sizeof one);
    if (acceptor_.joinable())
        acceptor_.join();
    std::unique_lock lock(mutex_);
    left_.wait(lock, [this] { return connections_.empty(); });
    ::unlink(path_.c_str());
}

void LocalDoor::acceptLoop()
{
    for (;;) {
        std::array<pollfd, 2> events{{{listener_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}}};
        if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
            return;
        if (events[1].revents != 0)
            return;
        if (events[0].revents == 0)
            continue;
        base::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer) {
            pollfd stop{stop_event_.get(), POLLIN, 0};
            if (errno == EMFILE || errno == ENFILE) // who knocks stays there: without a pause this were a busy loop
                ::poll(&stop, 1, 100);
            continue;
        }
        const auto uid = mayEnter(peer.get());
        if (!uid) {
            base::logWarning("admin", "local socket refused to another user");
            continue;
        }
        const timeval patience{30, 0}; // a client that reads no more must not hold up the end
        ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        const std::lock_guard lock(mutex_);
        if (stopping_ || connections_.size() >= kConnections)
            continue;
        const int fd = peer.release();
        connections_.insert(fd);
        try {
            std::thread([this, fd, uid = *uid] {
                try {
                    serve(fd, uid);
                } catch (const std::exception& error) {
                    base::logError("admin", "local session failed", {{"reason", error.what()}});
                }
                const std::lock_guard guard(mutex_);
                connections_.erase(fd);
                ::close(fd);
                left_.notify_all(); // under the lock: the door may go away right after
            }).detach();
        } catch (const std::system_error& error) {
            base::logError("admin", "no thread for the local socket", {{"reason", error.what()}});
            connections_.erase(fd);
            ::close(fd);
        }
    }
}

bool LocalDoor::readSome(int fd, RequestReader& reader, std::chrono::milliseconds patience)
{
    pollfd event{fd, POLLIN, 0};
    int ready = 0;
    do
        ready = ::poll(&event, 1, static_cast<int>(patience.count()));
    while (ready < 0 && errno == EINTR);
    std::array<char, 64 * 1024> piece;
    const auto count = ready > 0 ? ::recv(fd, piece.data(), piece.size(), 0) : -1;
    if (count <= 0)
        return false;
    reader.feed({piece.data(), static_cast<std::size_t>(count)});
    return true;
}

void LocalDoor::serve(int fd, unsigned uid)
{
    RequestReader reader;
    Judged judged;
    for (;;) {
        switch (reader.next()) {
        case RequestReader::State::needMore:
            if (!readSome(fd, reader, reader.isEmpty() ? idle_time_ : request_time_))
                return;
            break;
        case RequestReader::State::head:
            judged = gate_.judge(reader.head(), {true, uid, ""});
            if (judged.refused) {
                if (reader.head().hasBody()) { // unread: what follows is no request
                    sendAll(fd, refusal(*judged.refused));
                    ::shutdown(fd, SHUT_WR);
                    for (int i = 0; i < 64 && readSome(fd, reader, std::chrono::seconds(1)); ++i)
                        reader = RequestReader{};
                    return;
                }
            } else if (reader.head().expects_continue) {
                sendAll(fd, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            reader.acceptBody(judged.body_limit);
            break;
        case RequestReader::State::refused:
            sendAll(fd, refusal(Response::problem({reader.status(), reader.code(), reader.detail()})));
            return;
        case RequestReader::State::complete: {
            const auto request = reader.takeRequest();
            const auto out = exchange(request.first, request.first.keep_alive, [&] {
                return judged.refused ? *judged.refused : gate_.answer(judged, request.first, request.second);
            });
            if (!sendAll(fd, out) || !request.first.keep_alive)
                return;
            break;
        }
        }
    }
}

} // namespace postfach::admin
