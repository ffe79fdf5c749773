#pragma once
// Exact hash signatures (.hdb, .hsb and their kin, in a folder or inside ClamAV's archives) against what is recorded of the inside of
// stored mail, without reading any. What agrees is a candidate: it is scanned first. It replaces no pass: other kinds of signatures ask
// for the content, and of some contents too much was inside to be recorded.
#include "server/store/store.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::delivery {

class HashSignatures {
public:
    // All that are in the folder's files. What cannot be read is left out: the scanner is who refuses bad sets.
    static HashSignatures load(const std::string& folder);

    void addLines(std::string_view text);   // of one file: HASH:SIZE:NAME
    void finish();                          // after the last lines, before the first question
    bool matches(const store::InnerHash& inner) const;
    std::size_t size() const { return md5_.size() + sha1_.size() + sha256_.size(); }

private:
    struct Entry {
        std::uint64_t first = 0; // bytes of the hash
        std::uint32_t size = 0;  // of the file; 0: any
        auto operator<=>(const Entry&) const = default;
    };
    static bool has(const std::vector<Entry>& sorted, std::uint64_t first, std::uint32_t size);
    std::vector<Entry> md5_, sha1_, sha256_;
};

// Contents of which something inside has the hash and the size of a signature, newest first.
std::vector<store::BodyId> candidates(store::ReadTx& tx, const HashSignatures& signatures);

} // namespace postfach::delivery
