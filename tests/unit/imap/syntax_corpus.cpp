// Every real mail at hand: whatever it is, the answers keep the grammar, and the sections are the message's own bytes.
#include "tests/support/catch.h"
#include "tests/unit/imap/syntax_golden.h"
#include "tests/unit/imap/syntax_grammar.h"
#include "tests/support/paths.h"

#include <filesystem>
#include <iostream>

using namespace postfach;

TEST_CASE("the checker sees what is wrong", "[imap][syntax][corpus]")
{
    for (const char* text : {"", "(", "()", R"(("text" "plain" NIL NIL NIL "7bit" 0))", R"(("text" "plain" () NIL NIL "7bit" 0 0))",
                             R"(("text" "plain" NIL NIL NIL "7bit" 0 0) )", "(\"text\" {4}\r\nplain NIL NIL NIL \"7bit\" 0 0)",
                             R"(("message" "rfc822" NIL NIL NIL "7bit" 0 0))", R"x((("a" "b" NIL NIL NIL "7bit" 0)"mixed"))x"}) {
        INFO(text);
        CHECK_THROWS_AS([&] { test::FetchGrammar c(text); c.body(false); c.end(); }(), std::runtime_error);
    }
}

TEST_CASE("the golden mails keep the grammar, with CRLF and with LF", "[imap][syntax][corpus]")
{
    for (const char* name : {"plain", "addresses", "parts", "forwarded"}) {
        CHECK(test::checkFetch(test::goldenMail(name)).empty());
        CHECK(test::checkFetch(test::readFile(test::goldenPath(std::string(name) + ".eml"))).empty());
    }
}

TEST_CASE("golden mails that are cut anywhere keep the grammar", "[imap][syntax][corpus]")
{
    for (const char* name : {"addresses", "parts", "forwarded"}) {
        const std::string whole = test::goldenMail(name);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const std::string wrong = test::checkFetch(whole.substr(0, size));
            if (!wrong.empty())
                FAIL(name << " cut at " << size << ": " << wrong);
        }
    }
}

TEST_CASE("answers and sections of every real mail", "[imap][syntax][corpus]")
{
    const std::filesystem::path corpus = std::filesystem::path(postfach::test::sourceFolder()) / ".." / "shared" / "corpus";
    if (!std::filesystem::is_directory(corpus)) {
        std::cout << "skipped: no corpus of real mails beside the project\n";
        return;
    }
    int seen = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus)) {
        if (!entry.is_regular_file())
            continue;
        const std::string raw = test::readFile(entry.path().string());
        const std::string as_it_is = test::checkFetch(raw), normalized = test::checkFetch(mail::normalizeLineEnds(raw));
        INFO(entry.path().string());
        CHECK(as_it_is.empty());
        CHECK(normalized.empty());
        ++seen;
    }
    CHECK(seen > 0);
}
