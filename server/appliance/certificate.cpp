#include "server/appliance/certificate.h"
#include "server/base/file.h"
#include "server/base/log.h"

#include <algorithm>
#include <filesystem>

namespace postfach::appliance {

CertificateFiles certificateFiles(const base::Config& config, const std::string& data)
{
    const auto& certificate = config.text("tls.certificate");
    const auto& key = config.text("tls.key");
    if (certificate.empty() != key.empty())
        throw base::Refused("tls.certificate and tls.key go together: set both or neither");
    const auto& folder = config.text("tls.folder");
    if (!certificate.empty())
        return {{certificate, key}, folder, false};
    return {{data + "/tls/certificate.pem", data + "/tls/key.pem"}, folder, true};
}

void makeOwnCertificate(const CertificateFiles& files, const std::string& server_name)
{
    if (!files.own || std::filesystem::exists(files.standard.certificate))
        return;
    base::makeFolders(std::filesystem::path(files.standard.certificate).parent_path().string());
    auto names = net::hostNames();
    if (std::find(names.begin(), names.end(), server_name) == names.end())
        names.insert(names.begin(), server_name);
    net::makeSelfSigned(files.standard.certificate, files.standard.key, names);
}

CertificateWatch::CertificateWatch(net::Certificates& certificates, std::chrono::milliseconds every)
    : certificates_(certificates), thread_([this, every] { run(every); })
{
}

CertificateWatch::~CertificateWatch()
{
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void CertificateWatch::run(std::chrono::milliseconds every)
{
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, every, [this] { return stop_; })) {
        lock.unlock();
        try {
            certificates_.look();
        } catch (const std::exception& error) { // out of memory: the next look may have some
            base::logError("appliance", "certificates not looked at", {{"reason", error.what()}});
        }
        lock.lock();
    }
}

} // namespace postfach::appliance
