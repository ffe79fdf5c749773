// What is no infection and yet said: macros, phishing, documents under a password, attachments by their true type.
#include "scanner/attachment_types.h"
#include "tests/unit/scanner_client/support.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

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

constexpr std::uint32_t kEnd = 0xFFFFFFFE, kFree = 0xFFFFFFFF;

struct Node { // a stream, or a storage with what is in it
    std::string name, stream;
    std::vector<Node> inside;
};

// A compound file (MS-CFB): table of sectors, directory, table of small sectors, small streams, the others.
std::string compound(const std::vector<Node>& nodes)
{
    constexpr std::size_t kSector = 512, kSmallSector = 64, kSmallBelow = 4096;
    struct Entry {
        std::string name, stream;
        int type = 0;
        std::uint32_t child = kFree, right = kFree, first = kEnd;
        std::uint64_t size = 0;
    };
    std::vector<Entry> entries{{"Root Entry", "", 5}};
    const std::function<std::uint32_t(const std::vector<Node>&)> add = [&](const std::vector<Node>& some) {
        std::uint32_t first = kFree, last = kFree;
        for (const Node& node : some) {
            const auto at = static_cast<std::uint32_t>(entries.size());
            entries.push_back({node.name, node.stream, node.inside.empty() ? 2 : 1});
            (last == kFree ? first : entries[last].right) = at;
            last = at;
            const std::uint32_t child = add(node.inside);
            entries[at].child = child;
        }
        return first;
    };
    const std::uint32_t top = add(nodes);
    entries[0].child = top;

    const auto padded = [](std::string bytes, std::size_t to) {
        bytes.resize((bytes.size() + to - 1) / to * to, '\0');
        return bytes;
    };
    std::string small, small_table;
    for (Entry& entry : entries) {
        entry.size = entry.stream.size();
        if (entry.type != 2 || entry.size >= kSmallBelow || entry.size == 0)
            continue;
        entry.first = static_cast<std::uint32_t>(small.size() / kSmallSector);
        small += padded(entry.stream, kSmallSector);
        while (small_table.size() / 4 < small.size() / kSmallSector)
            small_table += number(small_table.size() / 4 + 1, 4);
        small_table.replace(small_table.size() - 4, 4, number(kEnd, 4));
    }
    std::vector<std::string> pieces{std::string(kSector, '\0'), padded(std::string(entries.size() * 128, '\0'), kSector)};
    std::vector<std::uint32_t> begins{0, 1};
    std::uint32_t sector = 1 + static_cast<std::uint32_t>(pieces[1].size() / kSector);
    const auto place = [&](const std::string& bytes) {
        begins.push_back(sector);
        pieces.push_back(padded(bytes, kSector));
        sector += static_cast<std::uint32_t>(pieces.back().size() / kSector);
        return begins.back();
    };
    std::uint32_t small_table_at = kEnd;
    if (!small.empty()) {
        small_table_at = place(small_table);
        entries[0].first = place(small);
        entries[0].size = small.size();
    }
    for (Entry& entry : entries)
        if (entry.type == 2 && entry.size >= kSmallBelow)
            entry.first = place(entry.stream);
    std::string table;
    for (std::size_t piece = 0; piece < pieces.size(); ++piece)
        for (std::size_t at = 0; at < pieces[piece].size(); at += kSector)
            table += number(piece == 0 ? 0xFFFFFFFD : at + kSector == pieces[piece].size() ? kEnd : table.size() / 4 + 1, 4);
    REQUIRE(table.size() <= kSector);
    while (table.size() < kSector)
        table += number(kFree, 4);
    std::string directory;
    for (const Entry& entry : entries) {
        std::string wide;
        for (const char c : entry.name)
            wide += {c, '\0'};
        wide.resize(64, '\0');
        directory += wide + number(2 * entry.name.size() + 2, 2) + number(static_cast<std::uint64_t>(entry.type), 1) + '\1' + number(kFree, 4)
                   + number(entry.right, 4) + number(entry.child, 4) + std::string(36, '\0') + number(entry.first, 4) + number(entry.size, 8);
    }
    pieces[0] = table;
    pieces[1] = padded(directory, kSector);
    std::string file = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s + std::string(16, '\0') + number(0x3E, 2) + number(3, 2) + number(0xFFFE, 2) + number(9, 2)
                     + number(6, 2) + std::string(10, '\0') + number(1, 4) + number(1, 4) + number(0, 4) + number(kSmallBelow, 4)
                     + number(small_table_at, 4) + number(small.empty() ? 0 : small_table.size() / kSector + 1, 4) + number(kEnd, 4) + number(0, 4)
                     + number(0, 4);
    while (file.size() < kSector)
        file += number(kFree, 4);
    for (const std::string& piece : pieces)
        file += piece;
    return file;
}

