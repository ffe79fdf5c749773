#include "server/base/limits.h"
#include "server/mail/header.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::mail;

namespace {
// name|route|mailbox|host, "-" for what is absent; one address after the other.
std::string read(std::string_view value)
{
    std::string out;
    for (const Address& address : parseAddresses(value)) {
        for (const auto& field : {address.name, address.route, address.mailbox, address.host})
            out += field.value_or("-") + "|";
        out.back() = '\n';
    }
    return out;
}
} // namespace

TEST_CASE("addresses are read as mail writes them", "[mail][address][rfc5322-3.4]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""},
        {" , ,, ", ""},
        {"ada@example.org", "-|-|ada|example.org\n"},
        {"Ada <ada@example.org>", "Ada|-|ada|example.org\n"},
        {"<ada@example.org>", "-|-|ada|example.org\n"},
        {"ada@example.org, bob@example.net", "-|-|ada|example.org\n-|-|bob|example.net\n"},
        // phrases
        {"Ada  Augusta   King <a@b>", "Ada Augusta King|-|a|b\n"},
        {"\"King, Ada\" <a@b>", "King, Ada|-|a|b\n"},
        {"\"a \\\"quoted\\\" \\\\ one\" <a@b>", "a \"quoted\" \\ one|-|a|b\n"},
        {"Ada \"the\" King<a@b>", "Ada the King|-|a|b\n"},
        {"John Q. Public <a@b>", "John Q. Public|-|a|b\n"},
        {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= X <a@b>", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= X|-|a|b\n"},
        {"\"\" <a@b>", "-|-|a|b\n"},
        {"Gr\xc3\xbc\xc3\x9f <a@b\xc3\xbc.example>", "Grüß|-|a|bü.example\n"},
        {"a@b <c@d>", "a@b|-|c|d\n"},
        {"Ada\r\n <a@b>", "Ada|-|a|b\n"},
        // comments
        {"ada@example.org (Ada King)", "Ada King|-|ada|example.org\n"},
        {"Ada (not her name) <a@b>", "Ada|-|a|b\n"},
        {"a(c1)@(c2)b (name (nested \\) ) end)", "c1|-|a|b\n"},
        {"(((", ""},
        {"(unclosed a@b", ""},
        // local parts and hosts
        {"\"ada king\"@example.org", "-|-|ada king|example.org\n"},
        {"\"a@b\"@example.org", "-|-|a@b|example.org\n"},
        {"<\"a b\"@example.org>", "-|-|a b|example.org\n"},
        {"a . b @ example . org", "-|-|a.b|example.org\n"},
        {"a@[192.0.2.1]", "-|-|a|[192.0.2.1]\n"},
        {"a@[IPv6:2001:db8::1], c@d", "-|-|a|[IPv6:2001:db8::1]\n-|-|c|d\n"},
        {"a@b@c", "-|-|a@b|c\n"},
        {"<a..b.@c>", "-|-|a..b.|c\n"},
        // routes
        {"<@hop,@hip:a@b>", "-|@hop,@hip|a|b\n"},
        {"X <@hop:a@b>, c@d", "X|@hop|a|b\n-|-|c|d\n"},
        // groups
        {"undisclosed-recipients:;", "-|-|undisclosed-recipients|-\n-|-|-|-\n"},
        {"A Group: a@b, C <c@d>; e@f", "-|-|A Group|-\n-|-|a|b\nC|-|c|d\n-|-|-|-\n-|-|e|f\n"},
        {"g:a@b", "-|-|g|-\n-|-|a|b\n-|-|-|-\n"},
        {"g:h:a@b;", "-|-|g|-\n-|-|-|-\n-|-|h|-\n-|-|a|b\n-|-|-|-\n"},
        {"a@b;c@d", "-|-|a|b\n-|-|c|d\n"},
        {":;", "-|-||-\n-|-|-|-\n"},
        // what has no host has an empty one: without any it would begin a group
        {"ada", "-|-|ada|\n"},
        {"<ada>", "-|-|ada|\n"},
        {"undisclosed recipients", "-|-|undisclosed recipients|\n"},
        {"Ada <>", "Ada|-||\n"},
        {"<>", "-|-||\n"},
        {"@example.org", "-|-||example.org\n"},
        // slips
        {"Ada ada@example.org", "Ada|-|ada|example.org\n"},
        {"Ada <ada@example.org", "Ada|-|ada|example.org\n"},
        {"Ada <<ada@example.org>>", "Ada|-|ada|example.org\n"},
        {"Ada <ada@example.org>,", "Ada|-|ada|example.org\n"},
        {"\"unclosed <a@b>", "-|-|unclosed <a@b>|\n"},
        {"Ada <a@b, c@d>", "Ada|-|a|b\n-|-|c|d\n"},
        {"a]b)@c", "-|-|a]b)|c\n"},
    };
    for (const auto& [written, meant] : rows) {
        INFO(written);
        CHECK(read(written) == meant);
    }
    CHECK(read(std::string_view("a\0b@c", 5)) == "a|-|b|c\n");
}

TEST_CASE("no more addresses than the limit are read, and every group has its end", "[mail][address]")
{
    std::string list, groups;
    for (int i = 0; i < 3'000; ++i) {
        list += "a@b,";
        groups += "g:a@b;";
    }
    const auto most = static_cast<std::size_t>(base::limits::kAddresses);
    CHECK(parseAddresses(list).size() > most - 10);
    CHECK(parseAddresses(list).size() <= most);
    CHECK(parseAddresses(groups).size() <= most);
    CHECK(parseAddresses("g:" + list).back().isGroupEnd());
}

TEST_CASE("a list beyond the bytes that are looked at is cut between two addresses", "[mail][address]")
{
    std::string list;
    while (list.size() < base::limits::kHeaderField)
        list += std::string(300, 'x') + "@example.org, ";
    const auto found = parseAddresses(list + list);
    REQUIRE(found.size() > 100);
    for (const Address& address : found)
        CHECK(address.mailbox->size() == 300);
}
