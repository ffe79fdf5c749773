#include "server/mail/base_subject.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"

#include <string>

using namespace postfach::mail;

TEST_CASE("the base of a subject is what is left without replies, forwards and lists", "[mail][subject][rfc5256-2.1]")
{
    struct Row {
        const char *subject, *base;
        bool is_reply;
    };
    const Row rows[] = {
        {"", "", false}, {"  ", "", false}, {"Hello", "Hello", false}, {"  Hello \t  world  ", "Hello world", false},
        {"Re: Hello", "Hello", true}, {"RE : Hello", "Hello", true}, {"re:Hello", "Hello", true},
        {"Re: RE: re: Hello", "Hello", true}, {"Fw: Hello", "Hello", true}, {"FWD: Hello", "Hello", true},
        {"Fwdd: Hello", "Fwdd: Hello", false}, {"Reply: Hello", "Reply: Hello", false}, {"Re Hello", "Re Hello", false},
        {"Re[2]: Hello", "Hello", true}, {"Re [2] : Hello", "Hello", true}, {"Re[2][3]: Hello", "Re[2][3]: Hello", false},
        {"[list] Hello", "Hello", false}, {"[list] Re: Hello", "Hello", true}, {"[a] [b] Re: [c] Fwd: [d] Hello", "Hello", true},
        {"Re: [list] Hello", "Hello", true}, {"Re: [list]", "[list]", true}, {"[list]", "[list]", false},
        {"[a][b]", "[b]", false}, {"[a [b] Hello", "[a [b] Hello", false}, {"[a] [b Hello", "[b Hello", false},
        {"Hello [list]", "Hello [list]", false}, {"Hello (fwd)", "Hello", true}, {"Hello (FWD) (fwd) ", "Hello", true},
        {"Hello(fwd)", "Hello", true}, {"(fwd)", "", true}, {"Hello (fwd) there", "Hello (fwd) there", false},
        {"[fwd: Hello]", "Hello", true}, {"[Fwd: Re: [list] Hello (fwd)]", "Hello", true}, {"Re: [FWD: Hello]", "Hello", true},
        {"[fwd: [fwd: Hello]]", "Hello", true}, {"[fwd: Hello", "[fwd: Hello", false}, {"[fwd: Hello] there", "there", false},
        {"[fwd:]", "", true}, {"Re:", "", true}, {"Re: Re:", "", true}, {"Grüße", "Grüße", false},
        {"AW: Grüße", "AW: Grüße", false}, // of other languages the RFC knows nothing
    };
    for (const Row& row : rows) {
        INFO(row.subject);
        const BaseSubject base = baseSubject(row.subject);
        CHECK(base.text == row.base);
        CHECK(base.is_reply == row.is_reply);
    }
}

TEST_CASE("a subject made to be slow costs linear time", "[mail][subject][threats-8]")
{
    const postfach::test::Work work;
    for (const std::string piece : {"[a]", "[", "[]", "re:", "re[", "[fwd:", "re [a]:", "(fwd)", "]", " ", "[a] re [b"}) {
        std::string subject;
        while (subject.size() < 64 * 1024)
            subject += piece;
        baseSubject(subject);
        baseSubject(subject + "x");
        baseSubject("[fwd:" + subject + "]");
    }
    CHECK(work.seconds() < 2); // quadratic takes minutes
}
