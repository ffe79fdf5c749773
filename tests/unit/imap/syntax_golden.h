#pragma once
// The hand-written mails of tests/golden/imap. They are kept with LF, as editors like them, and read with CRLF, as mail is.
#include "server/mail/normalize.h"
#include "tests/support/paths.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace postfach::test {

inline std::string readFile(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string goldenPath(const std::string& name) { return test::sourceFolder() + "/tests/golden/imap/" + name; }
inline std::string goldenMail(const std::string& name) { return mail::normalizeLineEnds(readFile(goldenPath(name + ".eml"))); }

} // namespace postfach::test
