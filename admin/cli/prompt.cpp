#include "admin/cli/prompt.h"
#include "admin/cli/command.h"

#include <array>
#include <csignal>
#include <iostream>

#include <termios.h>
#include <unistd.h>

namespace postfach::admin {
namespace {
std::streambuf* const keyboard = std::cin.rdbuf();

termios as_it_was;
constexpr std::array<int, 4> kEnds{SIGINT, SIGTERM, SIGQUIT, SIGHUP};

// tcsetattr and raise may be called here (POSIX 2.4.3).
void giveBack(int signal)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
    std::signal(signal, SIG_DFL);
    raise(signal);
}

class WithoutEcho {
public:
    WithoutEcho()
    {
        if (tcgetattr(STDIN_FILENO, &as_it_was) != 0)
            throw Usage("the terminal cannot be asked without showing what is typed; give the password by a pipe");
        for (std::size_t i = 0; i < kEnds.size(); ++i)
            before_[i] = std::signal(kEnds[i], giveBack);
        termios silent = as_it_was;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL; // the line still ends on the screen
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    ~WithoutEcho()
    {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
        for (std::size_t i = 0; i < kEnds.size(); ++i)
            std::signal(kEnds[i], before_[i]);
    }
    WithoutEcho(const WithoutEcho&) = delete;
    WithoutEcho& operator=(const WithoutEcho&) = delete;

private:
    std::array<void (*)(int), kEnds.size()> before_{};
};

std::string line(const std::string& prompt)
{
    std::cerr << prompt << ": " << std::flush;
    std::string typed;
    std::getline(std::cin, typed);
    return typed;
}
} // namespace

bool isTyped() { return std::cin.rdbuf() == keyboard && isatty(STDIN_FILENO) == 1; }

std::string typedSecret(const std::string& what)
{
    const WithoutEcho silent;
    auto first = line(what);
    if (first.empty())
        throw Usage("nothing was typed");
    if (line(what + " again") != first)
        throw Usage("the two are not the same");
    return first;
}

} // namespace postfach::admin
