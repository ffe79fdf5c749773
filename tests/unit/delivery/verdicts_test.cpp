#include "server/delivery/verdicts.h"
#include "tests/support/catch.h"

using namespace postfach;
using delivery::Verdicts;
using scanner::Verdict;

namespace {

scanner::Status ready(const char* signatures)
{
    scanner::Status status;
    status.ready = true;
    status.signatures = signatures;
    return status;
}

Verdict said(Verdict::Kind kind, const char* signatures)
{
    Verdict verdict;
    verdict.kind = kind;
    verdict.signatures = signatures;
    return verdict;
}

} // namespace

TEST_CASE("a verdict counts while its signatures are in use and the scanner is ready", "[delivery][verdicts]")
{
    Verdicts verdicts(2);
    const auto a = base::sha256("a"), b = base::sha256("b"), c = base::sha256("c");
    CHECK(!verdicts.find(a, ready("")));
    for (const auto kind : {Verdict::Kind::infected, Verdict::Kind::unscannable, Verdict::Kind::error}) {
        verdicts.remember(a, said(kind, "monday"));
        CHECK(!verdicts.find(a, ready("monday")));
    }
    verdicts.remember(a, said(Verdict::Kind::clean, ""));
    CHECK(!verdicts.find(a, ready("")));

    verdicts.remember(a, said(Verdict::Kind::clean, "monday"));
    CHECK(!verdicts.find(b, ready("monday")));
    CHECK(!verdicts.find(a, ready("tuesday")));
    scanner::Status starting = ready("monday");
    starting.ready = false;
    CHECK(!verdicts.find(a, starting));
    REQUIRE(verdicts.find(a, ready("monday")));
    CHECK(verdicts.find(a, ready("monday"))->kind == Verdict::Kind::clean);
    CHECK(verdicts.find(a, ready("monday"))->signatures == "monday");

    // New signatures forget what the old ones said, also when the old ones come back.
    verdicts.remember(b, said(Verdict::Kind::clean, "tuesday"));
    CHECK(!verdicts.find(a, ready("monday")));
    CHECK(!verdicts.find(a, ready("tuesday")));
    CHECK(verdicts.find(b, ready("tuesday")));

    // The oldest makes room; what is said twice takes one place.
    verdicts.remember(b, said(Verdict::Kind::clean, "tuesday"));
    verdicts.remember(a, said(Verdict::Kind::clean, "tuesday"));
    CHECK(verdicts.find(b, ready("tuesday")));
    verdicts.remember(c, said(Verdict::Kind::clean, "tuesday"));
    CHECK(!verdicts.find(b, ready("tuesday")));
    CHECK(verdicts.find(a, ready("tuesday")));
    CHECK(verdicts.find(c, ready("tuesday")));
}
