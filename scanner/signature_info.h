#pragma once
// What a folder of signatures holds, as its files say of themselves; nothing is loaded. And the proof of one file before it joins them.
#include "scanner/client.h"
#include "scanner/signature_files.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner {

struct SignatureFileInfo : SignatureFile {
    bool official = false;                 // made and signed by ClamAV: .cvd, .cld
    std::optional<std::int64_t> built;     // of an official one, ms since 1970
    std::uint64_t version = 0, count = 0;  // of an official one
};

// By name. Never throws.
std::vector<SignatureFileInfo> describeSignatures(const std::string& folder);
SignatureFileInfo describeHead(std::string_view first_bytes); // the 512 bytes at the start of an official file; official is false for others

// The age of the youngest official file; nullopt without one.
std::optional<std::chrono::milliseconds> signatureAge(const std::vector<SignatureFileInfo>& files, std::int64_t now);
enum class Freshness { own, fresh, degraded, unhealthy }; // own: no official files
Freshness freshnessOf(std::optional<std::chrono::milliseconds> age);

// Loads these bytes alone, under that name, in a process of its own, which proves itself and ends. Empty, or why they cannot be used,
// for a person. Blocks for seconds (a full set: a minute); throws std::system_error.
std::string proveSignatures(const Options& options, const std::string& name, std::string_view bytes);

} // namespace postfach::scanner
