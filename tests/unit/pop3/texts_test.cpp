#include "server/pop3/texts.h"
#include "tests/support/catch.h"

using namespace postfach::pop3;

TEST_CASE("a language range finds its language as RFC 4647 looks it up", "[pop3][rfc6856-3]")
{
    const auto tag = [](std::string_view range) {
        const auto* found = findLanguage(range);
        return found == nullptr ? std::string() : std::string(found->tag);
    };
    const std::pair<const char*, const char*> table[] = {{"*", "en"},  {"i-default", "en"}, {"en", "en"},    {"EN-us", "en"}, {"de", "de"}, {"de-DE-1996", "de"},
                                                         {"fr", ""},   {"", ""},            {"-", ""},       {"deu", ""},     {"d", ""},   {"-de", ""}};
    for (const auto& [range, wanted] : table)
        CHECK(tag(range) == wanted);
}

TEST_CASE("words are translated behind their response code, and unknown ones stay as they are", "[pop3][rfc6856-3]")
{
    const Language& english = *findLanguage("en");
    const Language& german = *findLanguage("de");
    CHECK(worded(english, "[AUTH] given up") == "[AUTH] given up");
    CHECK(worded(german, "[AUTH] given up") == "[AUTH] aufgegeben");
    CHECK(worded(german, "[SYS/TEMP] nobody has translated this") == "[SYS/TEMP] nobody has translated this");
    CHECK(worded(german, "# messages (# octets)", {3, 18446744073709551615ULL}) == "3 Nachrichten (18446744073709551615 Oktette)");
    CHECK(worded(english, "# messages (# octets)", {3}) == "3 messages (# octets)");
    CHECK(worded(german, "").empty());
}
