// What is found, and what must never be called clean. FACTS about libclamav that these tests pin: it says clean for what it
// could not look into, and for mail that it does not take for mail.
#include "tests/unit/scanner_client/support.h"

#include "server/base/text.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <cstdlib>

using namespace postfach::scanner;
using namespace postfach::scanner::test;

namespace {

void checkUnscannable(const Verdict& verdict, const std::string& reason)
{
    CHECK(verdict.kind == Kind::unscannable);
    CHECK_THAT(verdict.name, Catch::StartsWith(reason));
}

std::string bytesOf(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("what cannot be looked into is never clean", "[scanner][unscannable]")
{
    Scanning scanning;
    SECTION("an encrypted archive")
    {
        checkUnscannable(scanning.scan(attach("a.zip", zip("a.txt", "Hidden from everybody.", {0, 1, 0}))), "encrypted");
    }
    SECTION("an archive member packed with a method that nobody here knows")
    {
        checkUnscannable(scanning.scan(attach("a.zip", zip("a.txt", "Packed in an unknown way.", {99, 0, 0}))), "broken");
    }
    SECTION("an archive member that is larger than it says")
    {
        CHECK(scanning.scan(attach("a.zip", zip("a.txt", "Twenty-six bytes of text..", {0, 0, 7}))).kind == Kind::unscannable);
    }
    SECTION("one half of a mail")
    {
        checkUnscannable(scanning.scan("From: a@example.org\r\nContent-Type: message/partial; id=x; number=1; total=2\r\n\r\nHello\r\n"),
                         "broken: message/partial");
        checkUnscannable(scanning.scan("From: a@example.org\r\ncontent-type: (half)\r\n Message/(of a)\r\n\tPARTIAL; id=x\r\n\r\nHello\r\n"),
                         "broken: message/partial");
    }
    SECTION("archives in archives beyond the depth that is opened")
    {
        std::string nested = zip("note.txt", "The innermost note.");
        for (int level = 0; level < 25; ++level)
            nested = zip("inner.zip", nested);
        checkUnscannable(scanning.scan(attach("a.zip", nested)), "limit");
    }
    SECTION("a RAR archive, which this build cannot open")
    {
        const std::string rar = std::string("Rar!\x1a\x07\x00", 7) + std::string(200, 'x');
        CHECK(scanning.scan(attach("a.rar", rar)).kind == Kind::unscannable);
    }
    SECTION("an ACE archive, which libclamav does not know")
    {
        checkUnscannable(scanning.scan(attach("a.ace", std::string(7, '\x31') + "**ACE**" + std::string(200, 'x'))), "broken");
    }
    SECTION("a content larger than is scanned")
    {
        checkUnscannable(scanning.scan(plain(std::string(60U << 20, 'a'))), "limit");
    }
}

TEST_CASE("the test file is found in every wrapping", "[scanner][infected]")
{
    Scanning scanning;
    const auto check = [&](const Verdict& verdict) {
        CHECK(verdict.kind == Kind::infected);
        CHECK_THAT(verdict.name, Catch::ContainsSubstring("Eicar"));
        CHECK(!verdict.signatures.empty());
    };
    SECTION("plain") { check(scanning.scan(plain(eicar()))); }
    SECTION("base64") { check(scanning.scan(attach("a.com", eicar()))); }
    SECTION("zip") { check(scanning.scan(attach("a.zip", zip("a.com", eicar())))); }
    SECTION("zip in zip in a forwarded mail")
    {
        const std::string inner = attach("a.zip", zip("b.zip", zip("a.com", eicar())));
        check(scanning.scan("From: b@example.org\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + inner));
    }
    SECTION("behind a first header that libclamav does not take for mail's")
    {
        for (const std::string header : {"DKIM-Signature: v=1", "X-Spam: no", "Authentication-Results: x", "Content-Type: text/plain"})
            check(scanning.scan(header + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                                + postfach::base::base64(eicar()) + "\r\n"));
    }
    SECTION("only in a further piece, as after decoding yEnc")
    {
        std::string coded;
        for (const char c : eicar())
            coded += static_cast<char>(c + 42);
        const std::string mail = plain("=ybegin line=128 size=68 name=a.com\r\n" + coded + "\r\n=yend size=68");
        check(scanning.scan(std::vector<std::string>{mail, "nothing in this one", eicar()}));
    }
    SECTION("beside an encrypted archive: the real name wins")
    {
        check(scanning.scan(std::vector<std::string>{attach("a.zip", zip("a.txt", "Hidden from everybody.", {0, 1, 0})), eicar()}));
    }
}

TEST_CASE("every name is told, of each piece, and that there are others where they are many", "[scanner][infected]")
{
    Scanning scanning;
    std::string signatures;
    const std::vector<std::string> words{"alphabetical", "betatronics", "gammagraphy", "deltahedron", "epsilontics"};
    for (const std::string& word : words)
        signatures += ndb("Test." + word, word);
    scanning.folder.write("signatures/own.ndb", signatures);
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return status.ready && status.signature_count > 1; }));
    const auto names = [&](std::vector<std::string> pieces) {
        std::set<std::string> found;
        for (const Finding& finding : scanning.scan(std::move(pieces)).findings)
            found.insert(finding.name.substr(0, finding.name.find(".UNOFFICIAL")) + (finding.name.ends_with(" and others") ? " and others" : ""));
        return found;
    };
    CHECK(names({attach("a.zip", zip("a.txt", words[0] + " " + words[1]))}) == std::set<std::string>{"Test." + words[0], "Test." + words[1]});
    CHECK(names({plain(words[0]), words[1]}) == std::set<std::string>{"Test." + words[0], "Test." + words[1]});
    CHECK(names({plain(words[0]), words[1], words[2], words[3], words[4]})
          == std::set<std::string>{"Test." + words[0], "Test." + words[1], "Test." + words[2], "Test." + words[3] + " and others"});
}

TEST_CASE("ordinary mail is clean", "[scanner][clean]")
{
    Scanning scanning;
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    CHECK(scanning.scan(attach("a.zip", zip("folder/notes.txt", "Nothing to find in here."))).kind == Kind::clean);
    CHECK(scanning.scan("").kind == Kind::clean);
    CHECK(scanning.scan(std::vector<std::string>{plain("Good morning."), "", "x", "Good morning, decoded."}).kind == Kind::clean);
    CHECK(scanning.scan(plain("This text speaks of message/partial, in its body.")).kind == Kind::clean);
    const Status status = scanning.client().status();
    CHECK(status.ready);
    CHECK(status.scans == 5);
    CHECK(status.errors == 0);
}

TEST_CASE("a request without any piece or with too many is an error, not a crash", "[scanner]")
{
    Scanning scanning;
    CHECK(scanning.scan(std::vector<std::string>{}).kind == Kind::error);
    CHECK(scanning.scan(std::vector<std::string>(40'000, "piece")).kind == Kind::error);
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    CHECK(scanning.client().status().restarts == 0);
}

TEST_CASE("ClamAV's own test files are all found, as attachments", "[scanner][infected][testfiles]")
{
    const std::string samples = "/usr/share/clamav-testfiles";
    Folder folder;
    const std::string line = folder.path + "/clam.hsb";
    const std::string command = "sigtool --sha256 " + samples + "/clam.exe > " + line + " 2>/dev/null";
    if (!std::filesystem::exists(samples + "/clam.exe") || std::system(command.c_str()) != 0) {
        WARN("skipped: the packages clamav-testfiles and clamav (sigtool) are not installed");
        return;
    }
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(samples)) {
        INFO(entry.path().filename().string());
        // As the server hands it over: the mail, then its decoded attachment. One file is nested so deep that its inside is
        // reached from the attachment only.
        const std::string content = bytesOf(entry.path().string());
        const Verdict verdict = scanning.scan({attach(entry.path().filename().string(), content), content});
        CHECK(verdict.kind == Kind::infected);
        ++files;
    }
    CHECK(files > 40);
    CHECK(scanning.client().status().signature_count == 2);
}
