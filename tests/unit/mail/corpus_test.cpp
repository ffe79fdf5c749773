// The real mails of ../shared/corpus, beside this checkout. They are not part of the project: where they are absent this says so.
#include "server/base/file.h"
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/normalize.h"
#include "server/mail/summary.h"
#include "server/mail/text.h"
#include "tests/support/catch.h"
#include "tests/unit/mail/outline.h"
#include "tests/support/paths.h"

#include <filesystem>
#include <iostream>

using namespace postfach;
using namespace postfach::mail;

namespace {

void checkMail(const std::string& mail)
{
    const Summary summary = summarize(mail);
    const std::string broken = mail::test::brokenRule(mail, summary.structure);
    REQUIRE(broken == "");
    const auto back = deserialize(serialize(summary));
    REQUIRE(back);
    REQUIRE(serialize(*back) == serialize(summary));
    REQUIRE(mail::test::outline(mail, back->structure) == mail::test::outline(mail, summary.structure));
    REQUIRE(base::isUtf8(summary.preview));
    const std::string header = searchableHeader(mail, summary.structure), body = searchableBody(mail, summary.structure);
    REQUIRE(base::isUtf8(header));
    REQUIRE(base::isUtf8(body));
    REQUIRE(base::isUtf8(foldCase(body)));
    for (const Part& part : summary.structure.parts) {
        for (const auto* parameters : {&part.parameters, &part.disposition_parameters})
            for (const Parameter& parameter : *parameters)
                REQUIRE(base::isUtf8(parameter.value));
        REQUIRE(base::isUtf8(fileName(part)));
    }
}

} // namespace

TEST_CASE("every real mail has a sound structure, a summary that reads back, and text in UTF-8", "[mail][corpus]")
{
    const std::filesystem::path folder = std::filesystem::path(postfach::test::sourceFolder()) / "../shared/corpus";
    if (!std::filesystem::exists(folder)) {
        std::cout << "skipped: no corpus at " << folder.lexically_normal().string() << "\n";
        SUCCEED();
        return;
    }
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string extension = entry.path().extension();
        if (!entry.is_regular_file() || extension == ".md" || extension == ".tsv")
            continue;
        INFO(entry.path().string());
        const std::string mail = base::readFile(entry.path());
        checkMail(mail);
        checkMail(normalizeLineEnds(mail));
        ++count;
    }
    CHECK(count > 1'000);
}
