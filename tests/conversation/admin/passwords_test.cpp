// Passwords that are easy to guess: taken, taken with a word, or refused.
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;

TEST_CASE("A weak password is taken with a warning, or refused where that is wanted", "[admin][passwords]")
{
    const std::string path = "/api/v1/accounts/carol@example.org", weak = R"({"password":"secret"})",
                      good = R"({"password":"kotuba remino salefu"})";
    const auto with = [](const std::string& policy) {
        TestServer::Settings settings;
        settings.config = {{"auth.password_policy", policy}};
        return settings;
    };
    SECTION("warn")
    {
        TestServer server;
        Http http(server, server.token());
        const auto made = http.put(path, weak);
        CHECK(made.status == 201);
        CHECK(made.json()->getArray("warnings")->size() == 1);
        CHECK_FALSE(http.get(path).json()->has("warnings"));
        CHECK_FALSE(http.put(path, good).json()->has("warnings"));
        CHECK_FALSE(http.patch(path, R"({"name":"C"})").json()->has("warnings"));
        CHECK(http.put(path, R"({"password":""})").status == 422); // whatever the policy
        const auto said = command(
            {"account", "password", "carol@example.org", "--password-stdin", "--data", server.data() + "/data"}, "secret\n");
        CHECK(said.status == 0);
        CHECK(said.err.find("postfach: warning: The password is easy to guess.") != std::string::npos);
        const auto made_up =
            command({"account", "password", "carol@example.org", "--generate", "--data", server.data() + "/data"});
        CHECK(made_up.status == 0);
        CHECK(made_up.err.empty());
        CHECK(made_up.out.find("password: ") != std::string::npos);
        CHECK(
            command({"account", "password", "carol@example.org", "--generate", "--password-stdin", "--data", "/x"}, "x\n").status
            == 2);
    }
    SECTION("refuse")
    {
        TestServer server(with("refuse"));
        Http http(server, server.token());
        const auto refused = http.put(path, weak);
        CHECK(refused.text("code") == "invalid_field");
        CHECK(refused.json()->getArray("errors")->getObject(0)->getValue<std::string>("field") == "password");
        CHECK(http.get(path).status == 404);
        CHECK(http.put(path, good).status == 201);
        CHECK(http.patch(path, weak).status == 422);
        const auto office =
            http.post("/api/v1/configuration/apply", R"({"accounts":[{"address":"d@example.org","password":"secret"}]})");
        CHECK(office.json()->getArray("errors")->getObject(0)->getValue<std::string>("field") == "accounts[0].password");
        // A hash shows nothing to judge.
        CHECK(http.patch(path, R"({"password_hash":"$2y$10$abcdefghijklmnopqrstuuMZ6mIFFyRGkHTnQcKTD0oTVTFAcMbVK"})").status
            == 200);
    }
    SECTION("off")
    {
        TestServer server(with("off"));
        Http http(server, server.token());
        CHECK_FALSE(http.put(path, weak).json()->has("warnings"));
    }
}
