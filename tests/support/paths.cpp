#include "tests/support/paths.h"

namespace postfach::test {

std::string sourceFolder() { return POSTFACH_SOURCE_DIR; }

std::string buildFolder() { return POSTFACH_BINARY_DIR; }

} // namespace postfach::test
