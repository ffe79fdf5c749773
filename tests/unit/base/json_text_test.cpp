#include "server/base/json_text.h"
#include "tests/support/catch.h"

using postfach::base::jsonObject;

TEST_CASE("small JSON objects are JSON whatever a stranger has written", "[base][json]")
{
    CHECK(jsonObject({}) == "{}");
    CHECK(jsonObject({{"n", 5}, {"yes", true}, {"text", "a"}}) == R"({"n":5,"yes":true,"text":"a"})");
    CHECK(jsonObject({{"t", std::string_view("\"\\\n\0\x1f", 5)}}) == R"({"t":"\"\\\u000a\u0000\u001f"})");
    CHECK(jsonObject({{"t", "Grüße"}}) == "{\"t\":\"Grüße\"}");
    CHECK(jsonObject({{"t", "\xff\xfe"}}) == R"({"t":"\\xff\\xfe"})");
    CHECK(jsonObject({{"t", std::string(100'000, 'x')}}).size() < 2100);
}
