#pragma once
// A secret that a person types: asked for on the terminal, and not shown.
#include <string>

namespace postfach::admin {

bool isTyped(); // standard input is a terminal, and nobody has put something else in its place

// Asks twice on standard error, without echo, which is on again afterwards, also where a signal ends the program meanwhile. Throws Usage
// when it is empty or the two differ.
std::string typedSecret(const std::string& what);

} // namespace postfach::admin
