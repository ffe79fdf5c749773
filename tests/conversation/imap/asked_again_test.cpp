// What is kept from one answer for the next must never show: not after flags, new mail or an expunge, and not to a client that
// speaks another dialect.
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <string>
#include <vector>

using namespace postfach::test;

namespace {

std::string mail(const std::string& subject, const std::string& text = "text")
{
    return "From: a@example.org\r\nSubject: " + subject + "\r\n\r\n" + text + "\r\n";
}

} // namespace

TEST_CASE("SORT asked again keeps to what is there now", "[imap][sort]")
{
    TestServer server;
    auto one = server.imap();
    auto two = server.imap();
    for (const auto* subject : {"plum", "apple", "quince", "cherry"})
        one.append("INBOX", mail(subject));
    one.select();
    two.select();
    const auto sort = [](ImapClient& client, const std::string& what) { return client.talk("SORT " + what).front(); };

    CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 2 4 1 3");
    CHECK(sort(two, "(SUBJECT) UTF-8 ALL") == "* SORT 2 4 1 3");
    CHECK(sort(one, "(REVERSE SUBJECT) UTF-8 ALL") == "* SORT 3 1 4 2");
    CHECK(sort(one, "(SUBJECT REVERSE ARRIVAL) UTF-8 ALL") == "* SORT 2 4 1 3");

    SECTION("flags change, and a search finds a part")
    {
        one.talk("STORE 1,2 +FLAGS (\\Flagged)");
        two.talk("NOOP");
        CHECK(sort(two, "(SUBJECT) UTF-8 FLAGGED") == "* SORT 2 1");
        CHECK(sort(one, "(SUBJECT) UTF-8 UNFLAGGED") == "* SORT 4 3");
        CHECK(sort(one, "(SUBJECT) UTF-8 SUBJECT nothing") == "* SORT");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 2 4 1 3");
    }
    SECTION("new mail comes, which one session knows of and the other not yet")
    {
        one.append("INBOX", mail("banana"));
        one.talk("NOOP");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 2 5 4 1 3");
        CHECK(sort(two, "(SUBJECT) UTF-8 ALL") == "* SORT 2 4 1 3");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 2 5 4 1 3");
    }
    SECTION("one is expunged: the numbers behind it move, the order of the rest stays")
    {
        one.talk("STORE 1 +FLAGS (\\Deleted)");
        one.talk("EXPUNGE");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 1 3 2");
        two.talk("NOOP");
        CHECK(sort(two, "(SUBJECT) UTF-8 ALL") == "* SORT 1 3 2");
        one.append("INBOX", mail("aardvark"));
        one.talk("NOOP");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 4 1 3 2");
    }
    SECTION("another mailbox has its own")
    {
        one.append("Archive", mail("z"));
        one.append("Archive", mail("y"));
        one.select("Archive");
        CHECK(sort(one, "(SUBJECT) UTF-8 ALL") == "* SORT 2 1");
    }
}

