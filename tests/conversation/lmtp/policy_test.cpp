// What becomes of mail that is not clean: each recipient's own policy, his domain's, the configuration's. The scanner of these tests
// finds what a mail says of itself: "FOUND: macros".
#include "server/base/hash.h"
#include "server/base/limits.h"
#include "server/delivery/delivery.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <string>

using namespace postfach;
using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;
using store::ScanAction;
using store::ScanPolicy;

namespace {

std::string mailWith(const std::string& words) { return "From: a@b.example\r\nSubject: x\r\n\r\n" + words + "\r\n"; }
std::string found(const std::string& what) { return mailWith("FOUND: " + what); }

void setPolicy(TestServer& server, const std::string& whose, ScanPolicy::Line line, std::optional<ScanAction> action)
{
    server.store().writeAndWait([&](store::WriteTx& tx) {
        ScanPolicy policy;
        policy.actions[line] = action;
        if (whose.find('@') == std::string::npos)
            return tx.changeDomain(whose, {{}, policy});
        store::AccountPatch patch;
        patch.scan = policy;
        tx.changeAccount(tx.findAccount(whose)->id, patch);
    });
}

std::string deliver(TestServer& server, const std::string& mail, const std::string& to = "alice@example.org")
{
    return server.lmtp().deliver({to}, mail).at(0);
}

std::string flagsOfLast(TestServer& server, const std::string& user = "alice@example.org")
{
    auto imap = server.imap(user);
    imap.examine();
    return imap.talk("FETCH * FLAGS").at(0);
}

std::size_t quarantined(TestServer& server) { return server.store().read()->quarantine({}).size(); }

} // namespace

TEST_CASE("what is no infection is delivered with a mark that tells it, unless somebody says otherwise", "[lmtp][scan][policy]")
{
    TestServer server;
    const std::pair<const char*, const char*> marks[] = {
        {"encrypted", "$Encrypted"}, {"limit", "$Unscanned"},     {"timeout", "$Unscanned"},     {"broken", "$Unscanned"},
        {"macros", "$Suspicious"},   {"phishing", "$Suspicious"}, {"attachment", "$Suspicious"},
    };
    for (const auto& [what, mark] : marks) {
        CAPTURE(what);
        CHECK_THAT(deliver(server, found(what)), StartsWith("250"));
        const std::string flags = flagsOfLast(server);
        for (const auto own : store::kServerKeywords)
            CHECK((flags.find(own) != std::string::npos) == (own == mark));
    }
    CHECK_THAT(deliver(server, mailWith("FOUND: encrypted\r\nFOUND: macros")), StartsWith("250"));
    CHECK_THAT(flagsOfLast(server), ContainsSubstring("$Encrypted") && ContainsSubstring("$Suspicious") && !ContainsSubstring("$Unscanned"));
    CHECK_THAT(deliver(server, mailWith("nothing")), StartsWith("250"));
    CHECK_THAT(flagsOfLast(server), !ContainsSubstring("$"));
    CHECK(quarantined(server) == 0);
}

TEST_CASE("whose keywords are used up gets marked mail all the same", "[lmtp][scan][policy][keywords]")
{
    TestServer server;
    server.store().writeAndWait([](store::WriteTx& tx) {
        const auto alice = tx.findAccount("alice@example.org")->id;
        for (int i = 0; i < base::limits::kKeywordsPerAccount; ++i)
            tx.keyword(alice, "word" + std::to_string(i));
    });
    CHECK_THAT(deliver(server, found("encrypted")), StartsWith("250"));
    CHECK_THAT(flagsOfLast(server), ContainsSubstring("$Encrypted"));
    auto imap = server.imap();
    imap.select();
    CHECK_THAT(imap.talk("STORE 1 +FLAGS (one-more)").back(), StartsWith("NO [LIMIT]"));
}

