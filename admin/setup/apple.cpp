// A configuration profile for Mail on iOS, iPadOS and macOS (Apple, "Device Management: Mail").
#include "admin/markup.h"
#include "admin/setup/mail_setup.h"
#include "server/base/hash.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {

// The same for the same address, so that a profile that is installed again replaces the one before (RFC 9562 5.8, version 8).
std::string uuidOf(const std::string& what)
{
    auto digits = base::upper(base::hex(base::sha256(what))).substr(0, 32);
    digits[12] = '8';
    digits[16] = 'A';
    for (const std::size_t at : {20, 16, 12, 8})
        digits.insert(at, "-");
    return digits;
}

std::string entry(const char* key, const std::string& value) // a text
{
    return std::string("      <key>") + key + "</key><string>" + markupText(value) + "</string>\n";
}
std::string entry(const char* key, bool value)
{
    return std::string("      <key>") + key + "</key><" + (value ? "true" : "false") + "/>\n";
}
std::string entry(const char* key, std::uint16_t value)
{
    return std::string("      <key>") + key + "</key><integer>" + std::to_string(value) + "</integer>\n";
}

std::string reversed(const std::string& domain)
{
    std::string out;
    for (const auto label : base::split(domain, '.'))
        out = std::string(label) + (out.empty() ? "" : ".") + out;
    return out;
}
} // namespace

std::string appleProfile(const MailSetup& setup, const std::string& address)
{
    const auto who = address.empty() ? setup.domain : address;
    const auto identifier = reversed(dnsName(setup.domain)) + ".postfach.mail";
    std::string xml =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\">\n<dict>\n  <key>PayloadContent</key>\n  <array>\n    <dict>\n";
    xml += entry("PayloadType", std::string("com.apple.mail.managed")) + entry("PayloadVersion", std::uint16_t{1})
        + entry("PayloadIdentifier", identifier + ".account") + entry("PayloadUUID", uuidOf("account " + who))
        + entry("PayloadDisplayName", "Mail of " + who) + entry("EmailAccountDescription", setup.domain);
    if (!address.empty()) // else the device asks
        xml += entry("EmailAddress", address) + entry("IncomingMailServerUsername", address)
            + entry("OutgoingMailServerUsername", address);
    for (const auto& server : setup.incoming) {
        const bool imap = server.kind == MailServer::Kind::imap;
        xml += entry("EmailAccountType", std::string(imap ? "EmailTypeIMAP" : "EmailTypePOP"))
            + entry("IncomingMailServerHostName", server.host) + entry("IncomingMailServerPortNumber", server.port)
            + entry("IncomingMailServerUseSSL", true)
            + entry("IncomingMailServerAuthentication", std::string("EmailAuthPassword"));
        break; // a profile describes one: the best
    }
    xml += entry("OutgoingMailServerHostName", setup.outgoing.host) + entry("OutgoingMailServerPortNumber", setup.outgoing.port)
        + entry("OutgoingMailServerUseSSL", true) + entry("OutgoingMailServerAuthentication", std::string("EmailAuthPassword"))
        + entry("OutgoingPasswordSameAsIncomingPassword", true);
    xml += "    </dict>\n  </array>\n";
    xml += entry("PayloadType", std::string("Configuration")) + entry("PayloadVersion", std::uint16_t{1})
        + entry("PayloadIdentifier", identifier) + entry("PayloadUUID", uuidOf("profile " + who))
        + entry("PayloadDisplayName", "Mail of " + who) + entry("PayloadOrganization", setup.domain)
        + entry("PayloadRemovalDisallowed", false);
    return xml + "</dict>\n</plist>\n";
}

} // namespace postfach::admin
