#include "tests/bench/load/figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace postfach::load {
namespace {

std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? ' ' : c;
    }
    return out + '"';
}

} // namespace

double Samples::quantile(double share)
{
    std::sort(values_.begin(), values_.end());
    const double place = std::ceil(share * static_cast<double>(values_.size())) - 1;
    return values_.empty() ? 0 : values_[static_cast<std::size_t>(std::max(place, 0.0))];
}

Figures& Figures::set(const std::string& name, double value)
{
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", std::isfinite(value) ? value : 0);
    entries_.emplace_back(name, text);
    return *this;
}

Figures& Figures::text(const std::string& name, const std::string& value)
{
    entries_.emplace_back(name, quoted(value));
    return *this;
}

Figures& Figures::rate(const std::string& name, double count, Clock::duration time)
{
    return set(name, count / std::chrono::duration<double>(time).count());
}

Figures& Figures::times(const std::string& name, Samples& samples)
{
    if (samples.empty())
        return *this;
    return set(name + "_p50_us", samples.quantile(0.5)).set(name + "_p99_us", samples.quantile(0.99)).set(name + "_max_us", samples.quantile(1));
}

void Figures::print() const
{
    std::string line = "{";
    for (const auto& [name, value] : entries_)
        line += (line.size() > 1 ? ", " : "") + quoted(name) + ": " + value;
    std::printf("%s}\n", line.c_str());
    std::fflush(stdout);
}

} // namespace postfach::load
