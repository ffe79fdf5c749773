// What is no infection and yet said: macros, phishing, documents under a password, attachments by their true type.
#include "scanner/attachment_types.h"
#include "tests/unit/scanner_client/support.h"

#include <algorithm>
#include <utility>

using namespace postfach::scanner;
using namespace postfach::scanner::test;
using namespace std::string_literals;

namespace {

constexpr auto kDefault = "executables, scripts, disk-images";

std::string number(std::uint64_t value, int bytes)
{
    std::string out;
    for (int i = 0; i < bytes; ++i)
        out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
}

std::string entry(const std::string& name, int type, std::uint32_t child, std::uint32_t first, std::uint64_t size)
{
    std::string wide;
    for (const char c : name)
        wide += {c, '\0'};
    wide.resize(64, '\0');
    return wide + number(2 * name.size() + 2, 2) + number(static_cast<std::uint64_t>(type), 1) + '\1' + std::string(8, '\xff') + number(child, 4)
         + std::string(36, '\0') + number(first, 4) + number(size, 8);
}

// A compound file (MS-CFB) with one stream: a table of sectors, a directory, the stream.
std::string compound(const std::string& name, std::string stream)
{
    constexpr std::size_t kSector = 512;
    constexpr std::uint32_t kEnd = 0xFFFFFFFE, kFree = 0xFFFFFFFF;
    stream.resize(std::max<std::size_t>((stream.size() + kSector - 1) / kSector * kSector, 4096), '\0');
    const auto sectors = static_cast<std::uint32_t>(stream.size() / kSector);
    std::string head = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s + std::string(16, '\0') + number(0x3E, 2) + number(3, 2) + number(0xFFFE, 2) + number(9, 2)
                     + number(6, 2) + std::string(10, '\0') + number(1, 4) + number(1, 4) + number(0, 4) + number(4096, 4) + number(kEnd, 4)
                     + number(0, 4) + number(kEnd, 4) + number(0, 4) + number(0, 4);
    while (head.size() < kSector)
        head += number(kFree, 4);
    std::string table = number(0xFFFFFFFD, 4) + number(kEnd, 4);
    for (std::uint32_t i = 0; i < sectors; ++i)
        table += number(i + 1 == sectors ? kEnd : i + 3, 4);
    while (table.size() < kSector)
        table += number(kFree, 4);
    std::string directory = entry("Root Entry", 5, 1, kEnd, 0) + entry(name, 2, kFree, 2, stream.size());
    directory.resize(kSector, '\0');
    return head + table + directory + stream;
}

// A workbook that has a sheet of Excel 4 macros (MS-XLS 2.4.28).
std::string macroWorkbook()
{
    const std::string begin = number(0x0809, 2) + number(16, 2) + number(0x0600, 2) + number(5, 2) + std::string(12, '\0');
    const std::string sheet = number(0x0085, 2) + number(14, 2) + number(100, 4) + '\0' + '\1' + number(6, 1) + '\0' + "Macro1";
    return compound("Workbook", begin + sheet + number(0x000A, 2) + number(0, 2));
}

std::string iso()
{
    std::string image(64 * 1024, '\0');
    image.replace(32768, 7, "\1CD001\1");
    image.replace(34816, 7, "\xff"
                            "CD001\1");
    return image;
}

std::string elf() { return "\x7f"s + "ELF\2\1\1" + std::string(9, '\0') + number(2, 2) + number(62, 2) + number(1, 4) + std::string(200, '\0'); }
std::string program() { return "MZ" + std::string(58, '\0') + number(64, 4) + std::string("PE\0\0", 4) + std::string(400, '\0'); }

Verdict scan(Scanning& scanning, std::vector<std::string> pieces, const std::string& refused = {})
{
    auto promise = std::make_shared<std::promise<Verdict>>();
    auto future = promise->get_future();
    Content content{std::move(pieces)};
    content.refused = refused;
    scanning.client().scan(std::move(content), [promise](Verdict verdict) { promise->set_value(std::move(verdict)); });
    return future.get();
}

bool has(const Verdict& verdict, Class what)
{
    return std::any_of(verdict.findings.begin(), verdict.findings.end(), [&](const Finding& finding) { return finding.what == what; });
}

} // namespace

TEST_CASE("macros are told as macros, and are no infection", "[scanner][heuristics]")
{
    Scanning scanning;
    const Verdict plainly = scan(scanning, {attach("book.xls", macroWorkbook())});
    CHECK(has(plainly, Class::macros));
    CHECK(plainly.kind == Kind::suspicious);
    CHECK_THAT(plainly.name, Catch::StartsWith("macros: Heuristics.OLE2.ContainsMacros"));
    CHECK(has(scan(scanning, {attach("a.zip", zip("book.xls", macroWorkbook()))}), Class::macros));

    const Verdict both = scan(scanning, {attach("book.xls", macroWorkbook()), eicar()});
    CHECK(both.kind == Kind::infected);
    CHECK_THAT(both.name, Catch::ContainsSubstring("Eicar"));
}

