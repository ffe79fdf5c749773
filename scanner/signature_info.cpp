#include "scanner/signature_info.h"
#include "scanner/generation.h"
#include "scanner/memory.h"
#include "server/base/file.h"
#include "server/base/id.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace postfach::scanner {
namespace {
using namespace std::chrono_literals;

constexpr std::size_t kHead = 512;
constexpr auto kDegraded = 48h;     // ClamAV makes a new daily set every day
constexpr auto kUnhealthy = 24h * 7;
constexpr auto kProofTime = 10min;

bool endsWith(std::string_view name, std::initializer_list<std::string_view> endings)
{
    const std::string low = base::lower(name);
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return low.ends_with(ending); });
}

// What loading takes: an official file is packed, a text is not.
std::uint64_t memoryFor(std::string_view name, std::uint64_t size)
{
    return size * (endsWith(name, {".cvd", ".cld", ".cud"}) ? 8 : 4);
}

struct TemporaryFolder {
    explicit TemporaryFolder(std::string where) : path(std::move(where)) { base::makeFolders(path); }
    ~TemporaryFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string path;
};

} // namespace

// ClamAV-VDB:17 Sep 2021 08-32 -0400:26297:1940123:90:MD5:signature:builder:1631881933
SignatureFileInfo describeHead(std::string_view head)
{
    SignatureFileInfo info;
    head = head.substr(0, kHead);
    const auto fields = base::split(base::trim(head), ':');
    if (fields.size() < 9 || fields[0] != "ClamAV-VDB")
        return info;
    info.official = true;
    info.version = base::parseU64(fields[2]).value_or(0);
    info.count = base::parseU64(fields[3]).value_or(0);
    if (const auto seconds = base::parseU64(base::trim(fields[8])); seconds && *seconds < (1ULL << 40))
        info.built = static_cast<std::int64_t>(*seconds) * 1000;
    return info;
}

std::vector<SignatureFileInfo> describeSignatures(const std::string& folder)
{
    std::vector<SignatureFileInfo> all;
    for (const SignatureFile& file : listSignatures(folder)) {
        SignatureFileInfo info;
        if (endsWith(file.name, {".cvd", ".cld", ".cud"})) {
            const base::Fd fd(::open((folder + "/" + file.name).c_str(), O_RDONLY | O_CLOEXEC));
            std::array<char, kHead> head{};
            const ssize_t got = fd ? ::read(fd.get(), head.data(), head.size()) : -1;
            if (got > 0)
                info = describeHead({head.data(), static_cast<std::size_t>(got)});
        }
        static_cast<SignatureFile&>(info) = file;
        all.push_back(std::move(info));
    }
    return all;
}

std::optional<std::chrono::milliseconds> signatureAge(const std::vector<SignatureFileInfo>& files, std::int64_t now)
{
    std::optional<std::chrono::milliseconds> age;
    for (const auto& file : files)
        if (file.built) {
            const auto own = std::chrono::milliseconds(std::max<std::int64_t>(now - *file.built, 0));
            age = age ? std::min(*age, own) : own;
        }
    return age;
}

Freshness freshnessOf(std::optional<std::chrono::milliseconds> age)
{
    return !age ? Freshness::own : *age > kUnhealthy ? Freshness::unhealthy : *age > kDegraded ? Freshness::degraded : Freshness::fresh;
}

std::string proveSignatures(const Options& options, const std::string& name, std::string_view bytes)
{
    if (endsWith(name, {".cvd", ".cld"}) && !describeHead(bytes).official)
        return "it is no official file of ClamAV: its head says something else";
    if (availableMemory() < memoryFor(name, bytes.size()))
        return "there is too little free memory to prove it";
    const std::string place = std::filesystem::absolute(options.run_folder).string() + "/generation-proof-" + base::randomHex(8);
    const TemporaryFolder folder(place + "-files");
    base::writeFileDurably(folder.path + "/" + name, bytes);

    Options own = options;
    own.workers = 1;
    own.program = std::filesystem::absolute(options.program).string();
    Generation::Plan plan;
    plan.signatures = folder.path;
    plan.strict = true;
    Generation generation(own, plan, place, 1);
    const auto until = std::chrono::steady_clock::now() + kProofTime;
    while (!generation.loaded && generation.failure.empty() && std::chrono::steady_clock::now() < until) {
        pollfd waiting{generation.control.get(), POLLIN, 0};
        ::poll(&waiting, 1, 1'000);
        if (!generation.hear())
            break;
    }
    if (!generation.failure.empty())
        return generation.failure;
    if (!generation.loaded)
        return "the scanner ended while it was loaded";
    if (!generation.detail.empty()) // a .yara with a mistake loads as nothing, with a warning
        return generation.detail;
    if (generation.count < 2 && !endsWith(name, {".fp", ".sfp", ".ign2", ".wdb"}))
        return "there are no signatures in it";
    return {};
}

} // namespace postfach::scanner
