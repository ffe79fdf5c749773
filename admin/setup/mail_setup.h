#pragma once
// What a mail program has to know to be set up: servers, ports, security. The same for every address of a domain, and for
// one that does not exist: these documents are read by anybody.
#include "admin/context.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct MailServer {
    enum class Kind { imap, pop3, smtp } kind = Kind::imap;
    std::string host;
    std::uint16_t port = 0;
    bool tls = false; // from the first byte; else STARTTLS (RFC 8314 prefers the former)
};

struct MailSetup {
    std::string domain;
    std::vector<MailServer> incoming; // best first: TLS before STARTTLS, IMAP before POP3
    // clients.smtp. Formats that cannot do without one are given the server's own name and port 587: a mail program then
    // reads mail at once, and its owner learns of the missing half when sending.
    MailServer outgoing;
    bool outgoing_is_known = false;
};

MailSetup mailSetup(const Context& context, const std::string& domain);

// "HOST" or "HOST:PORT" of clients.smtp: 465 is TLS (RFC 8314 3.3), any other port STARTTLS. nullopt for anything else.
std::optional<MailServer> parseOutgoing(std::string_view text);

// The domain that a request is about: that of the address, else of the name it was asked under ("autoconfig.example.org").
std::string askedDomain(std::string_view address, std::string_view host);

// In the form that DNS has (RFC 5890 2.3.2.1): "xn--mller-kva.example". As it is where that cannot be said.
std::string dnsName(std::string_view name);

// --- the documents
std::string mozillaAutoconfig(const MailSetup& setup);                           // draft-ietf-mailmaint-autoconfig, XML 1.1
std::string outlookSettings(const MailSetup& setup, const std::string& address); // MS-OXDSCLI, POX, schema 2006a
std::string outlookError(int code, const std::string& message, base::Time now);
std::string appleProfile(const MailSetup& setup, const std::string& address); // not signed yet; address may be empty
std::string paccDocument(const MailSetup& setup);                             // draft-ietf-mailmaint-pacc-03
bool standardPort(const MailServer& server);                                  // of its kind and security

struct OutlookRequest {
    std::string address, schema; // EMailAddress, AcceptableResponseSchema
};
// Throws Problem 400 for what is no XML, or has a document type: nothing is ever expanded or fetched.
OutlookRequest parseOutlookRequest(const std::string& xml);

} // namespace postfach::admin
