#include "server/base/file.h"
#include "server/mail/normalize.h"
#include "server/mail/summary.h"
#include "tests/support/catch.h"
#include "tests/unit/mail/outline.h"
#include "tests/support/paths.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

using namespace postfach;
using namespace postfach::mail;

// tests/golden/mail/NAME.eml, with the bare LF that an editor writes; NAME.expected is its outline with CRLF. To look at a change:
// POSTFACH_GOLDEN=write writes what the parser says now, and git diff shows it.
TEST_CASE("the structure of every golden mail is the one beside it", "[mail][structure][golden]")
{
    const std::filesystem::path folder = postfach::test::sourceFolder() + "/tests/golden/mail";
    std::vector<std::filesystem::path> mails;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".eml")
            mails.push_back(entry.path());
    std::sort(mails.begin(), mails.end());
    REQUIRE(mails.size() >= 8);
    for (const auto& path : mails) {
        INFO(path.filename().string());
        const std::string with_lf = base::readFile(path);
        const std::string mail = normalizeLineEnds(with_lf);
        const Structure structure = parseStructure(mail);
        CHECK(mail::test::brokenRule(mail, structure) == "");

        const std::string expected = std::filesystem::path(path).replace_extension(".expected");
        const char* mode = std::getenv("POSTFACH_GOLDEN");
        if (mode && std::string_view(mode) == "write")
            base::writeFileDurably(expected, mail::test::outline(mail, structure), 0644);
        CHECK(mail::test::outline(mail, structure) == base::readFile(expected));

        // With bare LF the same parts hold the same bytes, line ends aside.
        const Structure of_lf = parseStructure(with_lf);
        CHECK(mail::test::brokenRule(with_lf, of_lf) == "");
        REQUIRE(of_lf.parts.size() == structure.parts.size());
        for (std::size_t i = 0; i < structure.parts.size(); ++i) {
            CHECK(normalizeLineEnds(of_lf.parts[i].header(with_lf)) == structure.parts[i].header(mail));
            CHECK(normalizeLineEnds(of_lf.parts[i].body(with_lf)) == structure.parts[i].body(mail));
            CHECK(of_lf.parts[i].body_lines == structure.parts[i].body_lines);
        }
    }
}
