#pragma once
// What a run found, as one line of JSON.
#include "tests/bench/load/loop.h"

#include <string>
#include <vector>

namespace postfach::load {

// Times in microseconds.
class Samples {
public:
    void add(Clock::duration time) { values_.push_back(std::chrono::duration<double, std::micro>(time).count()); }
    bool empty() const { return values_.empty(); }
    std::size_t size() const { return values_.size(); }
    double quantile(double share); // sorts

private:
    std::vector<double> values_;
};

class Figures {
public:
    Figures& set(const std::string& name, double value);
    Figures& text(const std::string& name, const std::string& value);
    Figures& rate(const std::string& name, double count, Clock::duration time);
    Figures& times(const std::string& name, Samples& samples); // NAME_p50_us, NAME_p99_us, NAME_max_us; nothing when empty
    void print() const;                                        // and flush

private:
    std::vector<std::pair<std::string, std::string>> entries_;
};

} // namespace postfach::load
