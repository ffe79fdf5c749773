#include "server/imap/syntax/thread.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"

#include <algorithm>
#include <sstream>
#include <string>

using namespace postfach::imap;

namespace {

// "id subject date references": messages numbered from 1. "-" is none; "re:" before a subject makes a reply.
std::vector<ThreadMessage> mails(const std::vector<std::string>& rows)
{
    std::vector<ThreadMessage> all;
    for (const std::string& row : rows) {
        std::istringstream words(row);
        std::string id, subject, reference;
        ThreadMessage one;
        words >> id >> subject >> one.sent;
        one.number = static_cast<std::uint32_t>(all.size() + 1);
        one.arrived = 1000 + one.number;
        one.id = id == "-" ? 0 : threadHash(id);
        one.is_reply = subject.starts_with("re:");
        subject = one.is_reply ? subject.substr(3) : subject;
        one.subject = subject == "-" ? 0 : threadHash(subject);
        while (words >> reference)
            one.references.push_back(threadHash(reference));
        all.push_back(one);
    }
    return all;
}

std::string references(const std::vector<std::string>& rows) { return threads(ThreadBy::references, mails(rows)); }

} // namespace

TEST_CASE("algorithms have names", "[imap][syntax][thread]")
{
    CHECK(threadAlgorithm("references") == ThreadBy::references);
    CHECK(threadAlgorithm("REFS") == ThreadBy::refs);
    CHECK(threadAlgorithm("OrderedSubject") == ThreadBy::orderedSubject);
    CHECK_FALSE(threadAlgorithm("REF"));
    CHECK_FALSE(threadAlgorithm(""));
}

TEST_CASE("ORDEREDSUBJECT makes the first of a subject the parent of all others", "[imap][syntax][thread][rfc5256-3]")
{
    CHECK(threads(ThreadBy::orderedSubject, {}).empty());
    CHECK(threads(ThreadBy::orderedSubject, mails({"a x 5", "b y 1", "c re:x 6", "d x 4", "e z 9", "f re:y 2"}))
        == "(2 6)(4 (1)(3))(5)");
    CHECK(threads(ThreadBy::orderedSubject, mails({"a x 1", "b x 1", "c y 1"})) == "(1 2)(3)"); // equal dates: by number
}

TEST_CASE("REFERENCES follows references", "[imap][syntax][thread][rfc5256-3]")
{
    CHECK(references({}).empty());
    CHECK(references({"a x 1"}) == "(1)");
    CHECK(references({"a x 1", "b y 2 a", "c z 3 a b"}) == "(1 2 3)");
    CHECK(references({"c z 3 a b", "b y 2 a", "a x 1"}) == "(3 2 1)");                 // whatever the order of arrival
    CHECK(references({"a x 1", "b p 4 a", "c q 3 a", "d r 5 a c"}) == "(1 (3 4)(2))"); // siblings by date
    CHECK(references({"a x 3", "b y 2", "c z 1"}) == "(3)(2)(1)");                     // threads by date
    CHECK(references({"- x 1", "- y 2", "- z 3 a"}) == "(1)(2)(3)");                   // none without an id is another
    CHECK(references({"a x 1", "a y 2", "b z 3 a"}) == "(1 3)(2)");                    // the first with an id is meant
    CHECK(references({"b y 2 a", "c z 3 a"}) == "((1)(2))");                           // the parent is not here
    CHECK(references({"c z 3 a b"}) == "(1)");
    CHECK(references({"d p 4 a b c", "e q 5 a b"}) == "((1)(2))"); // missing ones in between go
    CHECK(references({"a x 1", "d p 4 a b c", "e q 5 a b c"}) == "(1 (2)(3))");
    CHECK(references({"c z 3 a b", "b y 2 q", "a x 1", "q w 4"}) == "(3)(4 2 1)"); // its own word counts more
    CHECK(references({"c z 3 a b", "b y 2", "a x 1"}) == "(3)(2 1)");
}

TEST_CASE("REFERENCES gathers threads of one subject", "[imap][syntax][thread][rfc5256-3]")
{
    CHECK(references({"a x 1", "b re:x 2"}) == "(1 2)"); // a reply below what it answers
    CHECK(references({"b re:x 2", "a x 3"}) == "(2 1)"); // sent before or not
    CHECK(references({"a x 1", "b x 2"}) == "((1)(2))"); // two of the same
    CHECK(references({"a re:x 1", "b re:x 2"}) == "((1)(2))");
    CHECK(references({"a x 1", "b x 2", "c x 3"}) == "((1)(2)(3))");
    CHECK(references({"a x 1", "b re:x 2", "c re:x 3"}) == "(1 (2)(3))");
    CHECK(references({"a - 1", "b - 2", "c re:- 3"}) == "(1)(2)(3)");                    // no subject is none
    CHECK(references({"b x 2 p", "c y 3 p", "d x 1"}) == "((3)(1)(2))");                 // a dummy takes it in
    CHECK(references({"b x 2 p", "c y 3 p", "d x 4 q", "e y 5 q"}) == "((1)(2)(3)(4))"); // and another dummy's children
    CHECK(references({"a x 1", "b re:x 2 z", "c w 3 z"}) == "((1)(2)(3))");
    CHECK(references({"a x 1", "b y 2 a", "c re:x 3", "d v 4 c"}) == "(1 (2)(3 4))");
}

