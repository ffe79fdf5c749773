#pragma once
// The client of a session that is fuzzed over a socket: it has said everything before the session begins.
#include "tests/fuzz/hasty_strand.h"

#include <sys/socket.h>

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
    ClientsEnd(net::Scheduler& scheduler, std::string service, int client) : HastyStrand(scheduler, std::move(service)), client_(client) {}

    void hear()
    {
        char piece[16 * 1024];
        for (ssize_t got = 0; (got = ::recv(client_, piece, sizeof piece, MSG_DONTWAIT)) > 0;)
            heard.append(piece, static_cast<std::size_t>(got));
    }
    std::string heard;

private:
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
    int client_;
    int waits_ = 0;
};

} // namespace postfach::fuzz
