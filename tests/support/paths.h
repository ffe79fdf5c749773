#pragma once
// Where the sources and the built programs are. Known to one file alone: a definition on every command line would give each
// checkout its own compiler cache.
#include <string>

namespace postfach::test {

std::string sourceFolder();
std::string buildFolder(); // has postfach and postfach-scanner

} // namespace postfach::test
