#pragma once
// The server's certificates, kept in step with their files: one standard pair, and a folder with more for other names.
//
// A pair on disk is two files, and whoever renews it writes one after the other. So a change is taken only when nothing has
// moved between two looks, and a pair that does not fit together leaves the one in use where it is, until a file changes
// again. What is wrong with one pair never keeps the others from being renewed.
#include "server/net/tls.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace postfach::net {

struct CertificatePair {
    std::string certificate, key; // PEM files
    bool operator==(const CertificatePair&) const = default;
};

class Certificates {
public:
    // `folder` may be empty. In it: NAME.crt or NAME.pem with NAME.key, and folders NAME with fullchain.pem and privkey.pem
    // (or tls.crt and tls.key). Their names are those of the certificates. Throws base::Refused for a standard pair that
    // cannot be used and for a folder that cannot be read; a bad pair in the folder is logged and left out.
    Certificates(CertificatePair standard, std::string folder);

    const TlsSource& source() const { return source_; }

    // All any thread.
    void look();      // now and then: takes what has changed, once it is still
    void readAgain(); // an administrator asks: takes everything at once
    // Other places from now on. Throws as the constructor does; then everything is as it was.
    void move(CertificatePair standard, std::string folder);

private:
    // Which files there are, and of each what changes when it is written: device, inode, size, times.
    using Survey = std::map<std::string, std::pair<CertificatePair, std::string>>; // by the certificate's path
    struct Loaded {
        std::string state;                          // of the files it was read from, or failed to be
        std::shared_ptr<const TlsContext> context;  // absent: never could be used
    };
    using Contexts = std::map<std::string, Loaded>; // by the certificate's path

    static Survey survey(const CertificatePair& standard, const std::string& folder);
    static void load(const CertificatePair& pair, const std::string& state, Loaded& into);
    void take(Survey found, bool all);
    void publish();

    std::mutex mutex_;               // guards all below but source_
    CertificatePair standard_;
    std::string folder_;
    Survey taken_, still_;           // what is in use, and what the last look saw
    std::string unreadable_;         // why the folder could not be read, said once
    Contexts contexts_;
    TlsSource source_;
};

} // namespace postfach::net
