#include "server/imap/syntax/search.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"

#include <chrono>
#include <cstdint>
#include <fstream>

using namespace postfach;
using imap::BadSyntax;
using imap::Match;
using imap::SearchKey;

namespace {

SearchKey parse(const std::string& text)
{
    imap::Parser args(text);
    return imap::parseSearch(args);
}

std::string repeated(const std::string& text, int times)
{
    std::string out;
    for (int i = 0; i < times; ++i)
        out += text;
    return out;
}

const std::string kMail = "Date: Sun, 1 Mar 2026 00:30:00 +0200\r\n" // written on the 1st, still the 28th in UTC
                          "From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\n"
                          "To: Alice Example\r\n <alice@example.org>\r\n"
                          "Subject: =?iso-8859-1?Q?Gr=FC=DFe?= and\r\n more\r\n"
                          "X-Empty:\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                          "Der F=C3=A4hrmann wartet.\r\n";

// One message, and how often its dear parts were asked for.
struct Case {
    std::string message = kMail;
    store::Flags flags;
    std::vector<std::string> keywords{"$Forwarded", "Work"};
    imap::SearchSubject subject;
    mail::Summary summary;
    int summaries = 0, reads = 0;

    explicit Case(std::string text = kMail) : message(std::move(text)), summary(mail::summarize(message))
    {
        flags.bits = store::Flags::kSeen | (1ULL << 7); // Work
        subject.sequence_number = 3;
        subject.largest_sequence_number = 3;
        subject.uid = store::Uid{30};
        subject.largest_uid = store::Uid{30};
        subject.flags = &flags;
        subject.recent = true;
        subject.size = 1000;
        subject.internal_date = store::Time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 5} + std::chrono::hours{23}};
        subject.modseq = 7;
        subject.now = subject.internal_date + std::chrono::hours{1};
        subject.saved = subject.internal_date + std::chrono::hours{48};
        subject.email_id = [] { return std::string("M1234"); };
        subject.keyword_names = &keywords;
        subject.summary = [this]() -> const mail::Summary& { ++summaries; return summary; };
        subject.bytes = [this]() -> std::string_view { ++reads; return message; };
    }
    Case(const Case&) = delete;

    Match match(const std::string& program, bool allow_summary = true, bool allow_bytes = true)
    {
        return imap::evaluate(parse(program), subject, allow_summary, allow_bytes);
    }
};

// The most memory this process ever had, from now on where the kernel lets us forget what was before.
std::uint64_t mostMemory(bool from_now)
{
    if (from_now)
        std::ofstream("/proc/self/clear_refs") << 5;
    std::ifstream status("/proc/self/status");
    std::string word;
    std::uint64_t kib = 0;
    while (status >> word)
        if (word == "VmHWM:")
            status >> kib;
    return kib * 1024;
}

} // namespace

TEST_CASE("SEARCH programs that break the grammar are refused", "[imap][syntax][search][rfc9051-6.4.4]")
{
    for (const char* text :
         {"", " ", "FOO", "(", ")", "()", "(SEEN", "SEEN)", "SEEN,UNSEEN", "ALL FOO", "NOT", "OR", "OR SEEN", "OR (SEEN) ", "FROM",
         "FROM ", "FROM (a)",
          "HEADER", "HEADER x", "KEYWORD", "KEYWORD \"a\"", "KEYWORD \\Seen", "LARGER", "LARGER x", "LARGER -1",
          "LARGER 99999999999999999999",
          "BEFORE", "BEFORE x", "BEFORE 31-Feb-2026", "SENTON 2026-03-01", "UID", "UID x", "UID 0", "0", "1,",
          "1:99999999999999999999", "$a", "UID $1",
          "OLDER", "OLDER 0", "OLDER -1", "YOUNGER x", "YOUNGER 99999999999", "SAVEDON", "SAVEDBEFORE x", "EMAILID", "THREADID", "FUZZY", "FUZZY FOO",
          "MODSEQ", "MODSEQ x", "MODSEQ \"/flags/\\\\draft\" 7", "MODSEQ \"/flags/\\\\draft\" some 7", "SEEN\xff",
          "SUBJECT \xc3\xa9", "CHARSET",
          "CHARSET UTF-8", "CHARSET UTF-8 ", "FROM J\xc3\xbcrgen"}) {
        INFO(text);
        CHECK_THROWS_AS(parse(text), BadSyntax);
    }
}

