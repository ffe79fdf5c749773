// Outlook's autodiscover: the XML exchange of MS-OXDSCLI ("POX") for IMAP, POP3 and SMTP.
#include "admin/markup.h"
#include "admin/problem.h"
#include "admin/setup/mail_setup.h"
#include "server/base/text.h"

#include <Poco/Exception.h>
#include <Poco/SAX/DefaultHandler.h>
#include <Poco/SAX/LexicalHandler.h>
#include <Poco/SAX/SAXParser.h>

namespace postfach::admin {
namespace {
constexpr std::size_t kValue = 512; // of an element we read
constexpr int kDepth = 16;          // a request has four levels

[[noreturn]] void bad(const std::string& detail) { throw Problem(400, "bad_xml", detail); }

// Reads two elements and believes in nothing else. A document type is the door to entities, files and other servers: what has
// one is refused, in whatever encoding it came. Nothing is thrown from here, where the parser's C code stands between.
class RequestHandler final : public Poco::XML::DefaultHandler, public Poco::XML::LexicalHandler {
public:
    void startElement(const Poco::XML::XMLString&, const Poco::XML::XMLString& local, const Poco::XML::XMLString&,
        const Poco::XML::Attributes&) override
    {
        if (++depth_ > kDepth)
            refusal = "The XML is nested too deep.";
        value_ = local == "EMailAddress" ? &request.address : local == "AcceptableResponseSchema" ? &request.schema : nullptr;
        if (value_ != nullptr)
            value_->clear();
    }
    void endElement(const Poco::XML::XMLString&, const Poco::XML::XMLString&, const Poco::XML::XMLString&) override
    {
        --depth_;
        value_ = nullptr;
    }
    void characters(const Poco::XML::XMLChar* text, int start, int length) override
    {
        if (value_ == nullptr)
            return;
        if (value_->size() + static_cast<std::size_t>(length) > kValue)
            refusal = "An element is too long.";
        else
            value_->append(text + start, static_cast<std::size_t>(length));
    }

    void startDTD(const Poco::XML::XMLString&, const Poco::XML::XMLString&, const Poco::XML::XMLString&) override
    {
        refusal = "A document type is not allowed.";
    }
    void endDTD() override {}
    void startEntity(const Poco::XML::XMLString&) override {}
    void endEntity(const Poco::XML::XMLString&) override {}
    void startCDATA() override {}
    void endCDATA() override {}
    void comment(const Poco::XML::XMLChar*, int, int) override {}

    OutlookRequest request;
    const char* refusal = nullptr;

private:
    int depth_ = 0;
    std::string* value_ = nullptr; // where the text of the element goes
};

std::string protocol(const char* type, const MailServer& server, const std::string& address)
{
    return std::string("      <Protocol>\n        <Type>") + type + "</Type>\n        <Server>" + markupText(server.host)
        + "</Server>\n        <Port>" + std::to_string(server.port)
        + "</Port>\n        <DomainRequired>off</DomainRequired>\n        <LoginName>" + markupText(address)
        + "</LoginName>\n        <SPA>off</SPA>\n        <SSL>" + (server.tls ? "on" : "off") + "</SSL>\n        <Encryption>"
        + (server.tls ? "SSL" : "TLS") + "</Encryption>\n        <AuthRequired>on</AuthRequired>\n      </Protocol>\n";
}

constexpr const char* kHead = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                              "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n";
} // namespace

OutlookRequest parseOutlookRequest(const std::string& xml)
{
    RequestHandler handler;
    try {
        Poco::XML::SAXParser parser;
        parser.setFeature(Poco::XML::XMLReader::FEATURE_NAMESPACES, true);
        parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_GENERAL_ENTITIES, false);
        parser.setFeature(Poco::XML::XMLReader::FEATURE_EXTERNAL_PARAMETER_ENTITIES, false);
        parser.setContentHandler(&handler);
        parser.setProperty(Poco::XML::XMLReader::PROPERTY_LEXICAL_HANDLER, static_cast<Poco::XML::LexicalHandler*>(&handler));
        parser.parseMemoryNP(xml.data(), xml.size());
    } catch (const Poco::Exception&) {
        bad("The body is no XML that can be understood.");
    }
    if (handler.refusal != nullptr)
        bad(handler.refusal);
    auto request = handler.request;
    request.address = std::string(base::trim(request.address));
    request.schema = std::string(base::trim(request.schema));
    if (request.address.find_first_of("\r\n\t") != std::string::npos)
        bad("The address is none.");
    return request;
}

std::string outlookSettings(const MailSetup& setup, const std::string& address)
{
    std::string xml = kHead
        + std::string("  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\n"
                      "    <User>\n      <DisplayName>")
        + markupText(address)
        + "</DisplayName>\n    </User>\n    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n";
    // One of a kind, the best: Outlook takes the first.
    bool imap = false, pop3 = false;
    for (const auto& server : setup.incoming) {
        bool& done = server.kind == MailServer::Kind::imap ? imap : pop3;
        if (!done)
            xml += protocol(server.kind == MailServer::Kind::imap ? "IMAP" : "POP3", server, address);
        done = true;
    }
    if (setup.outgoing_is_known)
        xml += protocol("SMTP", setup.outgoing, address);
    return xml + "    </Account>\n  </Response>\n</Autodiscover>\n";
}

std::string outlookError(int code, const std::string& message, base::Time now)
{
    return kHead + std::string("  <Response>\n    <Error Time=\"") + base::rfc3339(now).substr(11, 12)
        + "\" Id=\"0\">\n      <ErrorCode>" + std::to_string(code) + "</ErrorCode>\n      <Message>" + markupText(message)
        + "</Message>\n      <DebugData/>\n    </Error>\n  </Response>\n</Autodiscover>\n";
}

} // namespace postfach::admin
