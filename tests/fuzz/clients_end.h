#pragma once
// The client of a session that is fuzzed over a socket: it has said everything before the session begins.
#include "tests/fuzz/hasty_strand.h"

#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace postfach::fuzz {

[[noreturn]] inline void wrong(const char* what, std::string_view where = {})
{
    std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(std::min<std::size_t>(where.size(), 300)), where.data());
    std::abort();
}

// What is answered is read whenever the session waits. Deadlines are over at once.
class ClientsEnd final : public HastyStrand {
public:
    // `said` must fit into the socket. Then its line ends.
    ClientsEnd(net::Scheduler& scheduler, std::string service, std::string_view said) : HastyStrand(scheduler, std::move(service))
    {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_) != 0)
            std::abort();
        if (::send(ends_[0], said.data(), said.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(said.size()))
            std::abort();
        ::shutdown(ends_[0], SHUT_WR);
    }
    ~ClientsEnd() override { ::close(ends_[0]); }
    ClientsEnd(const ClientsEnd&) = delete;
    ClientsEnd& operator=(const ClientsEnd&) = delete;

    Poco::Net::StreamSocket serversEnd() const { return Poco::Net::StreamSocket(new Poco::Net::StreamSocketImpl(ends_[1])); } // once

    // The session's whole life.
    void attend(const net::Task<>& life)
    {
        life.handle().resume();
        if (!life.handle().done())
            wrong("a session waits for nobody");
        hear();
        life.handle().promise().take();
    }
    std::string heard;

private:
    void hear()
    {
        char piece[16 * 1024];
        for (ssize_t got = 0; (got = ::recv(ends_[0], piece, sizeof piece, MSG_DONTWAIT)) > 0;)
            heard.append(piece, static_cast<std::size_t>(got));
    }
    std::uint32_t come(std::uint32_t wanted) override
    {
        hear();
        if (++waits_ > 100000)
            wrong("a session does not end");
        const std::uint32_t came = wanted & (net::kReadable | net::kWritable); // the end of what comes is readable too
        if (came == 0)
            throw net::DeadlinePassed();
        return came;
    }
    int ends_[2] = {-1, -1}; // the client's, the server's
    int waits_ = 0;
};

} // namespace postfach::fuzz
