#pragma once
#include <string>

namespace postfach::load {

// A mail of that size; no two numbers give the same text.
std::string mail(unsigned long number, std::size_t size);
// The same between DATA and its answer: dots doubled, and the dot that ends it.
std::string stuffed(const std::string& mail);

} // namespace postfach::load
