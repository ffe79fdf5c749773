#include "scanner/process/stage.h"
#include "scanner/signature_files.h"
#include "server/base/file.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace postfach::scanner {
namespace fs = std::filesystem;

namespace {

void hashFile(base::Sha256Stream& into, const std::string& path, std::size_t most)
{
    const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string block(1 << 16, '\0');
    while (fd && most > 0) {
        const ssize_t got = ::read(fd.get(), block.data(), std::min(block.size(), most));
        if (got <= 0)
            return;
        into.update(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
        most -= static_cast<std::size_t>(got);
    }
}

} // namespace

bool isOfficial(const std::string& name)
{
    const std::string low = base::lower(name);
    return low.ends_with(".cvd") || low.ends_with(".cld") || low.ends_with(".cud");
}

void Stage::drop(const std::string& name)
{
    std::error_code ignored;
    fs::remove(fs::path(folder) / name, ignored);
    files.erase(std::remove(files.begin(), files.end(), name), files.end());
}

std::string Stage::fingerprint() const
{
    constexpr std::size_t kSignedHead = 512; // holds version, time, MD5 of the rest, and the signature over them
    base::Sha256Stream hash;
    for (const std::string& name : files) {
        const std::string path = folder + "/" + name;
        std::error_code ignored;
        hash.update(name);
        hash.update(std::string_view("\0", 1));
        hash.update(std::to_string(fs::file_size(path, ignored)) + "\n");
        hashFile(hash, path, isOfficial(name) ? kSignedHead : static_cast<std::size_t>(-1));
    }
    return base::hex(hash.finish());
}

Stage stageSignatures(const std::string& from, const std::string& into)
{
    Stage stage;
    stage.folder = into;
    base::makeFolders(into);
    for (const SignatureFile& file : listSignatures(from)) {
        const fs::path source = fs::path(from) / file.name;
        const fs::path target = fs::path(into) / file.name;
        std::error_code problem;
        if (isOfficial(file.name)) {
            const fs::path real = fs::canonical(source, problem); // link the file, not a symbolic link to it
            if (!problem)
                fs::create_hard_link(real, target, problem);
            if (!problem) {
                stage.files.push_back(file.name);
                continue;
            }
        }
        problem.clear();
        fs::copy_file(source, target, problem);
        if (problem) {
            if (stage.trouble.empty())
                stage.trouble = file.name + ": " + problem.message();
            continue;
        }
        stage.files.push_back(file.name);
    }
    return stage;
}

} // namespace postfach::scanner
