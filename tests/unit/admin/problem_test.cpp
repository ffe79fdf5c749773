// The codes of refusals: those that are published are those that there are.
#include "admin/problem.h"
#include "server/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

#include <filesystem>
#include <regex>
#include <set>
#include <utility>

using namespace postfach;
namespace fs = std::filesystem;

namespace {
std::string sources() // of administration, but for the table itself
{
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(test::sourceFolder() + "/admin"))
        if (entry.path().extension() == ".cpp" && entry.path().filename() != "problem_codes.cpp")
            all += base::readFile(entry.path().string(), 1U << 22);
    return all;
}

std::set<std::pair<int, std::string>> codesIn(const std::string& text)
{
    std::set<std::pair<int, std::string>> found;
    const std::regex pair("\\b([45][0-9][0-9]), \"([a-z_]+)\"");
    for (std::sregex_iterator at(text.begin(), text.end(), pair), end; at != end; ++at)
        found.emplace(std::stoi((*at)[1]), (*at)[2]);
    return found;
}
} // namespace

TEST_CASE("Every code that a refusal carries is published, once for each status", "[admin][problems]")
{
    std::set<std::pair<int, std::string>> published;
    for (const auto& one : admin::problemCodes())
        CHECK(published.emplace(one.status, one.code).second);
    const auto text = sources();
    const auto found = codesIn(text);
    CHECK(found.size() > 25);
    for (const auto& [status, code] : found) {
        INFO(status << " " << code);
        CHECK(published.contains({status, code}));
    }
    const auto document = base::readFile(test::sourceFolder() + "/admin/README.md", 1U << 20);
    for (const auto& one : admin::problemCodes()) {
        INFO(one.status << " " << one.code << " in admin/README.md");
        CHECK(text.find('"' + std::string(one.code) + '"') != std::string::npos); // it can happen
        CHECK(document.find("| " + std::to_string(one.status) + " | `" + one.code + "` | " + one.meaning + " |")
            != std::string::npos);
    }
}
