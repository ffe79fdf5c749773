#pragma once
// Proof that the temporary folder (the working directory) can be written. libclamav calls everything clean when it is missing
// or full, mostly without a word: so its numbers are looked at before, during and after each scan, and behind it a file is written, which
// no folder takes that was removed meanwhile.
#include <cstdint>
#include <string>

namespace postfach::scanner {

class TempSpace {
public:
    // `whole`: what must be free before a scan; `reserve`: below this, at any time, a scan's result is worth nothing.
    TempSpace(std::uint64_t whole, std::uint64_t reserve, std::uint64_t inodes) : whole_(whole), reserve_(reserve), inodes_(inodes) {}

    std::string problemBefore() const { return shortage(whole_); } // empty: none
    std::string problemAfter() const;
    bool low() const; // cheap: numbers alone, for every layer of a scan

private:
    std::string shortage(std::uint64_t needed) const;
    std::uint64_t whole_, reserve_, inodes_;
};

// Removes everything in the folder, not the folder. libclamav leaves some files behind, a killed worker all of them.
void emptyFolder(const std::string& folder) noexcept;

} // namespace postfach::scanner