TEST_CASE("each line of the configuration has its own answer, and a reload changes it", "[lmtp][scan][policy][reload]")
{
    const std::pair<const char*, const char*> lines[] = {
        {"encrypted", "encrypted"}, {"limits", "limit"},           {"unscannable", "timeout"}, {"unscannable", "broken"},
        {"macros", "macros"},       {"attachments", "attachment"}, {"phishing", "phishing"},
    };
    TestServer server;
    for (const auto& [line, what] : lines) {
        CAPTURE(line, what);
        const std::string key = std::string("scanner.") + line;
        server.configure(key, "reject");
        server.reload();
        CHECK_THAT(deliver(server, found(what)), StartsWith("550 5.7.1") && ContainsSubstring(std::string(what) + ": Fake."));
        for (const auto& [other_line, other] : lines)
            if (std::string(other_line) != line) {
                CAPTURE(other);
                CHECK_THAT(deliver(server, found(other)), StartsWith("250"));
            }
        server.configure(key, "quarantine");
        server.reload();
        const auto before = quarantined(server);
        CHECK_THAT(deliver(server, found(what)), StartsWith("250"));
        REQUIRE(quarantined(server) == before + 1);
        const auto entry = server.store().read()->quarantine({}).back();
        CHECK(entry.reason == what);
        CHECK(entry.signature == std::string(what) + ": Fake." + what);
        if (std::string(line) != "unscannable") {
            server.configure(key, "deliver");
            server.reload();
            CHECK_THAT(deliver(server, found(what)), StartsWith("250"));
            CHECK_THAT(flagsOfLast(server), !ContainsSubstring("$"));
        }
        server.configure(key, "mark");
        server.reload();
    }
}

TEST_CASE("one mail for several has for each of them his own outcome", "[lmtp][scan][policy]")
{
    TestServer server;
    server.addAccount("carol@example.net");
    server.addAccount("dave@example.net");
    setPolicy(server, "alice@example.org", ScanPolicy::macros, ScanAction::reject);
    setPolicy(server, "example.net", ScanPolicy::macros, ScanAction::quarantine);
    setPolicy(server, "dave@example.net", ScanPolicy::macros, ScanAction::deliver); // an account's before its domain's
    const auto answers =
        server.lmtp().deliver({"alice@example.org", "bob@example.org", "carol@example.net", "dave@example.net"}, found("macros"));
    REQUIRE(answers.size() == 4);
    CHECK_THAT(answers[0], StartsWith("550 5.7.1") && ContainsSubstring("macros"));
    for (const std::size_t i : {1U, 2U, 3U})
        CHECK_THAT(answers[i], StartsWith("250"));
    CHECK(server.scanner().scans == 1);
    CHECK(server.pop3("alice@example.org").talk("STAT") == "+OK 0 0");
    CHECK_THAT(flagsOfLast(server, "bob@example.org"), ContainsSubstring("$Suspicious"));
    CHECK_THAT(flagsOfLast(server, "dave@example.net"), !ContainsSubstring("$"));
    const std::string notice = server.pop3("carol@example.net").retrieve("RETR 1");
    CHECK_THAT(notice, ContainsSubstring("Subject: Quarantined: x") && ContainsSubstring("macros") && !ContainsSubstring("harmful"));
    REQUIRE(quarantined(server) == 1);
    CHECK(server.store().read()->quarantine({}).front().address == "carol@example.net");

    // Released, it comes with the mark it would have had.
    const auto id = server.store().read()->quarantine({}).front().id;
    server.store().writeAndWait([&](store::WriteTx& tx) { tx.releaseQuarantine(id); });
    CHECK_THAT(flagsOfLast(server, "carol@example.net"), ContainsSubstring("$Suspicious"));

    setPolicy(server, "example.net", ScanPolicy::macros, std::nullopt);
    CHECK_THAT(deliver(server, found("macros"), "carol@example.net"), StartsWith("250"));
    CHECK(quarantined(server) == 0);
}

TEST_CASE("real malware is judged as malware, whatever heuristics say besides, and of heuristics the strictest counts", "[lmtp][scan][policy]")
{
    TestServer server;
    setPolicy(server, "alice@example.org", ScanPolicy::macros, ScanAction::reject);
    CHECK_THAT(deliver(server, mailWith("FOUND: macros\r\nFOUND: encrypted\r\n" + eicar())), StartsWith("250"));
    REQUIRE(quarantined(server) == 1);
    CHECK(server.store().read()->quarantine({}).front().signature == "Eicar-Test-Signature");
    CHECK(server.store().read()->quarantine({}).front().reason == "infected");

    CHECK_THAT(deliver(server, mailWith("FOUND: encrypted\r\nFOUND: macros")), StartsWith("550 5.7.1") && ContainsSubstring("macros"));
    setPolicy(server, "alice@example.org", ScanPolicy::infected, ScanAction::reject);
    CHECK_THAT(deliver(server, mailWith(eicar())), StartsWith("550 5.7.1") && ContainsSubstring("Eicar"));
    CHECK(quarantined(server) == 1);
}

