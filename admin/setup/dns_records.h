#pragma once
// The records that a domain's zone needs, so that mail programs find this server and mail finds its way to it.
#include "admin/setup/mail_setup.h"

#include <string>
#include <vector>

struct ssl_ctx_st;

namespace postfach::admin {

struct DnsRecord {
    enum class State {
        unchecked, // nobody asked, or DNS could not be
        present,
        differs, // there are others under this name and type
        missing,
    };
    std::string name, type, value; // absolute, in ASCII, in the form of a zone file
    std::string purpose;           // for a person
    State state = State::unchecked;
    std::vector<std::string> found; // what DNS says
};
std::string_view stateName(DnsRecord::State state);

// RFC 6186 and 8314 (SRV), RFC 6698 and 7673 (TLSA), MX, the names that autoconfiguration asks.
std::vector<DnsRecord> dnsRecords(const Context& context, const MailSetup& setup, SSL_CTX* certificate);

class DnsResolver {
public:
    virtual ~DnsResolver() = default;
    // Values as dnsRecords() writes them; empty for a name or type that is not there; nullopt when nobody answers.
    virtual std::optional<std::vector<std::string>> ask(const std::string& name, const std::string& type) = 0;
};
// `server` is "ADDRESS" or "ADDRESS:PORT" (IPv4); empty: the system's. Two seconds a question.
std::unique_ptr<DnsResolver> systemResolver(const std::string& server);

// Asks for each record, for ten seconds at most; what was not reached stays unchecked.
void checkRecords(std::vector<DnsRecord>& records, DnsResolver& resolver);

} // namespace postfach::admin
