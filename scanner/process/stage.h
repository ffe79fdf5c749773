#pragma once
// The signature folder as it was at one moment, set aside: freshclam may replace files while we read them, and the set that
// works must still be there when the folder no longer does.
#include <string>
#include <vector>

namespace postfach::scanner {

struct Stage {
    std::string folder;
    std::vector<std::string> files; // names, sorted
    std::string trouble;            // files that could not be read; empty when all is well

    void drop(const std::string& name);
    std::string fingerprint() const; // hex; of names, sizes and contents (of signed archives: their signed head)
};

// True for the archives ClamAV's makers sign (.cvd and its kin). They come by rename and are never changed in place.
bool isOfficial(const std::string& name);

// Official archives are linked where the file system allows, all others copied. An absent folder gives an empty stage.
Stage stageSignatures(const std::string& from, const std::string& into);

} // namespace postfach::scanner
