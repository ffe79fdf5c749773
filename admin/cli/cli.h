#pragma once
// The command line (every command but `serve`, which is the appliance's): HTTP over DIR/run/admin.sock.
#include <optional>
#include <string>

namespace postfach::admin {

// argv[0] is the program's name. Returns the exit status: 0 done, 1 refused, 2 usage, 3 server not reachable.
int runCli(int argc, char** argv);

// The first word that is no option nor an option's value ("serve", "domain", …): options may stand before the words.
// nullopt: there is none. For main(), to tell `serve` from the rest.
std::optional<std::string> commandWord(int argc, char** argv);

} // namespace postfach::admin