TEST_CASE("without a verdict no policy lets a mail in that a name speaks against", "[lmtp][scan][policy]")
{
    TestServer::Settings settings;
    settings.config = {{"scanner.unavailable", "accept"}, {"scanner.attachments", "reject"}};
    TestServer server(settings);
    server.scanner().available = false;
    const std::string mail = "Content-Type: application/octet-stream; name=a.exe\r\n\r\nx\r\n";
    CHECK_THAT(deliver(server, mail), StartsWith("550 5.7.1") && ContainsSubstring("a.exe"));
    CHECK_THAT(deliver(server, mailWith("x")), StartsWith("250"));
    CHECK_THAT(flagsOfLast(server), ContainsSubstring("$Unscanned"));
}

TEST_CASE("an attachment is known by its name in whatever way the name is written", "[lmtp][scan][policy][attachments]")
{
    TestServer::Settings settings;
    settings.config = {{"scanner.attachments", "reject"}};
    TestServer server(settings);
    const auto attached = [](const std::string& header) { return "MIME-Version: 1.0\r\n" + header + "\r\n\r\nx\r\n"; };
    for (const std::string header : {
             "Content-Type: image/png; name=\"setup.exe\"",
             "Content-Disposition: attachment; filename=SETUP.EXE",
             "Content-Disposition: attachment; filename=\"invoice.pdf.js\"",
             "Content-Disposition: attachment; filename=\"setup.exe. . \"",
             "Content-Disposition: attachment; filename=\"setup.exe::$DATA\"",
             "Content-Disposition: attachment; filename=\"note.txt.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}\"",
             "Content-Disposition: attachment; filename*=utf-8''setup%2Eexe",
             "Content-Disposition: attachment; filename*0=setup.; filename*1=exe",
             "Content-Disposition: attachment; filename=\"=?utf-8?B?c2V0dXAuZXhl?=\"",
             "Content-Type: application/x; name=harmless.txt\r\nContent-Disposition: attachment; filename=\"disk.iso\"",
             "Content-Type: application/x; name=\"disk.iso\"\r\nContent-Disposition: attachment; filename=harmless.txt",
         }) {
        CAPTURE(header);
        CHECK_THAT(deliver(server, attached(header)), StartsWith("550 5.7.1") && ContainsSubstring("attachment: "));
    }
    CHECK_THAT(deliver(server, mailWith("begin 644 setup.exe\r\n#0V%T\r\n`\r\nend")), StartsWith("550"));
    CHECK_THAT(deliver(server, mailWith("=ybegin line=128 size=1 name=setup.exe\r\nk\r\n=yend size=1")), StartsWith("550"));
    for (const std::string name : {"setup.exe.txt", "exe", "report.pdf", "photo.jpeg", ".profile", "a.executable"}) {
        CAPTURE(name);
        CHECK_THAT(deliver(server, attached("Content-Disposition: attachment; filename=\"" + name + '"')), StartsWith("250"));
    }
    CHECK_THAT(deliver(server, mailWith("begin 644 is how it begins, says setup.txt")), StartsWith("250"));

    server.configure("scanner.attachment_types", "docm");
    server.reload();
    CHECK_THAT(deliver(server, attached("Content-Type: image/png; name=setup.exe")), StartsWith("250"));
    CHECK_THAT(deliver(server, attached("Content-Type: image/png; name=letter.docm")), StartsWith("550"));
}

TEST_CASE("what would be quarantined is refused to the author of an APPEND and kept aside from an import", "[lmtp][append][scan][policy]")
{
    TestServer server;
    setPolicy(server, "alice@example.org", ScanPolicy::encrypted, ScanAction::quarantine);
    auto imap = server.imap();
    CHECK_THAT(imap.append("INBOX", found("encrypted")).back(), StartsWith("NO [CANNOT] ") && ContainsSubstring("encrypted: Fake"));
    CHECK_THAT(imap.append("INBOX", found("macros")).back(), StartsWith("OK"));
    imap.examine();
    CHECK_THAT(imap.talk("FETCH * FLAGS").at(0), StartsWith("* 1 ") && ContainsSubstring("$Suspicious"));
    CHECK(quarantined(server) == 0);

    const auto alice = server.store().read()->findAccount("alice@example.org").value();
    auto& door = server.appliance().delivery();
    CHECK(door.import(alice, "INBOX", {}, found("encrypted")).outcome == delivery::Outcome::quarantined);
    CHECK(quarantined(server) == 1);
    setPolicy(server, "alice@example.org", ScanPolicy::encrypted, ScanAction::reject);
    const auto refused = door.import(server.store().read()->findAccount("alice@example.org").value(), "INBOX", {}, found("encrypted"));
    CHECK(refused.outcome == delivery::Outcome::refused);
    CHECK(refused.detail == "encrypted: Fake.encrypted");
}

