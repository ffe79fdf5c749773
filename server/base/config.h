#pragma once
// The configuration: one table of keys with default, meaning and rule. Order: -D, environment (imap.port is
// POSTFACH_IMAP_PORT), file, default. Values are checked when they are set; a bad one throws Refused with the key,
// the value and what is allowed. Fixed after start; SIGHUP makes a new one.
#include "server/base/error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::base {

class Config {
public:
    Config(); // all defaults

    void readFile(const std::string& path);                // KEY = VALUE or KEY: VALUE lines, # comments
    void readEnvironment();                                // POSTFACH_IMAP_PORT=1143
    void set(std::string_view key, std::string_view value, const std::string& origin = "-D");

    const std::string& text(std::string_view key) const;
    std::uint64_t size(std::string_view key) const;        // bytes: "50 MiB", "5GiB", "1048576"
    std::uint64_t number(std::string_view key) const;
    bool flag(std::string_view key) const;                 // true|false
    std::optional<std::uint16_t> port(std::string_view key) const; // nullopt: off. 0 asks for any free port (tests)
    std::vector<std::string> list(std::string_view key) const;     // separated by commas or spaces

    struct Key {
        enum class Kind { text, size, number, flag, port, choice, list };
        std::string name;
        Kind kind;
        std::string standard; // the default
        std::string allowed;  // for a person; for `choice` the words, separated by |
        std::string meaning;
    };
    static const std::vector<Key>& keys();

private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace postfach::base