std::string large(std::string stream)
{
    stream.resize(std::max<std::size_t>(stream.size(), 4096), '\0');
    return stream;
}

std::string compound(const std::string& name, const std::string& stream) { return compound({{name, large(stream), {}}}); }

// A workbook that has a sheet of Excel 4 macros (MS-XLS 2.4.28).
std::string macroWorkbook()
{
    const std::string begin = number(0x0809, 2) + number(16, 2) + number(0x0600, 2) + number(5, 2) + std::string(12, '\0');
    const std::string sheet = number(0x0085, 2) + number(14, 2) + number(100, 4) + '\0' + '\1' + number(6, 1) + '\0' + "Macro1";
    return compound("Workbook", begin + sheet + number(0x000A, 2) + number(0, 2));
}

// MS-OVBA 2.4.1, in literals alone: eight of them behind each flag byte.
std::string packed(const std::string& text)
{
    constexpr std::size_t kChunk = 3'640; // with its flags no more than 4,096 bytes
    std::string out = "\1";
    for (std::size_t at = 0; at < text.size(); at += kChunk) {
        const std::string piece = text.substr(at, kChunk);
        std::string data;
        for (std::size_t i = 0; i < piece.size(); i += 8)
            data += '\0' + piece.substr(i, 8);
        out += number(0xB000 | (data.size() - 1), 2) + data;
    }
    return out;
}

// The project of a document that has one module of Visual Basic (MS-OVBA 2.3.4.2).
std::vector<Node> vbaProject(const std::string& source)
{
    const auto record = [](std::uint64_t id, const std::string& data) { return number(id, 2) + number(data.size(), 4) + data; };
    const auto wide = [](const std::string& text) {
        std::string out;
        for (const char c : text)
            out += {c, '\0'};
        return out;
    };
    const std::string module = "Module1";
    const std::string project = record(0x01, number(1, 4)) + record(0x02, number(0x409, 4)) + record(0x14, number(0x409, 4)) + record(0x03, number(1252, 2))
                              + record(0x04, "Project") + record(0x05, "") + record(0x40, "") + record(0x06, "") + record(0x3D, "") + record(0x07, number(0, 4))
                              + record(0x08, number(0, 4)) + number(0x09, 2) + number(4, 4) + number(1, 4) + number(1, 2) + record(0x0C, "")
                              + record(0x3C, "") + record(0x0F, number(1, 2)) + record(0x13, number(0xFFFF, 2)) + record(0x19, module)
                              + record(0x47, wide(module)) + record(0x1A, module) + record(0x32, wide(module)) + record(0x1C, "") + record(0x48, "")
                              + record(0x31, number(0, 4)) + record(0x1E, number(0, 4)) + record(0x2C, number(0xFFFF, 2)) + record(0x21, "")
                              + record(0x2B, "") + record(0x10, "");
    const std::string head = number(0x61CC, 2) + number(0xFFFF, 2) + std::string("\0\0\0", 3);
    return {{"VBA", "", {{"dir", packed(project), {}}, {"_VBA_PROJECT", head, {}}, {module, packed(source), {}}}},
        {"PROJECT", "ID=\"{00000000-0000-0000-0000-000000000000}\"\r\nModule=Module1\r\nName=\"Project\"\r\n", {}}};
}

std::string source(const std::string& line)
{
    return "Attribute VB_Name = \"Module1\"\r\nSub AutoOpen()\r\n    " + line + "\r\nEnd Sub\r\n";
}

std::string macroDocument(const std::string& line)
{
    return compound({{"WordDocument", large(number(0xA5EC, 2) + number(0xC1, 2)), {}}, {"Macros", "", vbaProject(source(line))}});
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

TEST_CASE("Visual Basic in a document is told as macros, and what it says is looked at", "[scanner][heuristics]")
{
    Scanning scanning;
    const std::string harmless = macroDocument("MsgBox \"Good morning\"");
    for (const auto& [name, bytes] : {std::pair("letter.doc"s, harmless), std::pair("a.zip"s, zip("letter.doc", harmless)),
             std::pair("letter.docm"s, zip("word/vbaProject.bin", compound(vbaProject(source("MsgBox \"Good morning\"")))))}) {
        CAPTURE(name);
        const Verdict verdict = scan(scanning, {attach(name, bytes)});
        CHECK(verdict.kind == Kind::suspicious);
        CHECK_THAT(verdict.name, Catch::StartsWith("macros: Heuristics.OLE2.ContainsMacros.VBA"));
    }
    CHECK(scan(scanning, {attach("letter.doc", compound("WordDocument", number(0xA5EC, 2) + number(0xC1, 2)))}).kind == Kind::clean);

    // Its text stands nowhere in the document as it is: a signature of it is found in what libclamav unpacks, in small letters.
    scanning.folder.write("signatures/own.ndb", ndb("Test.Macro", "shell \"quokka /zymurgy\""));
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return status.ready && status.signature_count > 1; }));
    const std::string harmful = macroDocument("Shell \"quokka /zymurgy\"");
    CHECK(harmful.find("quokka /zymurgy") == std::string::npos);
    const Verdict verdict = scan(scanning, {attach("letter.doc", harmful)});
    CHECK(verdict.kind == Kind::infected);
    CHECK_THAT(verdict.name, Catch::ContainsSubstring("Test.Macro"));
    CHECK(has(verdict, Class::macros));
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