TEST_CASE("unknown charsets are named as such", "[imap][syntax][search][threats-20]")
{
    CHECK_THROWS_AS(parse("CHARSET X ALL"), imap::BadCharset);
    CHECK_THROWS_AS(parse("CHARSET \"\" ALL"), imap::BadCharset);
    CHECK_THROWS_AS(parse("CHARSET {3}\r\na\rb ALL"), imap::BadCharset);
    CHECK_THROWS_AS(parse("CHARSET " + std::string(60'000, 'x') + " ALL"), imap::BadCharset);
    CHECK_NOTHROW(parse("charset us-ascii ALL"));
    CHECK_NOTHROW(parse("CHARSET \"utf-8\" ALL"));
    CHECK_NOTHROW(parse("CHARSET ISO-8859-1 ALL"));
    CHECK_NOTHROW(parse("CHARSET KOI8-R ALL"));
}

TEST_CASE("deep, long and wide programs are refused fast", "[imap][syntax][search][threats-8]")
{
    const postfach::test::Work work;
    CHECK_THROWS_AS(parse(repeated("NOT ", 10'000) + "ALL"), BadSyntax);
    CHECK_THROWS_AS(parse(repeated("OR ALL ", 5'000) + "ALL"), BadSyntax);
    CHECK_THROWS_AS(parse(repeated("(", 50'000)), BadSyntax);
    CHECK_THROWS_AS(parse(repeated("(", 50'000) + "ALL" + repeated(")", 50'000)), BadSyntax);
    CHECK_THROWS_AS(parse(repeated("SEEN ", 50'000) + "ALL"), BadSyntax);
    CHECK_NOTHROW(parse(repeated("NOT ", 40) + "ALL"));
    CHECK_NOTHROW(parse(repeated("SEEN ", 150) + "ALL"));
    CHECK(work.seconds() < 1);
}

TEST_CASE("a long field is folded once for all FUZZY keys that look into it", "[imap][syntax][search][rfc6203][threats-20]")
{
    const mail::HeaderKeys keys = mail::readHeaderKeys("To: " + repeated("\xc3\xa9 ", 5'000) + "\r\n\r\n");
    Case one;
    one.subject.keys = [&keys](bool) { return &keys; };
    const auto secondsFor = [&one](int asked) {
        const SearchKey program = parse(repeated("NOT FUZZY TO \"q z\" ", asked) + "ALL");
        return postfach::test::secondsOf([&] {
            for (int i = 0; i < 200; ++i)
                CHECK(imap::evaluate(program, one.subject, false, false) == Match::yes);
        });
    };
    const double one_key = secondsFor(1);
    CHECK(secondsFor(60) < 20 * one_key); // looking costs less than folding
}

TEST_CASE("text is found wherever it stands in a long part, and words in several", "[imap][syntax][search]")
{
    const std::string type = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
                             "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    for (int before = 65'536 - 12; before < 65'536 + 2; ++before) {
        const std::string word = "\xc3\x9c" "berf\xc3\xa4hre";
        Case one(type + repeated("x", before) + word + repeated("y", 70'000) + "\r\n--x\r\n\r\nLast words\r\n--x--\r\n");
        INFO(before);
        for (const char* program :
            {"BODY {12+}\r\n\xc3\x9c" "berf\xc3\xa4hrey", "TEXT {9+}\r\n\xc3\xbc" "berf\xc3\xa4h", "NOT BODY xuberf",
             "BODY yyy BODY {3+}\r\nx\xc3\xbc", "FUZZY BODY \"words uberfahre\"", "FUZZY TEXT \"multipart uberfahre last\"",
             "NOT FUZZY BODY \"words multipart\"", "NOT TEXT nowhere", "OR BODY nowhere BODY last", "NOT (BODY last BODY nowhere)"}) {
            INFO(program);
            CHECK(one.match(program) == Match::yes);
        }
    }
    Case page("Content-Type: text/html\r\n\r\n<p>br<b>ok</b>en</p>\r\n");
    CHECK(page.match("BODY broken BODY \"<b>ok\"") == Match::yes);
    CHECK(page.match("FUZZY BODY \"broken <p>br\"") == Match::yes);
}

TEST_CASE("to search a large text takes little more memory than its message and itself", "[imap][syntax][search][threats-20]")
{
    Case one("Content-Type: text/plain; charset=utf-8\r\n\r\n" + repeated("\xef\xb7\xba", 5'000'000)); // one character that folds to eighteen
    const std::uint64_t before = mostMemory(true);
    CHECK(one.match("NOT FUZZY BODY \"nothing here\"") == Match::yes);
    if (!postfach::test::kIsSanitized) // those keep what was freed
        CHECK(mostMemory(false) < before + 3 * one.message.size());
}

TEST_CASE("every key says yes and no", "[imap][syntax][search][rfc9051-6.4.4]")
{
    struct Row {
        const char* program;
        bool matches;
    };
    const Row rows[] = {
        {"ALL", true}, {"SEEN", true}, {"UNSEEN", false}, {"ANSWERED", false}, {"UNANSWERED", true}, {"DELETED", false},
        {"UNDELETED", true},
        {"DRAFT", false}, {"UNDRAFT", true}, {"FLAGGED", false}, {"UNFLAGGED", true}, {"RECENT", true}, {"OLD", false}, {"NEW", false},
        {"KEYWORD work", true}, {"KEYWORD $Forwarded", false}, {"KEYWORD never", false}, {"UNKEYWORD Work", false},
        {"UNKEYWORD never", true},
        {"3", true}, {"2", false}, {"1:2", false}, {"*", true}, {"5:*", true}, {"1,3", true},
        {"UID 30", true}, {"UID 3", false}, {"UID 31:*", true}, {"UID 31", false}, {"UID *", true},
        {"LARGER 999", true}, {"LARGER 1000", false}, {"SMALLER 1001", true}, {"SMALLER 1000", false},
        {"ON 5-Mar-2026", true}, {"ON 6-Mar-2026", false}, {"BEFORE 5-Mar-2026", false}, {"BEFORE 6-Mar-2026", true},
        {"SINCE 5-Mar-2026", true}, {"SINCE \"6-Mar-2026\"", false},
        {"SENTON 1-Mar-2026", true}, {"SENTON 28-Feb-2026", false}, {"SENTBEFORE 1-Mar-2026", false}, {"SENTSINCE 1-Mar-2026", true},
        {"SENTBEFORE 2-Mar-2026", true}, {"SENTSINCE 2-Mar-2026", false},
        {"MODSEQ 7", true}, {"MODSEQ 8", false}, {"MODSEQ \"/flags/\\\\draft\" all 7", true},
        {"FROM \"J\xc3\x9cRGEN\"", true}, {"FROM j@example", true}, {"FROM alice", false}, {"TO \"example <alice\"", true},
        {"CC \"\"", false}, {"BCC x", false}, {"SUBJECT {6+}\r\nGR\xc3\x9cSS", true}, {"SUBJECT \"gr\xc3\xbc\xc3\x9f\"", true},
        {"SUBJECT \"and more\"", true},
        {"SUBJECT Q?Gr", false}, {"HEADER X-Empty \"\"", true}, {"HEADER X-Empty x", false}, {"HEADER X-None \"\"", false},
        {"HEADER date 2026", true},
        {"BODY \"f\xc3\x84HRMANN\"", true}, {"BODY alice", false}, {"BODY \"\"", true}, {"TEXT alice", true},
        {"TEXT \"F\xc3\xa4hr\"", true}, {"TEXT nothing", false},
        {"CHARSET ISO-8859-1 BODY {7+}\r\nf\xe4hrman", true}, {"CHARSET ISO-8859-1 SUBJECT \"gr\xfc\xdf\"", true},
        {"NOT SEEN", false}, {"NOT NOT SEEN", true}, {"OR UNSEEN SEEN", true}, {"OR UNSEEN ANSWERED", false}, {"SEEN UNSEEN", false},
        {"(SEEN (UNDELETED RECENT))", true}, {"NOT (SEEN FLAGGED)", true}, {"OR (SEEN FLAGGED) (TO alice LARGER 5)", true},
        {"seen  not  flagged ", true},
        {"$", false}, {"UID $", false}, // nothing was saved
        {"OLDER 3600", true}, {"OLDER 3601", false}, {"YOUNGER 3600", true}, {"YOUNGER 3599", false},
        {"SAVEDATESUPPORTED", true}, {"SAVEDON 7-Mar-2026", true}, {"SAVEDON 5-Mar-2026", false}, {"SAVEDBEFORE 7-Mar-2026", false},
        {"SAVEDBEFORE 8-Mar-2026", true}, {"SAVEDSINCE 7-Mar-2026", true}, {"SAVEDSINCE 8-Mar-2026", false},
        {"EMAILID M1234", true}, {"EMAILID m1234", false}, {"THREADID T1", false}, {"NOT THREADID T1", true},
        {"FUZZY SUBJECT \"more AND grusse\"", true}, {"SUBJECT \"more grusse\"", false}, {"FUZZY SUBJECT \"more nothing\"", false},
        {"FUZZY BODY \"fahrmann WARTET\"", true}, {"FUZZY (FROM jurgen TEXT alice)", true}, {"NOT FUZZY FROM jurgen", false},
        {"FUZZY SEEN", true}, {"FUZZY FROM \" \"", true},
    };
    for (const Row& row : rows) {
        INFO(row.program);
        Case one;
        CHECK(one.match(row.program) == (row.matches ? Match::yes : Match::no));
        CHECK(one.summaries <= 1);
        CHECK(one.reads <= 1);
    }
}

TEST_CASE("a message without a readable Date is as old as its arrival", "[imap][syntax][search]")
{
    for (const char* message : {"Subject: x\r\n\r\n", "Date: whenever\r\n\r\n", ""}) {
        Case one(message);
        CHECK(one.match("SENTON 5-Mar-2026") == Match::yes);
        CHECK(one.match("SENTSINCE 6-Mar-2026") == Match::no);
    }
}

TEST_CASE("what may not be looked at is unknown, unless the rest decides", "[imap][syntax][search]")
{
    Case one;
    CHECK(one.match("SUBJECT more", false, false) == Match::unknown);
    CHECK(one.match("NOT SUBJECT more", false, false) == Match::unknown);
    CHECK(one.match("SENTON 1-Mar-2026", false, false) == Match::unknown);
    CHECK(one.match("BODY x", true, false) == Match::unknown);
    CHECK(one.match("UNSEEN SUBJECT more", false, false) == Match::no);
    CHECK(one.match("SUBJECT more UNSEEN", false, false) == Match::no);
    CHECK(one.match("SEEN SUBJECT more", false, false) == Match::unknown);
    CHECK(one.match("OR BODY x SEEN", false, false) == Match::yes);
    CHECK(one.match("OR BODY x UNSEEN", false, false) == Match::unknown);
    CHECK(one.match("NOT (UNSEEN BODY x)", false, false) == Match::yes);
    CHECK(one.summaries == 0);
    CHECK(one.reads == 0);
    CHECK(one.match("SUBJECT more", true, false) == Match::yes);
    CHECK(one.summaries == 1);
}

TEST_CASE("dear things are asked for last, and once", "[imap][syntax][search]")
{
    Case one;
    CHECK(one.match("BODY wartet SUBJECT nothing") == Match::no);
    CHECK(one.reads == 0);
    CHECK(one.match("BODY wartet TEXT wartet NOT BODY nothing SUBJECT more FROM j") == Match::yes);
    CHECK(one.summaries == 2); // once each time
    CHECK(one.reads == 1);
    CHECK(parse("BODY x").needsBytes());
    CHECK(parse("NOT (SEEN TEXT x)").needsBytes());
    CHECK_FALSE(parse("SUBJECT x").needsBytes());
    CHECK(parse("OR SEEN SUBJECT x").needsSummary());
    CHECK(parse("BODY x").needsSummary());
    CHECK_FALSE(parse("SEEN 1:* BODY \"\"").needsSummary());
    CHECK_FALSE(parse("SEEN 1:* BODY \"\"").needsBytes());
}

TEST_CASE("a header too large to be kept is unknown without the bytes and found with them", "[imap][syntax][search]")
{
    Case one("X-Long: " + std::string(20'000, 'a') + "\r\nSubject: here\r\n\r\n");
    CHECK(one.match("SUBJECT here", true, false) == Match::unknown);
    CHECK(one.match("SUBJECT here", true, true) == Match::yes);
}

TEST_CASE("a text that nearly matches everywhere costs linear time", "[imap][syntax][search][threats-20]")
{
    Case one("Subject: x\r\n\r\n" + std::string(4 << 20, 'a'));
    const postfach::test::Work work;
    CHECK(one.match("BODY " + std::string(30'000, 'a') + 'b') == Match::no);
    CHECK(work.seconds() < 20); // quadratic takes a minute and more
}
