#include "admin/cli/mail_source.h"
#include "server/base/error.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace postfach::admin;
namespace base = postfach::base;
namespace fs = std::filesystem;

namespace {
struct Folder {
    Folder()
    {
        std::string pattern = (fs::temp_directory_path() / "postfach-admin-XXXXXX").string();
        path = mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    std::string write(const std::string& name, const std::string& bytes) const
    {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name, std::ios::binary) << bytes;
        return (path / name).string();
    }
    fs::path path;
};

std::vector<std::string> entries(const std::string& mbox)
{
    std::vector<std::string> out;
    eachMboxEntry(mbox, [&](const MboxEntry& entry) { out.push_back(unquoted(entry.raw)); });
    return out;
}

struct Found {
    FoundMail mail;
    std::string bytes;
};
std::vector<Found> all(const std::string& path, std::size_t most = 1'000'000)
{
    std::vector<Found> out;
    eachMail(path, '/', most, [&](const FoundMail& mail, std::string_view bytes) { out.push_back({mail, std::string(bytes)}); });
    return out;
}
} // namespace

TEST_CASE("An mbox gives back the messages that were put into it", "[admin][import][mbox]")
{
    CHECK(entries("").empty());
    CHECK(entries("From a@b Mon Nov 23 12:00:00 2026\nSubject: 1\n\nbody\n\nFrom c@d Mon Nov 23 12:00:01 2026\nSubject: 2\n\nmore\n\n")
          == std::vector<std::string>{"Subject: 1\n\nbody\n", "Subject: 2\n\nmore\n"});
    SECTION("a text's own From is no separator")
    {
        CHECK(entries("From x Mon Nov 23 12:00:00 2026\nA: b\n\nHello\n\nFrom here on: all is well\n\nand on\nFrom me\n\n").size() == 1);
    }
    SECTION("some programs leave out the empty line")
    {
        CHECK(entries("From x Mon Nov 23 12:00:00 2026\nA: b\n\nbody\nFrom y Mon Nov 23 12:00:00 2026\nA: c\n\nmore\n")
              == std::vector<std::string>{"A: b\n\nbody\n", "A: c\n\nmore\n"});
    }
    SECTION("one '>' before From goes, and only one")
    {
        CHECK(entries("From x Mon Nov 23 12:00:00 2026\nA: b\n\n>From you\n>>From me\n> From us\n>x\n\n")
              == std::vector<std::string>{"A: b\n\nFrom you\n>From me\n> From us\n>x\n"});
    }
    SECTION("CRLF, no empty line at the end, a message without a body")
    {
        CHECK(entries("From x Mon Nov 23 12:00:00 2026\r\nA: b\r\n\r\nhi\r\n\r\nFrom y Mon Nov 23 12:00:00 2026\r\nA: c\r\n\r\nend")
              == std::vector<std::string>{"A: b\r\n\r\nhi\r\n", "A: c\r\n\r\nend"});
        CHECK(entries("From x\nA: b\n\nFrom - Mon Nov 23 12:00:00 2026\nA: c\n\n") == std::vector<std::string>{"A: b\n", "A: c\n"});
    }
}

TEST_CASE("The date of the From line is the date of the message", "[admin][import][mbox]")
{
    std::vector<std::string> dates;
    eachMboxEntry("From a@b Mon Nov 23 12:34:56 2026\nA: b\n\nx\n\nFrom a b Tue Nov  3 01:02 +0100 2026\nA: b\n\nx\n\nFrom nobody\nA: b\n\nx\n",
                  [&](const MboxEntry& entry) { dates.push_back(entry.date ? base::rfc3339(*entry.date) : "none"); });
    CHECK(dates == std::vector<std::string>{"2026-11-23T12:34:56.000Z", "2026-11-03T01:02:00.000Z", "none"});
}

