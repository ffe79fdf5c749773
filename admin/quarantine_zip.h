#pragma once
#include "server/base/clock.h"

#include <string>
#include <string_view>

namespace postfach::admin {

// The password that analysts expect: it keeps no secret, only programs from opening what is in there by accident.
inline constexpr const char* kZipPassword = "infected";

// One file in a zip under kZipPassword (ZipCrypto: every program opens it). Throws std::runtime_error.
std::string lockedZip(const std::string& name, std::string_view bytes, base::Time modified);

} // namespace postfach::admin
