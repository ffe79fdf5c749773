#include "scanner/signature_files.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include <sys/stat.h>

namespace postfach::scanner {
namespace {

// libclamav's list (readdb.h), plus .sign, the detached signatures of 1.5.
constexpr std::array<std::string_view, 40> kEndings{
    "cat", "cbc", "cdb", "cfg", "cld", "crb", "cud", "cvd", "db",  "fp",   "ftm",  "gdb",  "hdb", "hdu", "hsb",
    "hsu", "idb", "ign", "ign2", "imp", "info", "ioc", "ldb", "ldu", "mdb", "mdu", "msb", "msu", "ndb", "ndu",
    "pdb", "pwdb", "rmd", "sdb", "sfp", "sign", "wdb", "yar", "yara", "zmd"};
constexpr std::size_t kFiles = 2'000;

} // namespace

bool isSignatureFile(std::string_view name)
{
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0)
        return false;
    const std::string ending = base::lower(name.substr(dot + 1));
    return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

std::vector<SignatureFile> listSignatures(const std::string& folder)
{
    std::vector<SignatureFile> files;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end && files.size() < kFiles;
         entry.increment(problem)) {
        SignatureFile file;
        file.name = entry->path().filename().string();
        struct stat about {};
        if (!isSignatureFile(file.name) || ::stat(entry->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        file.size = static_cast<std::uint64_t>(about.st_size);
        file.modified = about.st_mtim.tv_sec * 1'000'000'000LL + about.st_mtim.tv_nsec;
        files.push_back(std::move(file));
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return files;
}

} // namespace postfach::scanner
