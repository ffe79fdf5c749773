#pragma once
// The command line within this process: its words in, what it prints and how it exits out.
#include "admin/cli/cli.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace postfach::test {

struct Run {
    int status;
    std::string out, err;
    Poco::JSON::Array::Ptr list() const { return Poco::JSON::Parser().parse(out).extract<Poco::JSON::Array::Ptr>(); }
    Poco::JSON::Object::Ptr object() const { return Poco::JSON::Parser().parse(out).extract<Poco::JSON::Object::Ptr>(); }
};

inline Run command(std::vector<std::string> words, const std::string& input = {})
{
    words.insert(words.begin(), "postfach");
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    std::ostringstream out, err;
    std::istringstream in(input);
    auto* const old_out = std::cout.rdbuf(out.rdbuf());
    auto* const old_err = std::cerr.rdbuf(err.rdbuf());
    auto* const old_in = std::cin.rdbuf(in.rdbuf());
    std::cin.clear();
    const int status = postfach::admin::runCli(static_cast<int>(argv.size()), argv.data());
    std::cout.rdbuf(old_out);
    std::cerr.rdbuf(old_err);
    std::cin.rdbuf(old_in);
    return {status, out.str(), err.str()};
}

} // namespace postfach::test
