#pragma once
// One-way hashes of passwords: our own (argon2id by libsodium), and those an administrator brings along from another server,
// which are verified by libxcrypt and replaced by ours at the first right login.
#include <string>

namespace postfach::auth {

std::string hashPassword(const std::string& password); // argon2id as OWASP wants it at least
bool isCurrentHash(const std::string& stored);         // made by hashPassword, with today's parameters
bool matchesHash(const std::string& stored, const std::string& password); // blocks for the time of one hash

// Of a crypt-style hash with or without Dovecot's {SCHEME} before it: what is to be stored. Takes $argon2id$, $argon2i$,
// $2y$ (bcrypt), $6$ and $5$ (SHA crypt), $y$ (yescrypt). Throws std::invalid_argument, in words for the administrator, for
// anything else and for costs that would hurt the server.
std::string importedHash(const std::string& text);

} // namespace postfach::auth
