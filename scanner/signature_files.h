#pragma once
// Which files of a signature folder matter, and what tells that one of them has changed.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner {

bool isSignatureFile(std::string_view name);

struct SignatureFile {
    std::string name;
    std::uint64_t size = 0;
    std::int64_t modified = 0; // ns
    bool operator==(const SignatureFile&) const = default;
};

// Sorted by name; empty when the folder is absent or cannot be read. Never throws.
std::vector<SignatureFile> listSignatures(const std::string& folder);

} // namespace postfach::scanner
