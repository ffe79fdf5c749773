#include "server/mail/header.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::mail;

namespace {
std::string read(std::string_view value)
{
    const auto date = parseDate(value);
    return date ? base::rfc3339(date->time).substr(0, 19) + " " + std::to_string(date->offset_minutes) : "none";
}
} // namespace

TEST_CASE("what is no date is none", "[mail][date]")
{
    for (const char* value : {"", " ", "Sun", "Sun, 1 Mar 2026", "1 Mar 2026", "30 Feb 2026 00:00:00 +0000", "0 Mar 2026 00:00 +0000",
                              "32 Mar 2026 00:00 +0000", "1 Mor 2026 00:00 +0000", "1 Mar 20266 00:00 +0000", "1 Mar 2 00:00 +0000",
                              "1 Mar 2026 24:00:00 +0000", "1 Mar 2026 00:60 +0000", "1 Mar 2026 00:00:61 +0000", "1 Mar 2026 0000 +0000",
                              "1 Mar 2026 -1:00 +0000", "2026-03-01T09:30:00Z", "(1 Mar 2026 00:00 +0000)", "((((((", "1 Mar 99999999999999999999 00:00",
                              "1 Mar 2026 09 30 00 +0000", "1 Mar 2026 : 30", "1 Mar 2026 09 :"})
        CHECK(read(value) == "none");
}

TEST_CASE("dates are read as mail writes them", "[mail][date][rfc5322-3.3][rfc5322-4.3]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"Sun, 1 Mar 2026 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        {"Sun, 01 Mar 2026 09:30:00 +0100", "2026-03-01T08:30:00 60"},
        {"1 Mar 2026 09:30 -0330", "2026-03-01T13:00:00 -210"},
        {"Sun,1 Mar 2026 09:30:00 -0000 (UTC)", "2026-03-01T09:30:00 0"},
        {"Sun (day), 1 (date) Mar 2026 (year) 09:30:00 +0200(CEST (summer))", "2026-03-01T07:30:00 120"},
        {"Sun, 1 Mar 2026 09(hours):   30  :  00 +0000", "2026-03-01T09:30:00 0"},
        {"sun, 1 mar 2026 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        {"Sunday, 1 March 2026 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        {"Sun, 1 Mar 2026\r\n 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        {"Sat, 29 Feb 2020 23:59:60 +0000", "2020-03-01T00:00:00 0"},
        {"1 Mar 2026 09:30:00.125 +0000", "2026-03-01T09:30:00 0"},
        {"1 Jan 1960 00:00:00 +0000", "1960-01-01T00:00:00 0"},
        // years of two and three digits
        {"1 Mar 26 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        {"1 Mar 49 09:30:00 +0000", "2049-03-01T09:30:00 0"},
        {"1 Mar 50 09:30:00 +0000", "1950-03-01T09:30:00 0"},
        {"1 Mar 98 09:30:00 +0000", "1998-03-01T09:30:00 0"},
        {"1 Mar 126 09:30:00 +0000", "2026-03-01T09:30:00 0"},
        // zones by name
        {"1 Mar 2026 09:30:00 UT", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00 GMT", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00 EST", "2026-03-01T14:30:00 -300"},
        {"1 Mar 2026 09:30:00 edt", "2026-03-01T13:30:00 -240"},
        {"1 Mar 2026 09:30:00 CST", "2026-03-01T15:30:00 -360"},
        {"1 Mar 2026 09:30:00 CDT", "2026-03-01T14:30:00 -300"},
        {"1 Mar 2026 09:30:00 MST", "2026-03-01T16:30:00 -420"},
        {"1 Mar 2026 09:30:00 MDT", "2026-03-01T15:30:00 -360"},
        {"1 Mar 2026 09:30:00 PST", "2026-03-01T17:30:00 -480"},
        {"1 Mar 2026 09:30:00 PDT", "2026-03-01T16:30:00 -420"},
        {"1 Mar 2026 09:30:00 A", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00 Z", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00 XYZ", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00", "2026-03-01T09:30:00 0"},
        {"1 Mar 2026 09:30:00 GMT+0100", "2026-03-01T08:30:00 60"},
        {"1 Mar 2026 09:30:00 +01:00", "2026-03-01T08:30:00 60"},
        // other orders
        {"01-Mar-2026 09:30:00 +0100", "2026-03-01T08:30:00 60"},
        {"Sun Mar  1 09:30:00 2026", "2026-03-01T09:30:00 0"},
        {"Sun Mar  1 09:30:00 EST 2026", "2026-03-01T14:30:00 -300"},
        {"Sun Mar  1 09:30:00 2026 +0100", "2026-03-01T08:30:00 60"},
    };
    for (const auto& [written, meant] : rows) {
        INFO(written);
        CHECK(read(written) == meant);
    }
}

TEST_CASE("a date that we write reads back as the same moment and zone", "[mail][date]")
{
    const base::Time time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + std::chrono::hours(9) + std::chrono::minutes(30)};
    CHECK(formatDate(time) == "Sun, 1 Mar 2026 09:30:00 +0000");
    CHECK(formatDate(time, 60) == "Sun, 1 Mar 2026 10:30:00 +0100");
    CHECK(formatDate(time, -600) == "Sat, 28 Feb 2026 23:30:00 -1000");
    for (const int offset : {0, 60, -210, 330, -720, 840}) {
        const auto date = parseDate(formatDate(time, offset));
        REQUIRE(date);
        CHECK(date->time == time);
        CHECK(date->offset_minutes == offset);
    }
    CHECK(formatDate(base::fromMillis(-1)) == "Wed, 31 Dec 1969 23:59:59 +0000");
}
