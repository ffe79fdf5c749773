#include "admin/setup/dns_records.h"
#include "admin/setup/certificate.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <algorithm>
#include <chrono>
#include <map>

namespace postfach::admin {
namespace {
using Kind = MailServer::Kind;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kWholeCheck = std::chrono::seconds(10);
constexpr unsigned kSilentQuestions = 2; // then nobody is there, and the rest need not be asked

struct Service {
    const char* label;
    Kind kind;
    bool tls;
    unsigned priority; // RFC 6186 3.3 and RFC 8314 5.1: TLS before STARTTLS, IMAP before POP3
    const char* purpose;
};
constexpr Service kServices[] = {
    {"_imaps._tcp", Kind::imap, true, 0, "IMAP with TLS (RFC 8314)"},
    {"_imap._tcp", Kind::imap, false, 10, "IMAP with STARTTLS (RFC 6186)"},
    {"_pop3s._tcp", Kind::pop3, true, 20, "POP3 with TLS (RFC 8314)"},
    {"_pop3._tcp", Kind::pop3, false, 30, "POP3 with STARTTLS (RFC 6186)"},
    {"_submissions._tcp", Kind::smtp, true, 0, "sending mail with TLS (RFC 8314)"},
    {"_submission._tcp", Kind::smtp, false, 10, "sending mail with STARTTLS (RFC 6186)"},
};

std::string srv(unsigned priority, std::uint16_t port, const std::string& host)
{
    return std::to_string(priority) + " 1 " + std::to_string(port) + " " + host + ".";
}

// Names are compared without regard to case, all of what we ask for; digests of TXT are not.
std::string comparable(const DnsRecord& record, const std::string& value)
{
    return record.type == "TXT" ? value : base::lower(value);
}
} // namespace

std::string_view stateName(DnsRecord::State state)
{
    switch (state) {
    case DnsRecord::State::unchecked: return "unchecked";
    case DnsRecord::State::present: return "present";
    case DnsRecord::State::differs: return "differs";
    case DnsRecord::State::missing: return "missing";
    }
    return "unchecked";
}

std::vector<DnsRecord> dnsRecords(const Context& context, const MailSetup& setup, SSL_CTX* certificate)
{
    const auto domain = dnsName(setup.domain), server = dnsName(context.server_name);
    std::vector<DnsRecord> out;
    const auto add = [&out](const std::string& name, const char* type, const std::string& value, const std::string& purpose) {
        out.push_back({name + ".", type, value, purpose, DnsRecord::State::unchecked, {}});
    };

    add(domain, "MX", "10 " + dnsName(context.clients.mx.empty() ? context.server_name : context.clients.mx) + ".",
        "mail for the domain goes to the MTA that delivers here");
    for (const auto& service : kServices) {
        const MailServer* offered = nullptr;
        for (const auto& one : setup.incoming)
            if (one.kind == service.kind && one.tls == service.tls)
                offered = &one;
        if (service.kind == Kind::smtp && setup.outgoing_is_known && setup.outgoing.tls == service.tls)
            offered = &setup.outgoing;
        // RFC 6186 3.4: "." says that there is none, which spares mail programs their guesses.
        add(std::string(service.label) + "." + domain, "SRV",
            offered ? srv(service.priority, offered->port, dnsName(offered->host)) : "0 0 0 .",
            std::string(service.purpose) + (offered ? "" : ": not offered"));
    }
    for (const auto& [label, purpose] : {std::pair("autoconfig", "Thunderbird and others ask here, on port 443"),
             std::pair("autodiscover", "Outlook asks here, on port 443"),
             std::pair("ua-auto-config", "mail programs that know PACC ask here, on port 443")})
        if (label + ("." + domain) != server)
            add(label + ("." + domain), "CNAME", server + ".", purpose);
    add("_autodiscover._tcp." + domain, "SRV", srv(0, 443, server),
        "Outlook, where autodiscover." + domain + " does not lead here");
    const auto digest = base::sha256(paccDocument(setup));
    add("_ua-auto-config." + domain, "TXT",
        "v=UAAC1; a=sha256; d=" + base::base64({reinterpret_cast<const char*>(digest.data()), digest.size()}),
        "the digest of what mail programs that know PACC are told; it changes with the ports");
    if (const auto key = certificate ? publicKeySha256(certificate) : std::string(); !key.empty())
        for (const auto& one : setup.incoming)
            add("_" + std::to_string(one.port) + "._tcp." + server, "TLSA", "3 1 1 " + key,
                "the key of this server's certificate (RFC 6698); worth something in a signed zone only");
    return out;
}

void checkRecords(std::vector<DnsRecord>& records, DnsResolver& resolver)
{
    const auto end = SteadyClock::now() + kWholeCheck;
    unsigned silent = 0;
    for (auto& record : records) {
        if (SteadyClock::now() >= end || silent >= kSilentQuestions)
            return;
        auto found = resolver.ask(record.name, record.type);
        silent = found ? 0 : silent + 1;
        if (!found)
            continue;
        const auto wanted = comparable(record, record.value);
        record.state = found->empty() ? DnsRecord::State::missing
            : std::any_of(found->begin(), found->end(), [&](const auto& value) { return comparable(record, value) == wanted; })
            ? DnsRecord::State::present
            : DnsRecord::State::differs;
        record.found = *std::move(found);
    }
}

} // namespace postfach::admin
