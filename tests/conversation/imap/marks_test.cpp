// Keywords that the server alone sets and clears: $Unscanned, $Encrypted, $Suspicious.
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach;
using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;

namespace {

std::string lineWith(const Lines& lines, const std::string& words)
{
    const auto at = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(words) != std::string::npos; });
    return at == lines.end() ? "" : *at;
}

const std::string kSuspect = "Subject: suspect\r\n\r\nFOUND: macros\r\n";

// The server's own hand, as after a new verdict.
void mark(TestServer& server, store::FlagChange how, std::string_view keyword)
{
    server.store().writeAndWait([&](store::WriteTx& tx) {
        const auto alice = tx.findAccount("alice@example.org")->id;
        store::Flags flags;
        flags.addKeyword(tx.keyword(alice, keyword));
        tx.changeFlags(tx.findMailbox(alice, "INBOX")->id, {store::Uid{1}}, how, flags);
    });
}

} // namespace

TEST_CASE("no client sets one of the server's keywords", "[imap][store][append][keywords][rfc9051-6.4.6]")
{
    TestServer server;
    server.fill(2);
    auto client = server.imap();
    client.select();
    for (const std::string item : {"+FLAGS ($Suspicious)", "FLAGS ($Encrypted)", "+FLAGS.SILENT ($UNSCANNED)"}) {
        CAPTURE(item);
        CHECK(client.talk("STORE 1 " + item).back() == "OK STORE completed");
    }
    const std::string both = "* 1 FETCH (FLAGS (\\Flagged \\Recent kept))";
    CHECK(lineWith(client.talk("STORE 1 +FLAGS ($suspicious kept \\Flagged)"), "FETCH") == both);
    CHECK(client.talk("STORE 1 FLAGS ($suspicious kept \\Flagged)").front() == both);
    for (const std::string_view own : store::kServerKeywords) {
        CHECK(client.talk("SEARCH KEYWORD " + std::string(own)).front() == "* SEARCH");
        CHECK_FALSE(server.store().read()->findKeyword(server.store().read()->findAccount("alice@example.org")->id, own));
    }
    CHECK_THAT(client.append("INBOX", sampleMessage(3), "($Encrypted mine)").back(), StartsWith("OK"));
    CHECK_THAT(client.talk("FETCH 3 FLAGS").front(), ContainsSubstring("mine") && !ContainsSubstring("$Encrypted"));
    CHECK_THAT(client.talk("REPLACE 3 INBOX ($Suspicious mine) {9+}\r\nA: b\r\n\r\nx").back(), StartsWith("OK"));
    CHECK(client.talk("SEARCH KEYWORD $Suspicious").front() == "* SEARCH");
    CHECK(client.talk("SEARCH KEYWORD mine").front() == "* SEARCH 3");
}

TEST_CASE("no client clears one of the server's keywords, and it is seen, found and copied", "[imap][store][copy][keywords][rfc9051-7.1]")
{
    TestServer server;
    server.lmtp().deliver({"alice@example.org"}, kSuspect);
    auto client = server.imap();
    const auto opened = client.select();
    CHECK_THAT(lineWith(opened, "* FLAGS"), ContainsSubstring("$Suspicious"));
    CHECK_THAT(lineWith(opened, "PERMANENTFLAGS"), !ContainsSubstring("$Suspicious") && ContainsSubstring("\\*"));
    for (const std::string item : {"-FLAGS ($Suspicious)", "FLAGS ()", "FLAGS (\\Seen other)", "FLAGS.SILENT (\\Seen)", "-FLAGS.SILENT ($SUSPICIOUS)"}) {
        CAPTURE(item);
        CHECK(client.talk("STORE 1 " + item).back() == "OK STORE completed");
        CHECK_THAT(client.talk("FETCH 1 FLAGS").front(), ContainsSubstring("$Suspicious"));
    }
    CHECK(client.talk("STORE 1 FLAGS (\\Seen)").front() == "* 1 FETCH (FLAGS (\\Seen \\Recent $Suspicious))");
    CHECK(client.talk("SEARCH KEYWORD $suspicious").front() == "* SEARCH 1");
    CHECK_THAT(client.talk("COPY 1 Archive").back(), StartsWith("OK"));
    CHECK_THAT(client.talk("MOVE 1 Junk").back(), StartsWith("OK"));
    for (const std::string mailbox : {"Archive", "Junk"}) {
        client.select(mailbox);
        CHECK_THAT(client.talk("FETCH 1 FLAGS").front(), ContainsSubstring("$Suspicious"));
    }
}

TEST_CASE("a client that replaces flags in silence knows what it has, the server's keywords included", "[imap][store][keywords][condstore]")
{
    TestServer server;
    server.lmtp().deliver({"alice@example.org"}, kSuspect);
    auto client = server.imap(), other = server.imap();
    client.select();
    other.select();
    CHECK(client.talk("STORE 1 FLAGS.SILENT (\\Seen)") == Lines{"OK STORE completed"});
    CHECK(client.talk("NOOP") == Lines{"OK NOOP completed"});
    CHECK(other.talk("NOOP").front() == "* 1 FETCH (FLAGS (\\Seen $Suspicious))");
}

TEST_CASE("a keyword that the server sets or clears moves MODSEQ, and every session hears of it", "[imap][condstore][keywords][rfc7162]")
{
    TestServer server;
    server.fill(1);
    auto client = server.imap();
    client.talk("ENABLE CONDSTORE");
    client.select();
    const auto modseq = [&] {
        const std::string line = client.talk("FETCH 1 MODSEQ").front();
        const auto at = line.find("MODSEQ (") + 8;
        return std::stoull(line.substr(at));
    };
    const auto before = modseq();
    mark(server, store::FlagChange::add, "$Unscanned");
    const auto news = client.talk("NOOP");
    CHECK_THAT(lineWith(news, "* FLAGS"), ContainsSubstring("$Unscanned"));
    CHECK_THAT(lineWith(news, "PERMANENTFLAGS"), !ContainsSubstring("$Unscanned"));
    CHECK_THAT(lineWith(news, "FETCH"), ContainsSubstring("$Unscanned"));
    const auto marked = modseq();
    CHECK(marked > before);
    mark(server, store::FlagChange::remove, "$Unscanned");
    CHECK_THAT(lineWith(client.talk("NOOP"), "FETCH"), !ContainsSubstring("$Unscanned"));
    CHECK(modseq() > marked);
    CHECK(client.talk("FETCH 1 FLAGS (CHANGEDSINCE " + std::to_string(marked) + ")").size() == 2);
}
