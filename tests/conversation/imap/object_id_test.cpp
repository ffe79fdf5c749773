#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <chrono>

using namespace postfach::test;
using namespace std::chrono_literals;

namespace {

// What stands between `before` and the next ")": "F0123…".
std::string idIn(const std::string& line, const std::string& before)
{
    const std::size_t at = line.find(before + " (");
    REQUIRE(at != std::string::npos);
    const std::size_t begin = at + before.size() + 2;
    return line.substr(begin, line.find(')', begin) - begin);
}

std::string mailboxId(const Lines& selected)
{
    const auto line =
        std::find_if(selected.begin(), selected.end(), [](const auto& l) { return l.rfind("* OK [MAILBOXID (", 0) == 0; });
    REQUIRE(line != selected.end());
    return idIn(*line, "MAILBOXID");
}

} // namespace

TEST_CASE(
    "a mailbox keeps its MAILBOXID through RENAME, and a new one of the same name has another", "[imap][objectid][rfc8474-4]")
{
    TestServer server;
    auto client = server.imap();
    CHECK_THAT(client.talk("STATUS nowhere (MAILBOXID)").back(), Catch::StartsWith("NO [NONEXISTENT]"));
    const auto made = client.talk("CREATE work/march").back();
    CHECK_THAT(made, Catch::StartsWith("OK [MAILBOXID (F"));
    const std::string id = idIn(made, "MAILBOXID");
    CHECK(client.talk("STATUS work/march (MAILBOXID)").front() == "* STATUS work/march (MAILBOXID (" + id + "))");
    CHECK(mailboxId(client.select("work/march")) == id);
    CHECK(mailboxId(client.examine("work/march")) == id);
    CHECK(client.talk("LIST \"\" work/march RETURN (STATUS (MAILBOXID))")
        == Lines{
            "* LIST (\\HasNoChildren) \"/\" work/march", "* STATUS work/march (MAILBOXID (" + id + "))", "OK LIST completed"});

    client.talk("RENAME work office");
    CHECK(mailboxId(client.select("office/march")) == id);
    const auto again = idIn(client.talk("CREATE work/march").back(), "MAILBOXID");
    CHECK(again != id);
    CHECK(mailboxId(client.select()) != id);
    client.talk("DELETE office/march");
    CHECK(idIn(client.talk("CREATE office/march").back(), "MAILBOXID") != id);
}

TEST_CASE("EMAILID is the content's, wherever it lies, and there are no threads", "[imap][objectid][rfc8474-5]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", sampleMessage(1));
    client.append("INBOX", sampleMessage(2));
    client.append("Sent", sampleMessage(1));
    client.select();
    CHECK_THAT(client.talk("FETCH 1 EMAILID (").back(), Catch::StartsWith("BAD"));
    const auto first = client.talk("FETCH 1 EMAILID").front();
    const auto second = client.talk("FETCH 2 (EMAILID)").front();
    CHECK_THAT(first, Catch::StartsWith("* 1 FETCH (EMAILID (M"));
    CHECK_THAT(first, Catch::EndsWith("))"));
    const std::string id = idIn(first, "EMAILID");
    CHECK(idIn(second, "EMAILID") != id);
    CHECK(client.talk("UID FETCH 1 (EMAILID THREADID)").front() == "* 1 FETCH (UID 1 EMAILID (" + id + ") THREADID NIL)");
    client.talk("COPY 1 Archive");
    client.talk("MOVE 1 Trash");
    for (const auto* mailbox : {"Sent", "Archive", "Trash"}) {
        client.select(mailbox);
        CHECK(client.talk("FETCH 1 EMAILID").front() == "* 1 FETCH (EMAILID (" + id + "))");
    }
    server.restart();
    auto later = server.imap();
    later.select("Trash");
    CHECK(later.talk("FETCH 1 EMAILID").front() == "* 1 FETCH (EMAILID (" + id + "))");
}

