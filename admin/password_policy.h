#pragma once
// Passwords that are guessed first, and passwords that a person can type on a phone.
#include <string>

namespace postfach::admin {

struct PasswordRules { // auth.password_policy, auth.password_length
    // `warn`, the default, says so and takes it all the same: scripts and moves from other servers bring passwords that people
    // have, and a server that refuses them keeps those people out until somebody finds out why.
    enum class Policy { off, warn, refuse } policy = Policy::warn;
    unsigned least = 8; // characters
};

// Why a password is a bad one, as a sentence; empty when nothing is known against it. Length, the words of cracklib's
// dictionary with their usual disguises, and the names in the address. Any thread, one at a time; some milliseconds.
std::string weakness(const std::string& password, const std::string& address, unsigned least);

// "kotuba-remino-salefu-dapo": 68 random bits in syllables, lower case, nothing that looks like something else, and nothing
// that weakness() says against it.
std::string generatedPassword(const std::string& address);

} // namespace postfach::admin