TEST_CASE("Flags, keywords and folders of a Maildir are understood", "[admin][import][maildir]")
{
    Folder folder;
    folder.write("cur/1.a:2,FS", "A: 1\n\n");
    folder.write("new/2.b", "A: 2\n\n");
    folder.write("tmp/3.c", "half a message");
    folder.write(".Sent.2026/cur/4.d:2,RTDa", "A: 4\n\n");
    folder.write(".Sent.2026/dovecot-keywords", "0 $Label1\n");
    folder.write(".Entw&APw-rfe/cur/5.e:2,", "A: 5\n\n");
    folder.write("Work/cur/6.f:2,P", "A: 6\n\n");
    fs::create_directory_symlink("/", folder.path / "elsewhere");
    const auto found = all(folder.path.string());
    REQUIRE(found.size() == 5);
    CHECK(found[0].mail.mailbox.empty());
    CHECK(found[0].mail.flags == std::vector<std::string>{"flagged", "seen"});
    CHECK(found[1].mail.flags.empty());
    CHECK(found[2].mail.mailbox == "Entw\xC3\xBCrfe");
    CHECK(found[3].mail.mailbox == "Sent/2026");
    CHECK(found[3].mail.flags == std::vector<std::string>{"answered", "deleted", "draft"});
    CHECK(found[3].mail.keywords == std::vector<std::string>{"$Label1"});
    CHECK(found[4].mail.mailbox == "Work");
    CHECK(found[4].mail.keywords == std::vector<std::string>{"$Forwarded"});
}

TEST_CASE("Single messages, folders of them, and what is neither", "[admin][import]")
{
    Folder folder;
    const auto eml = folder.write("mail/a.eml", "Date: Sun, 1 Mar 2026 09:30:00 +0000\r\nA: 1\r\n\r\nx");
    CHECK(all(eml).at(0).bytes.ends_with("\r\n\r\nx"));
    CHECK(base::rfc3339(all(eml)[0].mail.date.value()) == "2026-03-01T09:30:00.000Z");
    folder.write("mail/b.EML", "A: 2\n\n");
    folder.write("mail/readme.txt", "no mail");
    CHECK(all((folder.path / "mail").string()).size() == 2);
    CHECK(all(folder.write("empty.mbox", "")).empty());
    CHECK_THROWS_AS(all((folder.path / "missing").string()), base::Refused);
    fs::create_directory(folder.path / "nothing");
    CHECK_THROWS_AS(all((folder.path / "nothing").string()), base::Refused);
    CHECK_FALSE(all(folder.write("large.eml", std::string(10'000, 'x')), 1'000).at(0).mail.problem.empty());
}

TEST_CASE("What an export writes, an import reads", "[admin][export][maildir]")
{
    Folder folder;
    for (const std::string name : {"INBOX", "Work/2026", "../../etc/passwd", ".hidden", "cur", "a%2Fb", "Gr\xC3\xBC\xC3\x9F"}) {
        MaildirWriter writer((folder.path / folderOf(name, '/')).string());
        writer.add("A: 1\r\n\r\n" + name, 7, base::fromMillis(1'700'000'000'000), {"seen", "draft"}, {"$Label1", "work"});
        writer.finish();
    }
    std::size_t outside = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path))
        outside += entry.path().string().starts_with(folder.path.string()) ? 0 : 1;
    CHECK(outside == 0);
    const auto found = all(folder.path.string());
    REQUIRE(found.size() == 7);
    for (const auto& one : found) {
        CHECK(one.bytes == "A: 1\r\n\r\n" + one.mail.mailbox);
        CHECK(one.mail.flags == std::vector<std::string>{"draft", "seen"});
        CHECK(one.mail.keywords == std::vector<std::string>{"$Label1", "work"});
        CHECK(base::toMillis(one.mail.date.value()) == 1'700'000'000'000);
    }
}

TEST_CASE("Modified UTF-7 that is none stays as it is", "[admin][import][rfc3501-5.1.3]")
{
    CHECK(fromModifiedUtf7("Entw&APw-rfe") == "Entw\xC3\xBCrfe");
    CHECK(fromModifiedUtf7("A &- B") == "A & B");
    CHECK(fromModifiedUtf7("&2D3cqQ-") == "\xF0\x9F\x92\xA9"); // a surrogate pair
    for (const char* name : {"&Jjo", "&2AA-", "&!!-", "&A-"})
        CHECK(fromModifiedUtf7(name) == name);
}
