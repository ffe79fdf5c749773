#include "server/appliance/certificate.h"
#include "server/base/file.h"

#include <algorithm>
#include <filesystem>

namespace postfach::appliance {

CertificateFiles certificateFiles(const base::Config& config, const std::string& data)
{
    const auto& certificate = config.text("tls.certificate");
    const auto& key = config.text("tls.key");
    if (certificate.empty() != key.empty())
        throw base::Refused("tls.certificate and tls.key go together: set both or neither");
    if (!certificate.empty())
        return {certificate, key, false};
    return {data + "/tls/certificate.pem", data + "/tls/key.pem", true};
}

std::shared_ptr<const net::TlsContext> loadCertificate(const CertificateFiles& files, const std::string& server_name)
{
    if (files.own && !std::filesystem::exists(files.certificate)) {
        base::makeFolders(std::filesystem::path(files.certificate).parent_path().string());
        auto names = net::hostNames();
        if (std::find(names.begin(), names.end(), server_name) == names.end())
            names.insert(names.begin(), server_name);
        net::makeSelfSigned(files.certificate, files.key, names);
    }
    return net::TlsContext::load(files.certificate, files.key);
}

} // namespace postfach::appliance
