#pragma once
// --name value, after the mode's name. A name without a value is a switch.
#include <map>
#include <string>
#include <vector>

namespace postfach::load {

class Options {
public:
    Options(int count, const char* const* words); // words[0] is the first option
    std::string text(const std::string& name, const std::string& otherwise = "") const;
    std::string require(const std::string& name) const; // throws Failed
    long number(const std::string& name, long otherwise) const;
    bool is(const std::string& name) const { return values_.count(name) != 0; }
    std::vector<std::string> list(const std::string& name) const; // separated by commas

private:
    std::map<std::string, std::string> values_;
};

} // namespace postfach::load