TEST_CASE("documents of Word, Excel and PowerPoint before 2007 under a password are encrypted", "[scanner][unscannable]")
{
    Scanning scanning;
    const auto record = [](std::uint64_t type, const std::string& data) { return number(type, 2) + number(data.size(), 2) + data; };
    const std::string begin = record(0x0809, number(0x0600, 2) + number(5, 2) + std::string(12, '\0'));
    const std::string sheet = record(0x0085, number(100, 4) + std::string(2, '\0') + number(6, 1) + '\0' + "Sheet1");
    const std::string end = record(0x000A, "");
    const auto word = [](std::uint64_t flags) { return compound("WordDocument", number(0xA5EC, 2) + number(0xC1, 2) + std::string(6, '\0') + number(flags, 2)); };
    const auto show = [](std::uint64_t token) {
        return compound({{"PowerPoint Document", std::string(5'000, 'x'), {}},
            {"Current User", number(0, 2) + number(0x0FF6, 2) + number(24, 4) + number(20, 4) + number(token, 4) + std::string(40, '\0'), {}}});
    };
    const std::pair<const char*, std::string> locked[] = {
        {"a.doc", word(0x1100)}, {"obfuscated.doc", word(0x9300)},
        {"a.xls", compound("Workbook", begin + record(0x002F, number(1, 2) + std::string(52, 'x')) + sheet + end)},
        {"reserved.xls", compound("Workbook", begin + record(0x0086, "") + record(0x002F, std::string(4, 'x')) + sheet + end)},
        {"old.xls", compound("Book", begin + record(0x002F, std::string(4, 'x')) + sheet + end)},
        {"a.ppt", show(0xF3D1C4DF)},
        {"properties.doc", compound({{"WordDocument", large(number(0xA5EC, 2)), {}}, {"encryptedsummary", "locked", {}}})},
        {"envelope.docx", compound({{"EncryptionInfo", std::string(200, 'x'), {}}, {"EncryptedPackage", "locked", {}}})},
        {"deep.doc", compound({{"Folder", "", {{"EncryptedSummary", "locked", {}}}}, {"WordDocument", large(number(0xA5EC, 2)), {}}})},
    };
    for (const auto& [name, bytes] : locked) {
        CAPTURE(name);
        CHECK(scan(scanning, {attach(name, bytes)}).name == "encrypted: Office document");
        CHECK(has(scan(scanning, {attach("a.zip", zip(name, bytes))}), Class::encrypted));
    }
    const std::pair<const char*, std::string> open[] = {
        {"a.doc", word(0x1000)}, {"no.doc", compound("WordDocument", number(0x1234, 2) + std::string(8, '\0') + number(0x1100, 2))},
        {"a.xls", compound("Workbook", begin + sheet + record(0x002F, std::string(4, 'x')) + end)},
        {"no.xls", compound("Workbook", record(0x002F, std::string(4, 'x')) + begin)},
        {"a.ppt", show(0xE391C05F)}, {"other.ole", compound("Contents", number(0xA5EC, 2) + std::string(8, '\0') + number(0x1100, 2))},
    };
    for (const auto& [name, bytes] : open) {
        CAPTURE(name);
        CHECK_FALSE(has(scan(scanning, {attach(name, bytes)}), Class::encrypted));
    }
    // Chains that bite their tails, sizes that lie, sectors that are not there: an answer comes, whatever it is.
    const std::string good = show(0xF3D1C4DF);
    for (std::size_t at = 0; at < good.size(); at += at < 1'600 ? 4 : 64)
        for (const std::uint32_t value : {0U, 1U, 3U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
            std::string bad = good;
            bad.replace(at, 4, number(value, 4));
            if (at % 96 == 0 || value == 1U)
                CHECK(scan(scanning, {attach("a.ppt", bad)}).kind != Kind::error);
        }
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
