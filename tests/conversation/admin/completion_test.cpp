// Completion in the shells that there are.
#include "admin/cli/command.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <array>
#include <cstdio>
#include <fstream>

using namespace postfach::test;

namespace {
std::string outputOf(const std::string& shell_command)
{
    std::string out;
    FILE* const pipe = ::popen(shell_command.c_str(), "r");
    std::array<char, 4096> piece{};
    while (std::fgets(piece.data(), piece.size(), pipe) != nullptr)
        out += piece.data();
    ::pclose(pipe);
    return out;
}

// What bash would offer for the last of these words.
std::string offered(const std::string& script, const std::string& words)
{
    return outputOf("bash -c 'source " + script + "; COMP_WORDS=(postfach " + words
        + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _postfach; echo \"${COMPREPLY[*]}\"' 2>&1");
}
} // namespace

TEST_CASE("bash is offered commands, their second words and their options, and nothing else", "[admin][cli][completion]")
{
    TemporaryFolder folder;
    const auto script = folder.path() + "/postfach.bash";
    const auto written = command({"completion", "bash"});
    REQUIRE(written.status == 0);
    std::ofstream(script) << written.out;
    CHECK(command({"completion", "fish"}).status == 2);
    CHECK(command({"completion"}).status == 2);
    CHECK(offered(script, "quar") == "quarantine\n");
    CHECK(offered(script, "app-password \"\"") == "create list remove\n");
    CHECK(offered(script, "account po") == "policy\n");
    CHECK(offered(script, "account frobnicate \"\" --q").find("quota") == std::string::npos);
    CHECK(offered(script, "account add carol@example.org --quota") == "--quota --quota-messages\n");
    CHECK(offered(script, "--data /x alias r") == "remove\n"); // an option's value is no word
    CHECK(offered(script, "account add --quota \"\"") == "\n");
    CHECK(offered(script, "--data /et") == "/etc\n");
    CHECK(offered(script, "account list --j") == "--json\n");
    const auto zsh = command({"completion", "zsh"}).out;
    CHECK(zsh.substr(0, 18) == "#compdef postfach\n");
    CHECK(zsh.find(written.out) != std::string::npos);
}

TEST_CASE("Every command's help has an example of it", "[admin][cli][help]")
{
    for (const auto& one : postfach::admin::commands()) {
        std::string phrase = "postfach";
        for (const char* word : one.words)
            phrase += " " + std::string(word);
        INFO(phrase);
        CHECK(std::string_view(one.help).find("Example") != std::string_view::npos);
        CHECK(std::string_view(one.help).find(phrase) != std::string_view::npos);
        CHECK(command({one.words.front(), "--help"}).status == 0);
    }
}
