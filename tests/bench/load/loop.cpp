#include "tests/bench/load/loop.h"

#include "tests/bench/load/answer.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace postfach::load {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop()
{
    close(epoll_);
}

void Loop::watch(int fd, std::uint32_t events, Handler& handler)
{
    epoll_event event{events, {&handler}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
        throw Failed("epoll refuses a descriptor");
}

void Loop::change(int fd, std::uint32_t events, Handler& handler)
{
    epoll_event event{events, {&handler}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Loop::after(std::chrono::microseconds time, std::function<void()> action)
{
    timers_.emplace(Clock::now() + time, std::move(action));
}

void Loop::post(std::function<void()> action)
{
    posted_.push_back(std::move(action));
}

int Loop::patience(int most_ms) const
{
    if (!posted_.empty())
        return 0;
    if (timers_.empty())
        return most_ms;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, most_ms));
}

void Loop::pass(int wait_ms)
{
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), patience(wait_ms));
    for (int at = 0; at < count; ++at)
        static_cast<Handler*>(events[at].data.ptr)->ready(events[at].events);
    while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
        const auto due = timers_.extract(timers_.begin());
        due.mapped()();
    }
    std::vector<std::function<void()>> posted;
    posted.swap(posted_);
    for (const auto& action : posted)
        action();
}

void Loop::until(const std::function<bool()>& done, std::chrono::seconds patience)
{
    const auto end = Clock::now() + patience;
    while (!done()) {
        if (Clock::now() > end)
            throw Failed("not done within " + std::to_string(patience.count()) + " s");
        pass(200);
    }
}

std::string Loop::command()
{
    std::string line;
    for (;;) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        while (poll(&input, 1, 0) > 0) {
            char byte = 0;
            const ssize_t got = read(STDIN_FILENO, &byte, 1);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return "";
            if (byte == '\n')
                return line;
            line += byte;
        }
        pass(20);
    }
}

} // namespace postfach::load