TEST_CASE("a link that shows another address than it leads to is told as phishing", "[scanner][heuristics]")
{
    Scanning scanning([](Options&) {});
    scanning.folder.write("signatures/own.pdb", "H:bank.example\n");
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return status.ready && status.signature_count > 1; }));
    const std::string mail = "From: a@example.org\r\nSubject: your account\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<html><body>"
                             "<a href=\"http://192.0.2.1/login\">https://www.bank.example/login</a></body></html>\r\n";
    const Verdict verdict = scan(scanning, {mail});
    CHECK(verdict.kind == Kind::suspicious);
    CHECK(has(verdict, Class::phishing));
    const std::string honest = "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<html><body>"
                               "<a href=\"https://www.bank.example/login\">https://www.bank.example/login</a></body></html>\r\n";
    CHECK(scan(scanning, {honest}).kind == Kind::clean);
}

TEST_CASE("an Office document under a password is encrypted", "[scanner][unscannable]")
{
    Scanning scanning;
    const Verdict verdict = scan(scanning, {attach("book.xlsx", compound("EncryptedPackage", "locked"))});
    CHECK(verdict.kind == Kind::unscannable);
    CHECK(verdict.name == "encrypted: Office document");
    CHECK(scan(scanning, {attach("book.xls", compound("Workbook", "open"))}).kind == Kind::clean);
}

TEST_CASE("attachments are known by what they are, whatever they are called", "[scanner][attachments]")
{
    Scanning scanning;
    const auto lnk = number(0x4C, 4) + std::string("\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", 16) + std::string(100, '\0');
    const std::pair<const char*, std::string> kinds[] = {
        {"a program", program()}, {"a program of Unix", elf()},           {"an image of a disc", iso()},
        {"a shell script", "#!/bin/sh\nexit 0\n"}, {"a shortcut", lnk}, {"a virtual disk", "vhdxfile" + std::string(600, '\0')},
    };
    for (const auto& [what, bytes] : kinds) {
        CAPTURE(what);
        const Verdict verdict = scan(scanning, {attach("photo.dat", bytes), bytes}, kDefault);
        CHECK(has(verdict, Class::attachment));
        CHECK(has(scan(scanning, {attach("a.zip", zip("photo.dat", bytes))}, kDefault), Class::attachment));
        CHECK_FALSE(has(scan(scanning, {attach("photo.dat", bytes), bytes}), Class::attachment)); // nobody asked
        CHECK_FALSE(has(scan(scanning, {attach("photo.dat", bytes), bytes}, "pdf"), Class::attachment));
    }
    CHECK(has(scan(scanning, {attach("a.zip", zip("folder/setup.exe", "no program at all"))}, kDefault), Class::attachment));
    CHECK(has(scan(scanning, {attach("a.zip", zip("setup.exe", "Hidden from everybody.", {0, 1, 0}))}, kDefault), Class::attachment));
    CHECK(has(scan(scanning, {attach("a.dat", "%PDF-1.4\n1 0 obj\nendobj\n%%EOF\n")}, "pdf"), Class::attachment));
    for (const std::string text : {"MZ is how this letter begins.", "#!/bin/sh begins a script"}) {
        CAPTURE(text);
        CHECK(scan(scanning, {plain(text)}, kDefault).kind == Kind::clean);
    }
    CHECK(scan(scanning, {attach("letter.txt", "MZ is how this letter begins, and it goes on for a while after that, as letters do.")}, kDefault).kind
          == Kind::clean);
}

TEST_CASE("a name is judged as an operating system would take it", "[scanner][attachments]")
{
    const AttachmentTypes types(kDefault);
    for (const std::string& name : {"a.exe"s, "A.EXE"s, "a.pdf.exe"s, "a.exe."s, "a.exe .  "s, "a.exe\t"s, "a.exe\xc2\xa0"s, "x/y\\a.exe"s, "a.exe:stream"s,
                                   "a.exe\0.txt"s, "a.txt.{00000000-0000-0000-0000-000000000000}"s, "\xe2\x80\xae" "fdp.exe"s, ".exe"s, "a.iso"s, "a.lnk"s}) {
        CAPTURE(name);
        CHECK(types.byName(name));
    }
    for (const std::string& name : {""s, "."s, "exe"s, "a.exe.txt"s, "a.execute"s, "aexe"s, "a.docx"s, "a.exe/b.txt"s, "a.{"s}) {
        CAPTURE(name);
        CHECK_FALSE(types.byName(name));
    }
    const AttachmentTypes none("");
    CHECK(none.empty());
    CHECK_FALSE(none.byName("a.exe"));
    CHECK(AttachmentTypes(".DocM xlsm").byName("a.DOCM"));
}

TEST_CASE("a list of attachment types says what is wrong with it", "[scanner][attachments]")
{
    for (const std::string good : {"", "executables", "exe, .scr ,JS\tdocm", "settingcontent-ms"})
        CHECK_FALSE(AttachmentTypes::problemOf(good));
    for (const std::string bad : {"application/x-msdownload", "*.exe", "exe;scr", "a-very-long-word-for-an-extension"})
        CHECK(AttachmentTypes::problemOf(bad));
    CHECK(AttachmentTypes::problemOf(std::string(2'000, 'x')));
}
