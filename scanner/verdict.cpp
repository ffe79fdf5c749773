#include "scanner/client.h"

#include <algorithm>
#include <array>

namespace postfach::scanner {
namespace {
constexpr std::array<std::string_view, 8> kWords{"infected", "encrypted", "limit", "timeout", "broken", "macros", "phishing", "attachment"};
constexpr std::string_view kOthers = " and others";
} // namespace

std::string_view wordFor(Class what) { return kWords[static_cast<std::size_t>(what)]; }

std::optional<Class> classOf(std::string_view word)
{
    const auto found = std::find(kWords.begin(), kWords.end(), word);
    if (found == kWords.end())
        return std::nullopt;
    return static_cast<Class>(found - kWords.begin());
}

std::string inWords(const Finding& finding)
{
    return finding.what == Class::infected ? finding.name : std::string(wordFor(finding.what)) + ": " + finding.name;
}

bool namesOthers(const Finding& finding) { return finding.name.ends_with(kOthers); }

void addFinding(std::vector<Finding>& findings, Finding finding)
{
    if (std::find(findings.begin(), findings.end(), finding) != findings.end())
        return;
    std::size_t count = 0;
    Finding* last = nullptr;
    for (Finding& known : findings)
        if (known.what == finding.what) {
            ++count;
            last = &known;
        }
    if (count < kMostOfAClass)
        findings.push_back(std::move(finding));
    else if (!namesOthers(*last))
        last->name += kOthers;
}

Verdict::Kind kindOf(const std::vector<Finding>& findings)
{
    if (findings.empty())
        return Verdict::Kind::clean;
    const auto worst = std::min_element(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.what < b.what; })->what;
    return worst == Class::infected  ? Verdict::Kind::infected
           : worst <= Class::broken ? Verdict::Kind::unscannable
                                    : Verdict::Kind::suspicious;
}

void Verdict::add(const std::vector<Finding>& more)
{
    for (const Finding& finding : more)
        addFinding(findings, finding);
    keepOnly([](const Finding&) { return true; });
}

void Verdict::keepOnly(const std::function<bool(const Finding&)>& wanted)
{
    std::erase_if(findings, [&](const Finding& finding) { return !wanted(finding); });
    std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.what < b.what; });
    if (kind == Kind::error)
        return;
    kind = kindOf(findings);
    name = findings.empty() ? "" : inWords(findings.front());
}

} // namespace postfach::scanner
