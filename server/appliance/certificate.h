#pragma once
#include "server/base/config.h"
#include "server/net/certificates.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace postfach::appliance {

// What tls.certificate, tls.key and tls.folder say.
struct CertificateFiles {
    net::CertificatePair standard;
    std::string folder;
    bool own = false; // the standard pair is the self-signed one in DIR/tls
    bool operator==(const CertificateFiles&) const = default;
};
CertificateFiles certificateFiles(const base::Config& config, const std::string& data);
// Makes the self-signed pair where there is none yet.
void makeOwnCertificate(const CertificateFiles& files, const std::string& server_name);

// Looks at the certificates' files now and then, on a thread of its own.
class CertificateWatch {
public:
    CertificateWatch(net::Certificates& certificates, std::chrono::milliseconds every); // which outlive it
    ~CertificateWatch();
    CertificateWatch(const CertificateWatch&) = delete;
    CertificateWatch& operator=(const CertificateWatch&) = delete;

private:
    void run(std::chrono::milliseconds every);

    net::Certificates& certificates_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stop_ = false; // guarded by mutex_
    std::thread thread_;
};

} // namespace postfach::appliance
