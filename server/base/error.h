#pragma once
// Refused is for a person who asked for something that cannot be had: its text says what is wrong and what to do next.
// The command line prints it and exits with `exit_status`; nothing has been changed.
#include <stdexcept>
#include <string>

namespace postfach::base {

class Refused : public std::runtime_error {
public:
    explicit Refused(const std::string& text, int status = 2) : std::runtime_error(text), exit_status(status) {}
    int exit_status;
};

} // namespace postfach::base
