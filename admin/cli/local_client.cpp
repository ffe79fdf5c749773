#include "admin/cli/local_client.h"
#include "server/base/text.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace postfach::admin {

void LocalClient::connect()
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path)
        throw NotReachable("the path " + path_ + " is too long for a local socket");
    std::memcpy(address.sun_path, path_.data(), path_.size());
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int reason = errno;
        socket_.reset();
        throw NotReachable(reason == EACCES ? "no permission for " + path_ + ": run this as the server's user or as root"
                                            : "no server answers at " + path_ + ": is `postfach serve` running on this data folder?");
    }
    buffer_.clear();
}

bool LocalClient::read()
{
    std::array<char, 64 * 1024> piece;
    for (;;) {
        const auto count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        buffer_.append(piece.data(), static_cast<std::size_t>(count));
        return true;
    }
}

Reply LocalClient::request(std::string_view method, const std::string& target, std::string_view body, std::string_view type,
                           const std::vector<Header>& headers)
{
    if (!socket_)
        connect();
    std::string head = std::string(method) + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
    if (!type.empty())
        head.append("Content-Type: ").append(type).append("\r\n");
    for (const auto& header : headers)
        head.append(header.name).append(": ").append(header.value).append("\r\n");
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
        head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    head += "\r\n";
    for (std::string_view rest : {std::string_view(head), body})
        while (!rest.empty()) {
            const auto sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR)
                continue;
            if (sent <= 0) // refused before its body was read: the answer is there
                break;
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }

    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!read()) {
            socket_.reset();
            throw NotReachable("the server ended the connection");
        }
    Reply reply;
    const auto lines = base::split(std::string_view(buffer_).substr(0, end), '\n');
    if (lines[0].size() < 12)
        throw NotReachable("what answers at " + path_ + " is no Postfach");
    reply.status = static_cast<int>(base::parseU32(lines[0].substr(9, 3)).value_or(0));
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const auto colon = lines[i].find(':');
        if (colon != std::string_view::npos)
            reply.headers[base::lower(lines[i].substr(0, colon))] = base::trim(lines[i].substr(colon + 1));
    }
    const auto length = reply.headers.contains("content-length") ? base::parseU64(reply.headers["content-length"]).value_or(0) : 0;
    const bool last = base::iequals(reply.headers["connection"], "close");
    buffer_.erase(0, end + 4);
    while (buffer_.size() < length)
        if (!read()) {
            socket_.reset();
            throw NotReachable("the server ended the connection");
        }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    if (last)
        socket_.reset();
    return reply;
}

} // namespace postfach::admin