TEST_CASE("what was allowed for good is not found again, until that ends", "[lmtp][scan][policy][allowance]")
{
    TestServer::Settings settings;
    settings.config = {{"scanner.macros", "reject"}};
    TestServer server(settings);
    using Kind = store::Allowance::Kind;
    const auto allow = [&](Kind kind, const std::string& what, std::optional<base::Time> expires = {}) {
        server.store().writeAndWait([&](store::WriteTx& tx) { tx.putAllowance({kind, what, {}, expires, "test"}); });
    };
    const std::string mail = found("macros");
    CHECK_THAT(deliver(server, mail), StartsWith("550"));
    SECTION("by what was found, the rest is found as before")
    {
        allow(Kind::signature, "Fake.macros");
        CHECK_THAT(deliver(server, mail), StartsWith("250"));
        CHECK_THAT(flagsOfLast(server), !ContainsSubstring("$"));
        CHECK_THAT(deliver(server, mailWith("FOUND: macros\r\n" + eicar())), StartsWith("250"));
        CHECK(quarantined(server) == 1);
        server.store().writeAndWait([&](store::WriteTx& tx) { tx.removeAllowance(Kind::signature, "Fake.macros"); });
    }
    SECTION("by the content, whoever sends it to whom")
    {
        allow(Kind::content, base::hex(base::sha256(mail)));
        CHECK_THAT(deliver(server, mail, "bob@example.org"), StartsWith("250"));
        CHECK_THAT(server.imap().append("INBOX", mail).back(), StartsWith("OK"));
        CHECK_THAT(deliver(server, found("macros") + "more\r\n"), StartsWith("550"));
        server.store().writeAndWait([&](store::WriteTx& tx) { tx.removeAllowance(Kind::content, base::hex(base::sha256(mail))); });
    }
    SECTION("for a while")
    {
        allow(Kind::signature, "Fake.macros", server.clock().now() + std::chrono::hours(1));
        CHECK_THAT(deliver(server, mail), StartsWith("250"));
        server.clock().advance(std::chrono::hours(1));
    }
    CHECK_THAT(deliver(server, mail), StartsWith("550"));
}

TEST_CASE("an allowance clears what it names, and not what lies beside it", "[lmtp][scan][policy][allowance]")
{
    TestServer::Settings settings;
    settings.config = {{"scanner.attachments", "reject"}};
    TestServer server(settings);
    const auto allow = [&](const std::string& what) {
        server.store().writeAndWait([&](store::WriteTx& tx) { tx.putAllowance({store::Allowance::Kind::signature, what, {}, {}, "test"}); });
    };
    std::string all;
    for (const std::string word : {"alpha", "beta", "gamma", "delta", "epsilon"}) {
        server.scanner().learn(word, "Test." + word);
        all += word + ' ';
    }
    allow("Test.alpha");
    CHECK_THAT(deliver(server, mailWith("alpha")), StartsWith("250"));
    CHECK(quarantined(server) == 0);
    deliver(server, mailWith("alpha gamma"));
    REQUIRE(quarantined(server) == 1);
    CHECK(server.store().read()->quarantine({}).front().signature == "Test.gamma");

    // However many are allowed: what no longer had a place of its own is not cleared with them.
    for (const char* word : {"Test.beta", "Test.delta", "Test.epsilon"})
        allow(word);
    deliver(server, mailWith(all));
    REQUIRE(quarantined(server) == 2);
    allow("Test.epsilon and others");
    deliver(server, mailWith(all + "once more"));
    CHECK(quarantined(server) == 3);

    const auto attached = [](const std::string& name) { return "--b\r\nContent-Disposition: attachment; filename=" + name + "\r\n\r\nx\r\n"; };
    const std::string mixed = "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    allow("report.exe");
    CHECK_THAT(deliver(server, mixed + attached("report.exe") + "--b--\r\n"), StartsWith("250"));
    CHECK_THAT(deliver(server, mixed + attached("report.exe") + attached("evil.exe") + "--b--\r\n"), ContainsSubstring("attachment: evil.exe"));
}

TEST_CASE("the verdict on a content is kept with what said it", "[lmtp][scan][policy]")
{
    TestServer server;
    deliver(server, found("macros"));
    const auto tx = server.store().read();
    const auto inbox = tx->findMailbox(tx->findAccount("alice@example.org")->id, "INBOX").value();
    const auto record = tx->scanRecord(server.store().view(inbox.id)->now().at(0).body);
    CHECK(record.verdict == store::ScanRecord::Verdict::suspicious);
    CHECK(record.reason == "macros");
    CHECK(record.name == "macros: Fake.macros");
    CHECK(record.signatures == "fake");
    CHECK(record.engine == "0");
}