TEST_CASE(
    "what another session expunged for good has no EMAILID and no SAVEDATE any more", "[imap][objectid][savedate][rfc2180-4.1]")
{
    TestServer server;
    server.fill(3, "Trash");
    auto laptop = server.imap();
    auto phone = server.imap();
    laptop.select("Trash");
    phone.select("Trash");
    phone.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
    phone.talk("EXPUNGE");
    const auto lines = laptop.talk("FETCH 1:3 (EMAILID SAVEDATE)");
    REQUIRE(lines.size() == 3);
    CHECK_THAT(lines.back(), Catch::StartsWith("OK [EXPUNGEISSUED]"));
    CHECK_THAT(lines[0], Catch::StartsWith("* 1 FETCH (SAVEDATE "));
    CHECK_THAT(lines[1], Catch::StartsWith("* 3 FETCH (SAVEDATE "));
}

TEST_CASE("SAVEDATE is when a message came into its mailbox, whatever its own date", "[imap][savedate][rfc8514]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", sampleMessage(1), "\" 5-Feb-2020 12:00:00 +0000\"");
    client.select();
    CHECK_THAT(client.talk("FETCH 1 SAVEDATES").back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("FETCH 1 (INTERNALDATE SAVEDATE)").front()
        == "* 1 FETCH (INTERNALDATE \"05-Feb-2020 12:00:00 +0000\" SAVEDATE \"01-Mar-2026 00:00:00 +0000\")");
    server.clock().advance(26h);
    client.talk("MOVE 1 Archive");
    client.select("Archive");
    CHECK(client.talk("FETCH 1 (INTERNALDATE SAVEDATE)").front()
        == "* 1 FETCH (INTERNALDATE \"05-Feb-2020 12:00:00 +0000\" SAVEDATE \"02-Mar-2026 02:00:00 +0000\")");
}

TEST_CASE("PREVIEW is the beginning of the text, and empty where there is none", "[imap][preview][rfc8970]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: plain\r\n\r\nDear Alice,\r\n\r\nthe offer  is here.\r\n");
    client.append(
        "INBOX", "Subject: picture\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n");
    client.append("INBOX",
        "Subject: sealed\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\r\n\r\n--x\r\n"
        "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--x\r\nContent-Type: application/octet-stream\r\n\r\n"
        "-----BEGIN PGP MESSAGE-----\r\n--x--\r\n");
    client.append("INBOX",
        "Subject: page\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\xc3\xbc\xc3\x9f"
        "e &amp; <b>more</b></p>\r\n");
    client.append("INBOX", "Subject: none\r\n\r\n");
    client.append("INBOX", "Subject: long\r\n\r\n" + std::string(5'000, 'x') + "\r\n");
    client.select();
    for (const auto* command :
        {"FETCH 1 (PREVIEW (EAGER))", "FETCH 1 (PREVIEW (LAZY)", "FETCH 1 (PREVIEW ())", "FETCH 1 PREVIEW (LAZY LAZIER)"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("FETCH 1 PREVIEW").front() == "* 1 FETCH (PREVIEW \"Dear Alice, the offer is here.\")");
    CHECK(client.talk("FETCH 1 PREVIEW (LAZY)").front() == "* 1 FETCH (PREVIEW \"Dear Alice, the offer is here.\")");
    CHECK(client.talk("FETCH 1 (UID PREVIEW (LAZY) RFC822.SIZE)").front().find("PREVIEW \"Dear Alice,") != std::string::npos);
    CHECK(client.talk("FETCH 2 (PREVIEW)").front() == "* 2 FETCH (PREVIEW \"\")");
    CHECK(client.talk("FETCH 3 (PREVIEW)").front() == "* 3 FETCH (PREVIEW \"\")");
    CHECK(client.talk("FETCH 4 (PREVIEW)").front()
        == "* 4 FETCH (PREVIEW {14}\r\nGr\xc3\xbc\xc3\x9f"
           "e & more)");
    CHECK(client.talk("FETCH 5 (PREVIEW)").front() == "* 5 FETCH (PREVIEW \"\")");
    CHECK(client.talk("FETCH 6 (PREVIEW)").front().size() < 300);
    CHECK(client.talk("SEARCH SEEN").front() == "* SEARCH");
}
