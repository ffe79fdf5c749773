#pragma once
#include "server/base/config.h"
#include "server/net/tls.h"

#include <memory>
#include <string>

namespace postfach::appliance {

struct CertificateFiles {
    std::string certificate, key;
    bool own = false; // the self-signed pair in DIR/tls
};
CertificateFiles certificateFiles(const base::Config& config, const std::string& data);
// Makes the self-signed pair at the first start; throws base::Refused for files that cannot be used.
std::shared_ptr<const net::TlsContext> loadCertificate(const CertificateFiles& files, const std::string& server_name);

} // namespace postfach::appliance
