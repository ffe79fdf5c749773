// What Thunderbird, Evolution, KMail, K-9 and others ask of autoconfig.DOMAIN (draft-ietf-mailmaint-autoconfig).
#include "admin/markup.h"
#include "admin/setup/mail_setup.h"

namespace postfach::admin {
namespace {
void add(std::string& xml, const char* element, const char* type, const MailServer& server)
{
    // "password-cleartext" is PLAIN, within TLS. "password-encrypted" would be CRAM-MD5, for which passwords had to be kept.
    xml += "    <" + std::string(element) + " type=\"" + type + "\">\n      <hostname>" + markupText(server.host)
        + "</hostname>\n      <port>" + std::to_string(server.port) + "</port>\n      <socketType>"
        + (server.tls ? "SSL" : "STARTTLS")
        + "</socketType>\n      <authentication>password-cleartext</authentication>\n      <username>%EMAILADDRESS%</username>\n "
          "   </"
        + element + ">\n";
}
} // namespace

std::string mozillaAutoconfig(const MailSetup& setup)
{
    const auto domain = markupText(setup.domain);
    std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  <emailProvider id=\""
        + domain + "\">\n    <domain>" + domain + "</domain>\n    <displayName>" + domain
        + "</displayName>\n    <displayShortName>" + domain + "</displayShortName>\n";
    for (const auto& server : setup.incoming)
        add(xml, "incomingServer", server.kind == MailServer::Kind::imap ? "imap" : "pop3", server);
    add(xml, "outgoingServer", "smtp", setup.outgoing); // Thunderbird takes no document without one
    return xml + "  </emailProvider>\n</clientConfig>\n";
}

} // namespace postfach::admin
