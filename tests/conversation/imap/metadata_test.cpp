#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;
using namespace std::string_literals;

TEST_CASE("METADATA refuses what is no entry, not there, not the client's, or too much", "[imap][metadata][rfc5464-4.3]")
{
    TestServer server;
    auto client = server.imap();
    auto stranger = server.connect<ImapClient>("imap");
    stranger.line();
    CHECK_THAT(stranger.talk("GETMETADATA \"\" /shared/comment").back(), Catch::StartsWith("BAD"));
    for (const auto* command : {"GETMETADATA", "GETMETADATA INBOX", "GETMETADATA INBOX /comment",
             "GETMETADATA (DEPTH 7) INBOX /private/a", "SETMETADATA", "SETMETADATA INBOX", "SETMETADATA INBOX (/private/comment)",
             "SETMETADATA INBOX (/private/comm*nt \"x\")", "SETMETADATA INBOX (/private/comment \"x\") more"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("GETMETADATA nowhere /private/comment").back(), Catch::StartsWith("NO [NONEXISTENT]"));
    CHECK_THAT(client.talk("SETMETADATA nowhere (/private/comment \"x\")").back(), Catch::StartsWith("NO [NONEXISTENT]"));
    CHECK_THAT(client.talk("SETMETADATA \"\" (/shared/comment \"mine\")").back(), Catch::StartsWith("NO [NOPERM]"));
    CHECK_THAT(
        client.talk("SETMETADATA \"\" (/shared/admin \"mailto:me@example.com\")").back(), Catch::StartsWith("NO [NOPERM]"));
    CHECK_THAT(client.talk("SETMETADATA Archive (/private/specialuse \"\\\\Sent\")").back(), Catch::StartsWith("NO [NOPERM]"));

    // All or none.
    const std::string long_value = "{32769+}\r\n" + std::string(32'769, 'x');
    CHECK_THAT(client.talk("SETMETADATA INBOX (/private/comment \"x\" /shared/comment " + long_value + ")").back(),
        Catch::StartsWith("NO [METADATA MAXSIZE 32768]"));
    for (int i = 0; i < 100; ++i)
        client.talk("SETMETADATA Sent (/private/vendor/x/" + std::to_string(i) + " \"x\")");
    CHECK_THAT(client.talk("SETMETADATA Sent (/private/vendor/x/0 \"changed\" /private/comment \"x\")").back(),
        Catch::StartsWith("NO [METADATA TOOMANY]"));
    CHECK(client.talk("GETMETADATA INBOX (/private/comment /shared/comment)").front()
        == "* METADATA INBOX (/private/comment NIL /shared/comment NIL)");
    CHECK(client.talk("GETMETADATA Sent /private/vendor/x/0").front() == "* METADATA Sent (/private/vendor/x/0 \"x\")");
}

TEST_CASE("entries of mailboxes and of the account come back as they were set", "[imap][metadata][rfc5464]")
{
    TestServer server;
    auto laptop = server.imap();
    auto phone = server.imap();
    CHECK(laptop.talk("SETMETADATA INBOX (/private/comment \"My comment\" /shared/comment {11+}\r\ntwo\r\nlines!)")
        == Lines{"OK SETMETADATA completed"});
    CHECK(phone.talk("NOOP") == Lines{"OK NOOP completed"}); // not enabled, so not told
    CHECK(phone.talk("GETMETADATA inbox (/Private/comment /shared/comment /shared/other)").front()
        == "* METADATA INBOX (/Private/comment \"My comment\" /shared/comment {11}\r\ntwo\r\nlines! /shared/other NIL)");
    CHECK(laptop.talk("GETMETADATA \"\" (/shared/admin /shared/comment)").front()
        == "* METADATA \"\" (/shared/admin NIL /shared/comment NIL)");
    laptop.talk("SETMETADATA \"\" (/private/vendor/example/theme \"dark\")");
    CHECK(phone.talk("GETMETADATA \"\" /private/vendor/example/theme").front()
        == "* METADATA \"\" (/private/vendor/example/theme \"dark\")");

    laptop.talk("SETMETADATA INBOX (/private/comment NIL /private/vendor/x/bytes ~{3+}\r\na\0b)"s);
    CHECK(phone.talk("GETMETADATA INBOX (/private/comment /private/vendor/x/bytes)").front()
        == "* METADATA INBOX (/private/comment NIL /private/vendor/x/bytes ~{3}\r\na\0b)"s);
    CHECK(phone.talk("GETMETADATA Trash /private/specialuse").front() == "* METADATA Trash (/private/specialuse \"\\\\Trash\")");
    CHECK(phone.talk("GETMETADATA INBOX /private/specialuse").front() == "* METADATA INBOX (/private/specialuse NIL)");

    auto bob = server.imap("bob@example.org");
    CHECK(bob.talk("GETMETADATA \"\" /private/vendor/example/theme").front()
        == "* METADATA \"\" (/private/vendor/example/theme NIL)");
    CHECK(bob.talk("GETMETADATA INBOX /shared/comment").front() == "* METADATA INBOX (/shared/comment NIL)");
    server.restart();
    auto later = server.imap();
    CHECK(later.talk("GETMETADATA INBOX /shared/comment").front() == "* METADATA INBOX (/shared/comment {11}\r\ntwo\r\nlines!)");
}

TEST_CASE("DEPTH and MAXSIZE choose among the entries", "[imap][metadata][rfc5464-4.2]")
{
    TestServer server;
    auto client = server.imap();
    client.talk("CREATE work");
    client.talk("SETMETADATA work (/private/filters/values/small \"SMALLER 5000\" /private/filters/values/boss \"FROM boss\" "
                "/private/filters/on \"yes\" /shared/comment {2000+}\r\n"
        + std::string(2'000, 'c') + ")");
    CHECK(client.talk("GETMETADATA work (DEPTH 1) /private/filters/values").front()
        == "* METADATA work (/private/filters/values/boss \"FROM boss\" /private/filters/values/small \"SMALLER 5000\")");
    CHECK(
        client.talk("GETMETADATA (DEPTH 1) work (/private/filters)").front() == "* METADATA work (/private/filters/on \"yes\")");
    CHECK(client.talk("GETMETADATA work (DEPTH infinity MAXSIZE 5) (/private /shared)")
        == Lines{"* METADATA work (/private/filters/on \"yes\")", "OK [METADATA LONGENTRIES 2000] GETMETADATA completed"});
    CHECK(client.talk("GETMETADATA work (MAXSIZE 1024) (/shared/comment)")
        == Lines{"OK [METADATA LONGENTRIES 2000] GETMETADATA completed"});
    CHECK(client.talk("GETMETADATA work (MAXSIZE 2000) (/shared/comment)").back() == "OK GETMETADATA completed");
    std::string all = "GETMETADATA work (DEPTH infinity) (/private";
    for (int i = 0; i < 90; ++i)
        all += " /private";
    CHECK(client.talk(all + ")").front().size() < 200); // each once
    CHECK(client.talk("GETMETADATA work (DEPTH infinity) /private/none").front() == "* METADATA work (/private/none NIL)");
}

TEST_CASE("entries follow their mailbox and end with it", "[imap][metadata][rename][rfc5464-4.1]")
{
    TestServer server;
    auto client = server.imap();
    client.talk("CREATE work/march");
    client.talk("SETMETADATA work/march (/shared/comment \"spring\")");
    client.talk("RENAME work office");
    CHECK(client.talk("GETMETADATA office/march /shared/comment").front()
        == "* METADATA office/march (/shared/comment \"spring\")");
    client.talk("DELETE office/march");
    client.talk("CREATE office/march");
    CHECK(client.talk("GETMETADATA office/march /shared/comment").front() == "* METADATA office/march (/shared/comment NIL)");
}

TEST_CASE("an entry that changes moves the highest MODSEQ of its mailbox", "[imap][metadata][rfc7162-3.2]")
{
    TestServer server;
    auto client = server.imap();
    const auto before = client.talk("STATUS INBOX (HIGHESTMODSEQ)").front();
    client.talk("SETMETADATA INBOX (/private/comment \"mine\")");
    CHECK(client.talk("STATUS INBOX (HIGHESTMODSEQ)").front() != before);
    CHECK(client.talk("NOOP") == Lines{"OK NOOP completed"});
}

TEST_CASE("LIST tells entries with the mailboxes", "[imap][list][metadata][rfc9590]")
{
    TestServer server;
    auto client = server.imap();
    client.talk("CREATE work");
    client.talk("SUBSCRIBE work");
    client.talk("SETMETADATA work (/private/vendor/x/color \"#b71c1c\")");
    CHECK_THAT(client.talk("LIST \"\" % RETURN (METADATA)").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("LIST \"\" % RETURN (METADATA ())").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("LIST \"\" % RETURN (METADATA (/vendor/x))").back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("LIST \"\" (work Trash) RETURN (METADATA (\"/private/vendor/x/color\" /private/specialuse) SUBSCRIBED "
                      "STATUS (MESSAGES))")
        == Lines{"* LIST (\\HasNoChildren \\Subscribed \\Trash) \"/\" Trash", "* STATUS Trash (MESSAGES 0)",
            "* METADATA Trash (/private/vendor/x/color NIL /private/specialuse \"\\\\Trash\")",
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" work", "* STATUS work (MESSAGES 0)",
            "* METADATA work (/private/vendor/x/color \"#b71c1c\" /private/specialuse NIL)", "OK LIST completed"});
    client.talk("DELETE work");
    CHECK(client.talk("LIST (SUBSCRIBED) \"\" work RETURN (METADATA (/private/vendor/x/color))")
        == Lines{"* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" work", "OK LIST completed"});
}
