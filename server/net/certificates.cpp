#include "server/net/certificates.h"

#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace postfach::net {
namespace {
namespace fs = std::filesystem;

base::Gauge g_certificates{"postfach_tls_certificates", "Certificates in use"};
base::Gauge g_expires{"postfach_tls_certificate_expires_seconds", "When the first of the certificates in use expires, in seconds since 1970"};

// What certbot and acme.sh, and what secrets of container engines are called.
constexpr std::array<std::pair<const char*, const char*>, 2> kInFolders{{{"fullchain.pem", "privkey.pem"}, {"tls.crt", "tls.key"}}};

bool isFile(const fs::path& path)
{
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

// Follows links: a renewal often swaps a link.
std::string stateOf(const std::string& path)
{
    struct stat at {};
    if (::stat(path.c_str(), &at) != 0)
        return "none";
    std::string state;
    for (const auto number : {static_cast<long long>(at.st_dev), static_cast<long long>(at.st_ino), static_cast<long long>(at.st_size),
                              static_cast<long long>(at.st_mtim.tv_sec), static_cast<long long>(at.st_mtim.tv_nsec),
                              static_cast<long long>(at.st_ctim.tv_sec), static_cast<long long>(at.st_ctim.tv_nsec)})
        state += std::to_string(number) + ' ';
    return state;
}

std::vector<CertificatePair> pairsIn(const std::string& folder)
{
    std::vector<CertificatePair> pairs;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const fs::path path = at->path();
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) {
            for (const auto& [certificate, key] : kInFolders)
                if (isFile(path / certificate) && isFile(path / key))
                    pairs.push_back({path / certificate, path / key});
            continue;
        }
        const fs::path key = fs::path(path).replace_extension(".key");
        // A certificate that names its kind is missed when its key is not there; other PEM files may be chains or keys.
        if (path.extension() == ".crt" || (path.extension() == ".pem" && isFile(key)))
            pairs.push_back({path, key});
    }
    if (error)
        throw base::Refused("TLS: cannot read the folder " + folder + ": " + error.message());
    return pairs;
}
} // namespace

Certificates::Survey Certificates::survey(const CertificatePair& standard, const std::string& folder)
{
    std::vector<CertificatePair> pairs;
    if (!folder.empty())
        pairs = pairsIn(folder);
    pairs.push_back(standard);
    Survey found;
    for (auto& pair : pairs) {
        const std::string state = stateOf(pair.certificate) + "/ " + stateOf(pair.key);
        const std::string path = pair.certificate;
        found[path] = {std::move(pair), state};
    }
    return found;
}

// The state was taken before the files are read: what is written meanwhile is seen at the next look.
void Certificates::load(const CertificatePair& pair, const std::string& state, Loaded& into)
{
    const bool first = into.state.empty();
    into.state = state;
    try {
        auto context = TlsContext::load(pair.certificate, pair.key);
        std::string names;
        for (const auto& name : context->names())
            names += (names.empty() ? "" : ",") + name;
        base::logInfo("net", first ? "certificate read" : "certificate read again",
                      {{"file", pair.certificate}, {"names", names}, {"expires", context->expires()}});
        into.context = std::move(context);
    } catch (const base::Refused& refused) {
        base::logError("net", into.context ? "certificate not usable, the old one stays" : "certificate not usable, left out",
                       {{"reason", refused.what()}});
    }
}

Certificates::Certificates(CertificatePair standard, std::string folder) : source_(nullptr)
{
    move(std::move(standard), std::move(folder));
}

void Certificates::move(CertificatePair standard, std::string folder)
{
    Survey found = survey(standard, folder);
    Loaded first{found[standard.certificate].second, TlsContext::load(standard.certificate, standard.key)};
    base::logInfo("net", "certificate read", {{"file", standard.certificate}, {"expires", first.context->expires()}});
    const std::lock_guard lock(mutex_);
    standard_ = std::move(standard);
    folder_ = std::move(folder);
    contexts_[standard_.certificate] = std::move(first);
    take(std::move(found), false);
}

void Certificates::readAgain()
{
    const std::lock_guard lock(mutex_);
    try {
        take(survey(standard_, folder_), true);
        unreadable_.clear();
    } catch (const base::Refused& refused) {
        base::logError("net", "certificates not read again, the old ones stay", {{"reason", refused.what()}});
    }
}

void Certificates::look()
{
    const std::lock_guard lock(mutex_);
    Survey found;
    try {
        found = survey(standard_, folder_);
        unreadable_.clear();
    } catch (const base::Refused& refused) {
        if (std::exchange(unreadable_, refused.what()) != refused.what())
            base::logError("net", "certificates not looked at, the old ones stay", {{"reason", refused.what()}});
        return;
    }
    const auto same = [](const Survey& a, const Survey& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](const auto& x, const auto& y) { return x.first == y.first && x.second.second == y.second.second; });
    };
    if (same(found, taken_)) {
        still_.clear();
        return;
    }
    if (!same(found, still_)) { // somebody may still be writing
        still_ = std::move(found);
        return;
    }
    take(std::move(found), false);
}

void Certificates::take(Survey found, bool all)
{
    for (const auto& [path, pair] : found) {
        Loaded& loaded = contexts_[path];
        if (all || loaded.state != pair.second)
            load(pair.first, pair.second, loaded);
    }
    for (auto at = contexts_.begin(); at != contexts_.end();) {
        if (found.count(at->first) != 0) {
            ++at;
            continue;
        }
        base::logInfo("net", "certificate gone, no longer shown", {{"file", at->first}});
        at = contexts_.erase(at);
    }
    taken_ = std::move(found);
    still_.clear();
    publish();
}

void Certificates::publish()
{
    std::vector<std::shared_ptr<const TlsContext>> others;
    const auto standard = contexts_.at(standard_.certificate).context;
    std::int64_t expires = standard->expiresAt();
    for (const auto& [path, loaded] : contexts_) {
        if (!loaded.context || path == standard_.certificate)
            continue;
        others.push_back(loaded.context);
        expires = std::min(expires, loaded.context->expiresAt());
    }
    g_certificates.set(static_cast<std::int64_t>(others.size() + 1));
    g_expires.set(expires);
    source_.replace(withNames(standard, others));
}

} // namespace postfach::net