TEST_CASE("ENVELOPE and BODYSTRUCTURE asked again are the same, in each dialect", "[imap][fetch][rfc9051]")
{
    TestServer server;
    auto plain = server.imap();
    auto modern = server.imap();
    const std::string inner = "From: b@example.org\r\nSubject: inner\r\n\r\nhello\r\n";
    plain.append("INBOX", mail("plain"));
    plain.append("INBOX", "From: a@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: message/global\r\n\r\n" + inner);
    modern.talk("ENABLE UTF8=ACCEPT");
    plain.select();
    modern.select();
    const auto ask = [](ImapClient& client, const std::string& items) { return client.talk("FETCH 1:* " + items); };

    const Lines first = ask(plain, "(ENVELOPE BODYSTRUCTURE)");
    CHECK_THAT(first.at(0), Catch::ContainsSubstring("\"plain\"") && Catch::ContainsSubstring("(\"text\" \"plain\""));
    const Lines other = ask(modern, "(ENVELOPE BODYSTRUCTURE)");
    CHECK(other.at(0) == first.at(0));
    CHECK_THAT(first.at(1), Catch::ContainsSubstring("\"message\" \"rfc822\"") && Catch::ContainsSubstring("inner"));
    CHECK_THAT(other.at(1), Catch::ContainsSubstring("\"message\" \"global\"") && Catch::ContainsSubstring("inner"));
    CHECK(ask(plain, "(ENVELOPE BODYSTRUCTURE)") == first);
    CHECK(ask(modern, "(ENVELOPE BODYSTRUCTURE)") == other);

    // What is asked beside them, and each alone.
    const std::size_t second = first.at(1).find(" BODYSTRUCTURE");
    CHECK(ask(plain, "ENVELOPE").at(1) == first.at(1).substr(0, second) + ")");
    CHECK(ask(plain, "BODYSTRUCTURE").at(1) == "* 2 FETCH (" + first.at(1).substr(second + 1));
    CHECK_THAT(ask(plain, "(UID FLAGS ENVELOPE)").at(0), Catch::StartsWith("* 1 FETCH (UID 1 FLAGS (") && Catch::ContainsSubstring("ENVELOPE ("));
    plain.append("INBOX", mail("third"));
    plain.talk("NOOP");
    CHECK_THAT(ask(plain, "ENVELOPE").at(2), Catch::ContainsSubstring("\"third\""));
    CHECK_THAT(ask(plain, "(ENVELOPE BODY.PEEK[TEXT])").at(2), Catch::ContainsSubstring("\"third\"") && Catch::EndsWith("BODY[TEXT] {6}\r\ntext\r\n)"));
}

TEST_CASE("whole messages, many at once: small ones, large ones, and some that are gone", "[imap][fetch]")
{
    TestServer server;
    auto client = server.imap();
    auto other = server.imap();
    std::vector<std::string> mails;
    for (int i = 0; i < 60; ++i) {
        const std::size_t size = i == 25 ? 200'000 : i % 7 == 0 ? 10 : 3'000;
        std::string text = std::to_string(i) + ' ';
        while (text.size() < size)
            text += std::to_string(text.size() * 7919 + static_cast<std::size_t>(i)) + (text.size() % 5 == 0 ? "\r\n" : " ");
        mails.push_back(mail("number " + std::to_string(i), text));
        client.append("INBOX", mails.back());
    }
    client.select();
    other.select();
    const auto whole = [&](int i, const std::string& name) {
        const std::string& bytes = mails[static_cast<std::size_t>(i)];
        return name + " {" + std::to_string(bytes.size()) + "}\r\n" + bytes;
    };

    Lines answer = client.talk("FETCH 1:* BODY.PEEK[]");
    REQUIRE(answer.size() == 61);
    for (int i = 0; i < 60; ++i)
        REQUIRE(answer[static_cast<std::size_t>(i)] == "* " + std::to_string(i + 1) + " FETCH (" + whole(i, "BODY[]") + ")");
    CHECK(answer.back() == "OK FETCH completed");

    answer = client.talk("FETCH 1:* (RFC822.SIZE BODY.PEEK[]<2.5> SAVEDATE BODY.PEEK[]<1000000.5>)");
    for (int i = 0; i < 60; ++i) {
        const std::string& line = answer[static_cast<std::size_t>(i)];
        REQUIRE_THAT(line, Catch::ContainsSubstring("RFC822.SIZE " + std::to_string(mails[static_cast<std::size_t>(i)].size())));
        REQUIRE_THAT(line, Catch::EndsWith("BODY[]<2> {5}\r\nom: a BODY[]<1000000> \"\")"));
    }

    other.talk("STORE 10:20,40 +FLAGS (\\Deleted)");
    other.talk("EXPUNGE");
    answer = client.talk("FETCH 5:50 BODY[]"); // still numbered as before; what was expunged into Trash can still be read
    std::size_t bodies = 0;
    for (const std::string& line : answer)
        for (int i = 0; i < 60; ++i)
            if (line.find(whole(i, "BODY[]")) != std::string::npos) {
                CHECK_THAT(line, Catch::StartsWith("* " + std::to_string(i + 1) + " FETCH ("));
                ++bodies;
            }
    CHECK(bodies == 46);
    client.talk("NOOP");
    CHECK(client.talk("SEARCH SEEN").front() != "* SEARCH");
}
