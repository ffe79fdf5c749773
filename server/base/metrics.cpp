#include "server/base/metrics.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace postfach::base {
namespace {
struct Registry {
    std::mutex mutex;
    std::vector<const Metric*> metrics; // guarded by mutex
};

// Never destroyed: metrics at namespace scope are unregistered during the process's last moments, in any order.
Registry& registry()
{
    static auto* const the = new Registry;
    return *the;
}

std::string escaped(const std::string& text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}
} // namespace

Metric::Metric(std::string n, std::string h, std::string t, MetricLabels l)
    : name(std::move(n)), help(std::move(h)), type(std::move(t)), labels(std::move(l))
{
    auto& all = registry();
    const std::lock_guard lock(all.mutex);
    all.metrics.push_back(this);
}

Metric::~Metric()
{
    auto& all = registry();
    const std::lock_guard lock(all.mutex);
    std::erase(all.metrics, this);
}

std::string prometheusText()
{
    auto& all = registry();
    const std::lock_guard lock(all.mutex);
    std::map<std::string, std::vector<const Metric*>> by_name;
    for (const auto* metric : all.metrics)
        by_name[metric->name].push_back(metric);
    std::string text;
    for (const auto& [name, family] : by_name) {
        text += "# HELP " + name + " " + family.front()->help + "\n# TYPE " + name + " " + family.front()->type + "\n";
        for (const auto* metric : family) {
            text += name;
            char separator = '{';
            for (const auto& [label, value] : metric->labels) {
                text += separator + label + "=\"" + escaped(value) + '"';
                separator = ',';
            }
            if (!metric->labels.empty())
                text += '}';
            text += ' ' + metric->value() + '\n';
        }
    }
    return text;
}

} // namespace postfach::base
