#include "admin/password_policy.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <filesystem>
#include <set>

using namespace postfach::admin;

TEST_CASE("What is guessed first is known for it", "[admin][passwords]")
{
    if (!std::filesystem::exists("/var/cache/cracklib/cracklib_dict.pwd"))
        return; // the package cracklib-runtime is not here: only the length is looked at
    for (const char* bad : {"", "short", "1234567", "password", "Password1", "qwertyuiop", "passw0rd", "12345678", "aaaaaaaaaa",
             "margaret.hill", "tellirM", "abcdefgh"}) {
        INFO(bad);
        CHECK_FALSE(weakness(bad, "margaret.hill@example.org", 8).empty());
    }
    for (const char* good : {"correct horse battery staple", "Tr4mpolin im Garten", "kotuba-remino-salefu-dapo",
             "\xC3\xA4\xC3\xB6\xC3\xBC und noch viel mehr"}) {
        INFO(good);
        CHECK(weakness(good, "margaret.hill@example.org", 8).empty());
    }
    CHECK_FALSE(weakness("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\xA4", "a@b", 8).empty()); // four characters in eight bytes
    CHECK_FALSE(weakness("kotuba-remino", "a@b", 20).empty());
}

TEST_CASE("A generated password can be typed, and none comes twice", "[admin][passwords]")
{
    std::set<std::string> seen;
    std::set<char> first;
    for (int i = 0; i < 1000; ++i) {
        const auto password = generatedPassword("alice@example.org");
        CHECK(password.size() == 25);
        CHECK(
            std::all_of(password.begin(), password.end(), [](char c) { return (c >= 'a' && c <= 'z' && c != 'l') || c == '-'; }));
        CHECK(seen.insert(password).second);
        CHECK(weakness(password, "alice@example.org", 8).empty());
        first.insert(password[0]);
    }
    CHECK(first.size() == 15); // every consonant
    CHECK(generatedPassword("a@example.org").size() == 25); // a name that is in every password
}
