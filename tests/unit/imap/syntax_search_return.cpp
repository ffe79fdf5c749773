#include "server/imap/syntax/search_return.h"
#include "tests/support/catch.h"

#include <string>

using namespace postfach;
using namespace postfach::imap;

namespace {

SearchReturn parse(const std::string& text)
{
    Parser args(text);
    SearchReturn wanted = parseSearchReturn(args);
    args.end();
    return wanted;
}

std::string answer(const std::string& options, SearchResult result)
{
    std::string out;
    putSearchResult(out, parse(options), result);
    return out;
}

using Places = std::vector<std::size_t>;

} // namespace

TEST_CASE("RETURN refuses what is no option", "[imap][syntax][search][rfc4731][rfc9394]")
{
    for (const char* text : {"", "ALL", "(", ")", "(ALL", "(MIN,MAX)", "(FOO)", "(PARTIAL)", "(PARTIAL 1)", "(PARTIAL 0:1)",
             "(PARTIAL 1:-1)", "(PARTIAL -1:1)", "(PARTIAL 1:*)", "(PARTIAL 1:4294967296)", "(PARTIAL 1:2 PARTIAL 3:4)",
             "(PARTIAL 1:2 ALL)", "(PARTIAL 1:2,4)", "(MIN) MAX", "(UPDATE ())", "(UPDATE(FOO))", "(UPDATE (UID)",
             "(UPDATE (UID) (FLAGS))", "(COUNT (UID))", "(UPDATE  (UID))"}) {
        INFO(text);
        CHECK_THROWS_AS(parse(text), BadSyntax);
    }
    CHECK(parse("()").all);
    CHECK(parse("(min Max)").max);
    CHECK_FALSE(parse("(UPDATE COUNT)").of_new);
    for (const char* text : {"(UPDATE(UID BODY[]) COUNT)", "(COUNT update (UID BODY[]))"}) { // RFC 5465 8, and its example
        const SearchReturn wanted = parse(text);
        CHECK(wanted.update);
        CHECK(wanted.count);
        CHECK(wanted.of_new.value().uid);
        CHECK(wanted.of_new.value().sections.size() == 1);
    }
    CHECK_FALSE(parse("(SAVE)").asksForResult());
    CHECK_FALSE(parse("(SAVE)").all);
    CHECK(parse("(PARTIAL -100:-1 CONTEXT)").partial->from_end);
}

TEST_CASE("an ESEARCH answer says what was asked for, and of nothing only how many", "[imap][syntax][search][rfc4731]")
{
    const SearchResult some{{2, 3, 4, 9}, {}, {}};
    CHECK(answer("()", some) == " ALL 2:4,9");
    CHECK(answer("(COUNT MAX MIN)", some) == " MIN 2 MAX 9 COUNT 4");
    CHECK(answer("(PARTIAL 2:3)", some) == " PARTIAL (2:3 3:4)");
    CHECK(answer("(PARTIAL 3:2 COUNT)", some) == " COUNT 4 PARTIAL (2:3 3:4)");
    CHECK(answer("(PARTIAL -1:-2)", some) == " PARTIAL (-1:-2 4,9)");
    CHECK(answer("(PARTIAL 4:9)", some) == " PARTIAL (4:9 9)");
    CHECK(answer("(PARTIAL 5:9)", some) == " PARTIAL (5:9 NIL)");
    CHECK(answer("(PARTIAL -5:-9)", some) == " PARTIAL (-5:-9 NIL)");
    CHECK(answer("(PARTIAL -4:-4294967295)", some) == " PARTIAL (-4:-4294967295 2)");
    CHECK(answer("(ALL MIN MAX)", {}).empty());
    CHECK(answer("(COUNT PARTIAL 1:1)", {}) == " COUNT 0 PARTIAL (1:1 NIL)");
    CHECK(answer("(ALL)", {{9, 2, 3, 1}, {}, 77}) == " ALL 9,2:3,1 MODSEQ 77"); // sorted: the order stays
    CHECK(answer("(ALL RELEVANCY)", {{1, 2, 3}, {100, 50, 100}, {}}) == " ALL 1:3 RELEVANCY (100 50 100)");
    CHECK(answer("(PARTIAL 2:3 RELEVANCY)", {{1, 2, 3}, {100, 50, 99}, {}}) == " PARTIAL (2:3 2:3) RELEVANCY (50 99)");
    CHECK(answer("(ALL RELEVANCY)", {}).empty());
}

TEST_CASE(
    "what SAVE keeps and MODSEQ speaks of follows from the other options", "[imap][syntax][search][rfc5182-2.4][rfc9394-3.3]")
{
    const std::pair<const char*, Places> rows[] = {
        {"(SAVE)", {0, 1, 2, 3, 4}},
        {"(SAVE MIN)", {0}},
        {"(SAVE MAX)", {4}},
        {"(SAVE MIN MAX)", {0, 4}},
        {"(SAVE MIN COUNT)", {0, 1, 2, 3, 4}},
        {"(SAVE ALL MAX)", {0, 1, 2, 3, 4}},
        {"(SAVE PARTIAL 2:3)", {1, 2}},
        {"(SAVE PARTIAL -1:-2)", {3, 4}},
        {"(SAVE PARTIAL 2:3 MIN MAX)", {0, 1, 2, 4}},
        {"(SAVE PARTIAL 1:5 MIN MAX)", {0, 1, 2, 3, 4}},
        {"(SAVE PARTIAL 7:9 MIN)", {0}},
        {"(SAVE PARTIAL 2:3 COUNT)", {0, 1, 2, 3, 4}},
    };
    for (const auto& [options, places] : rows) {
        INFO(options);
        CHECK(placesOf(parse(options), 5) == places);
        CHECK(placesOf(parse(options), 0).empty());
    }
}