TEST_CASE("REFS leaves subjects alone and puts the thread with the newest arrival last", "[imap][syntax][thread]")
{
    CHECK(threads(ThreadBy::refs, mails({"a x 1", "b re:x 2"})) == "(1)(2)");
    CHECK(threads(ThreadBy::refs, mails({"a x 9", "b y 8", "c z 1 a"})) == "(2)(1 3)");
    CHECK(threads(ThreadBy::refs, mails({"b y 2 a", "c z 1 a", "d w 0"})) == "((2)(1))(3)");
    CHECK(threads(ThreadBy::refs, mails({"b y 2 a", "d w 0", "c z 1 a"})) == "(2)((3)(1))");
    CHECK(threads(ThreadBy::refs, mails({"a x 0", "b y 5 a", "c z 4 a", "d w 3 a"})) == "(1 (4)(3)(2))"); // siblings by their sent date
}

TEST_CASE("loops of references are harmless", "[imap][syntax][thread][threats-8]")
{
    CHECK(references({"a x 1 a"}) == "(1)");
    CHECK(references({"a x 1 b", "b y 2 a"}) == "(2 1)");
    CHECK(references({"a x 1 b c", "b y 2 c a", "c z 3 a b"}).size() >= 7);
    CHECK(references({"a x 1 p q p q p"}) == "(1)");
    // A few ids in any order, many times: every message is printed once.
    std::vector<std::string> rows;
    unsigned seed = 7;
    for (int i = 0; i < 2'000; ++i) {
        std::string row = "i" + std::to_string(i % 50) + " s" + std::to_string(i % 7) + " " + std::to_string(i % 11);
        for (int k = 0; k < 6; ++k)
            row += " i" + std::to_string((seed = seed * 1103515245U + 12345U) / 65536 % 60);
        rows.push_back(row);
    }
    for (const ThreadBy how : {ThreadBy::references, ThreadBy::refs, ThreadBy::orderedSubject}) {
        std::string text = threads(how, mails(rows));
        std::replace_if(
            text.begin(), text.end(), [](char c) { return c == '(' || c == ')'; }, ' ');
        std::istringstream numbers(text);
        std::vector<int> seen(rows.size() + 1);
        for (std::size_t number = 0; numbers >> number;)
            ++seen.at(number);
        CHECK(std::count(seen.begin() + 1, seen.end(), 1) == static_cast<long>(rows.size()));
    }
}

TEST_CASE("a chain of 100,000 is printed, in whatever order it came, and one made to be slow is not",
    "[imap][syntax][thread][threats-8]")
{
    constexpr int kMany = 100'000;
    const postfach::test::Work work;
    std::vector<ThreadMessage> chain(kMany);
    for (int i = 0; i < kMany; ++i) {
        chain[i].number = static_cast<std::uint32_t>(i + 1);
        chain[i].sent = i;
        chain[i].id = static_cast<std::uint64_t>(i) + 1;
        if (i > 0)
            chain[i].references = {static_cast<std::uint64_t>(i)};
    }
    const std::string forward = threads(ThreadBy::references, chain);
    CHECK(std::count(forward.begin(), forward.end(), '(') == 1);
    std::reverse(chain.begin(), chain.end());
    CHECK(threads(ThreadBy::references, chain) == forward);
    CHECK(threads(ThreadBy::refs, chain) == forward);
    // Every other message hangs a thread with a child of its own below the end of a chain of 50,000.
    for (int i = kMany / 2; i < kMany; ++i)
        chain[i].references = {static_cast<std::uint64_t>(1), static_cast<std::uint64_t>(kMany / 2), chain[i].id + 1};
    threads(ThreadBy::references, chain);
    CHECK(work.seconds() < 5); // quadratic takes minutes
}

TEST_CASE("3,000 messages with 60 references each are threaded at once, in order, backwards and at random", "[imap][syntax][thread][threats-18]")
{
    constexpr int kMessages = 3'000, kEach = 60;
    unsigned seed = 7;
    const auto random = [&seed] { return (seed = seed * 1103515245U + 12345U) / 65536 % kMessages; };
    for (const char* order : {"ascending", "descending", "random", "missing"}) {
        INFO(order);
        std::vector<ThreadMessage> all(kMessages);
        for (int i = 0; i < kMessages; ++i) {
            all[i].number = static_cast<std::uint32_t>(i + 1);
            all[i].sent = static_cast<std::int64_t>(random());
            all[i].id = static_cast<std::uint64_t>(i) + 1;
            all[i].subject = random() % 3;
            for (int k = kEach; k > 0; --k) {
                int other = i * kEach + k + kMessages; // nobody's
                if (order[0] != 'm')
                    other = order[0] == 'a' ? i - k : order[0] == 'd' ? i + k : static_cast<int>(random());
                if (other >= 0)
                    all[i].references.push_back(static_cast<std::uint64_t>(other) + 1);
            }
        }
        for (const ThreadBy how : {ThreadBy::references, ThreadBy::refs, ThreadBy::orderedSubject}) {
            std::string text;
            CHECK(postfach::test::secondsOf([&] { text = threads(how, all); }) < 0.5);
            CHECK(std::count_if(text.begin(), text.end(), [](char c) { return c == '('; }) >= 1);
        }
    }
}
