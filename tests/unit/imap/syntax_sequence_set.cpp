#include "server/imap/syntax/sequence_set.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"


using postfach::imap::formatSet;
using postfach::imap::SequenceSet;

namespace {

std::string resolved(const SequenceSet& set, std::uint32_t largest)
{
    std::string out;
    for (const auto& range : set.resolved(largest))
        out += (out.empty() ? "" : ",") + std::to_string(range.first) + '-' + std::to_string(range.last);
    return out;
}

std::string resolved(std::string_view text, std::uint32_t largest)
{
    const auto set = SequenceSet::parse(text);
    return set ? resolved(*set, largest) : "refused";
}

} // namespace

TEST_CASE("a set that breaks the grammar is refused", "[imap][syntax][set][rfc9051-9]")
{
    for (const char* text : {"", "0", "1,0", "0:3", "3:0", ":", "1:", ":1", ",", "1,", ",1", "1,,2", "1:2:3", "a", "1a", "1 2", "+1",
                             "-1", "**", "*:*:*", "1;2", "$", "4294967296", "1:99999999999999999999", "18446744073709551617", "01"})
        CHECK(resolved(text, 10) == "refused");
}

TEST_CASE("a set comes out sorted, merged, with * as the largest number", "[imap][syntax][set][rfc9051-9]")
{
    CHECK(resolved("1", 10) == "1-1");
    CHECK(resolved("3,1,2", 10) == "1-3");
    CHECK(resolved("5:1", 10) == "1-5");
    CHECK(resolved("1:3,5,4", 10) == "1-5");
    CHECK(resolved("1:3,5:9,2:6", 10) == "1-9");
    CHECK(resolved("7,1:2", 10) == "1-2,7-7");
    CHECK(resolved("*", 10) == "10-10");
    CHECK(resolved("8:*", 10) == "8-10");
    CHECK(resolved("*:8", 10) == "8-10");
    CHECK(resolved("*:*", 10) == "10-10");
    CHECK(resolved("1:2,*", 10) == "1-2,10-10");
    CHECK(resolved("9:*,7:*,*,2", 10) == "2-2,7-10");
    CHECK(resolved("1:9,*", 10) == "1-10");
    CHECK(resolved("4294967295", 10) == "4294967295-4294967295"); // the number, not the star
    CHECK(resolved("4294967295,4294967294", 10) == "4294967294-4294967295");
    CHECK(resolved("4294967294:*", 0xffffffffU) == "4294967294-4294967295");
}

TEST_CASE("n:* names the last message even when n is larger", "[imap][syntax][set][rfc9051-9]")
{
    CHECK(resolved("5:*", 3) == "3-3");
    const auto set = SequenceSet::parse("5:*");
    REQUIRE(set);
    CHECK(set->contains(3, 3));
    CHECK_FALSE(set->contains(2, 3));
    CHECK_FALSE(set->contains(4, 3));
    CHECK(set->contains(6, 9));
}

TEST_CASE("in an empty mailbox * is nothing", "[imap][syntax][set]")
{
    CHECK(resolved("*", 0).empty());
    CHECK(resolved("1:*", 0).empty());
    CHECK(resolved("2,4:*", 0) == "2-2");
    CHECK_FALSE(SequenceSet::parse("1:*")->contains(1, 0));
}

TEST_CASE("contains agrees with resolved", "[imap][syntax][set]")
{
    for (const char* text : {"1", "2:4,7", "*", "5:*", "9:*", "1,3,5:6,8:*", "4294967295", "2,*:4", "20:30,*"}) {
        const auto set = SequenceSet::parse(text);
        REQUIRE(set);
        for (std::uint32_t largest = 0; largest < 12; ++largest)
            for (std::uint32_t n = 0; n < 40; ++n) {
                bool listed = false;
                for (const auto& range : set->resolved(largest))
                    listed = listed || (range.first <= n && n <= range.last);
                INFO(text << " of " << largest << " has " << n);
                CHECK(set->contains(n, largest) == listed);
            }
    }
}

TEST_CASE("add keeps a set merged, whatever the order", "[imap][syntax][set]")
{
    SequenceSet set;
    CHECK(set.empty());
    set.add(5, 5);
    set.add(9, 7);
    set.add(SequenceSet::kStar, SequenceSet::kStar);
    set.add(1, 2);
    CHECK(resolved(set, 20) == "1-2,5-5,7-9,20-20");
    set.add(3, 6);
    CHECK(resolved(set, 20) == "1-9,20-20");
    set.add(15, SequenceSet::kStar);
    CHECK(resolved(set, 20) == "1-9,15-20");
    CHECK_FALSE(set.empty());
}

TEST_CASE("twenty thousand overlapping ranges are one", "[imap][syntax][set][threats-9]")
{
    std::string text = "1:4294967295";
    for (int i = 1; i < 20'000; ++i)
        text += ",1:4294967295";
    const postfach::test::Work work;
    const auto set = SequenceSet::parse(text);
    REQUIRE(set);
    CHECK(set->resolved(5).size() == 1);
    CHECK(set->contains(4, 5));
    CHECK(work.seconds() < 1);
}

TEST_CASE("numbers are written as the shortest set", "[imap][syntax][set]")
{
    CHECK(formatSet({}).empty());
    CHECK(formatSet({4}) == "4");
    CHECK(formatSet({1, 2, 3, 7}) == "1:3,7");
    CHECK(formatSet({1, 3, 5}) == "1,3,5");
    CHECK(formatSet({4294967294U, 4294967295U}) == "4294967294:4294967295");
}
