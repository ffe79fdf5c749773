// Mail programs set themselves up, and the zone that leads them here.
#include "admin/setup/mail_setup.h"
#include "server/base/hash.h"
#include "server/base/text.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/fake_dns.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include <chrono>

using namespace postfach::test;
namespace base = postfach::base;

namespace {
TestServer::Settings named(std::vector<std::pair<std::string, std::string>> more = {})
{
    TestServer::Settings settings;
    settings.config = {{"server.name", "mail.example.net"}, {"clients.smtp", "smtp.example.net:465"}};
    settings.config.insert(settings.config.end(), more.begin(), more.end());
    return settings;
}

std::string outlook(const std::string& address,
    const std::string& schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a")
{
    return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Autodiscover "
           "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">"
           "<Request><EMailAddress>"
        + address + "</EMailAddress><AcceptableResponseSchema>" + schema + "</AcceptableResponseSchema></Request></Autodiscover>";
}

HttpReply discover(Http& http, const std::string& xml, const std::string& path = "/autodiscover/autodiscover.xml")
{
    return http.request("POST", path, xml, {{"Content-Type", "text/xml"}});
}

std::string without(std::string text, const std::string& what)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what))
        text.erase(at, what.size());
    return text;
}

bool has(const HttpReply& reply, const std::string& text) { return reply.body.find(text) != std::string::npos; }
} // namespace

TEST_CASE("What mail programs are told names no account and no foreign domain", "[admin][setup]")
{
    TestServer server(named());
    Http http(server);
    const std::string mozilla = "/mail/config-v1.1.xml?emailaddress=", apple = "/mail/apple.mobileconfig?emailaddress=";

    SECTION("a domain that is not served is not found")
    {
        for (const std::string target : {"/mail/config-v1.1.xml", "/mail/config-v1.1.xml?emailaddress=a%40elsewhere.example",
                 "/mail/apple.mobileconfig", "/.well-known/user-agent-configuration.json",
                 "/autodiscover/autodiscover.json?Email=a%40x.example&Protocol=AutodiscoverV1"}) {
            INFO(target);
            CHECK(http.get(target).status == 404);
        }
        CHECK(has(discover(http, outlook("a@elsewhere.example")), "<ErrorCode>500</ErrorCode>"));
    }
    SECTION("whoever is asked about, the answer is the same")
    {
        CHECK(http.get(mozilla + "alice%40example.org").body == http.get(mozilla + "nobody%40example.org").body);
        CHECK(http.get(mozilla + "alice%40EXAMPLE.org").body == http.get(mozilla + "x%40example.org").body);
        const auto known = discover(http, outlook("alice@example.org")), unknown = discover(http, outlook("nobody@example.org"));
        CHECK(known.status == 200);
        CHECK(without(known.body, "alice@example.org") == without(unknown.body, "nobody@example.org"));
        CHECK(http.get(apple + "alice%40example.org").status == http.get(apple + "nobody%40example.org").status);
    }
    SECTION("parameters that mail programs add are passed over, and markup stays text")
    {
        CHECK(http.get(mozilla + "a%40example.org&client=x").status == 200);
        const auto reply = discover(http, outlook("&lt;b&gt;&amp;&quot;@example.org"));
        CHECK(has(reply, "<LoginName>&lt;b&gt;&amp;&quot;@example.org</LoginName>"));
        CHECK(http.get(mozilla + std::string(400, 'a') + "%40example.org").status == 422);
    }
}

TEST_CASE("An autodiscover request that would make a parser fetch or expand is refused", "[admin][setup][threats-33]")
{
    TestServer server(named());
    Http http(server);
    const std::string entity = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    CHECK(discover(http, entity + "<Autodiscover><Request><EMailAddress>&x;@example.org</EMailAddress></Request></Autodiscover>")
              .text("code")
        == "bad_xml");
    CHECK(discover(http, "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;&b;\">]><EMailAddress>&c;@example.org</EMailAddress>")
              .status
        == 400);
    CHECK(discover(http, "<!DOCTYPE a SYSTEM \"http://169.254.169.254/x.dtd\"><a/>").status == 400);
    std::string utf16 = "\xFF\xFE";
    for (const char c : "<?xml version=\"1.0\" encoding=\"utf-16\"?>" + entity + "<a/>")
        utf16 += std::string(1, c) + '\0';
    CHECK(discover(http, utf16).status == 400);
    CHECK(discover(http, "<a><b></a>").status == 400);
    CHECK(discover(http, "no xml").status == 400);
    std::string deep;
    for (int i = 0; i < 5000; ++i)
        deep += "<a>";
    CHECK(discover(http, deep).status == 400);
    CHECK(discover(http, "<EMailAddress>" + std::string(5000, 'a') + "@example.org</EMailAddress>").status == 400);
    CHECK(has(discover(http, outlook("nobody")), "<ErrorCode>600</ErrorCode>"));
    CHECK(has(
        discover(http,
            outlook("alice@example.org", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006")),
        "<ErrorCode>601</ErrorCode>"));
    CHECK(http.get("/autodiscover/autodiscover.xml").status == 405);
    CHECK(http.request("POST", "/autodiscover/autodiscover.xml", outlook("a@example.org"), {{"Content-Type", "application/json"}})
              .status
        == 415);
    Http large(server);
    CHECK(discover(large, "<a>" + std::string(70'000, ' ') + "</a>").status == 413);
}

TEST_CASE("Mail programs are told the servers, ports and security that there are", "[admin][setup]")
{
    TestServer server(named({{"pop3.port", "off"}}));
    Http http(server);
    const auto port = [&](const char* service) { return std::to_string(server.port(service)); };

    SECTION("Thunderbird, by the address or by the name that it asks")
    {
        const auto reply = http.get("/mail/config-v1.1.xml?emailaddress=alice%40example.org");
        CHECK(reply.headers.at("content-type") == "text/xml; charset=utf-8");
        CHECK(has(reply, "<emailProvider id=\"example.org\">"));
        CHECK(has(reply,
            "<hostname>mail.example.net</hostname>\n      <port>" + port("imaps")
                + "</port>\n      <socketType>SSL</socketType>"));
        CHECK(has(reply, "<port>" + port("imap") + "</port>\n      <socketType>STARTTLS</socketType>"));
        CHECK(has(reply, "<port>" + port("pop3s") + "</port>\n      <socketType>SSL</socketType>"));
        CHECK(reply.body.find("<port>" + port("imaps")) < reply.body.find("<port>" + port("imap") + "<"));
        CHECK(has(reply,
            "<outgoingServer type=\"smtp\">\n      <hostname>smtp.example.net</hostname>\n      <port>465</port>\n      "
            "<socketType>SSL</socketType>"));
        std::size_t incoming = 0;
        for (auto at = reply.body.find("<incomingServer"); at != std::string::npos;
             at = reply.body.find("<incomingServer", at + 1))
            ++incoming;
        CHECK(incoming == 3); // pop3 is off
        Client by_name(server.port("admin"), true);
        by_name.send("GET /.well-known/autoconfig/mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.Example.org:443\r\n\r\n");
        Http answer(std::move(by_name), "");
        CHECK(answer.reply().body == reply.body);
    }
    SECTION("Outlook, in any case of its path")
    {
        for (const std::string path : {"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"}) {
            const auto reply = discover(http, outlook("alice@example.org"), path);
            CHECK(reply.status == 200);
            CHECK(has(reply,
                "<Type>IMAP</Type>\n        <Server>mail.example.net</Server>\n        <Port>" + port("imaps") + "</Port>"));
            CHECK(has(reply,
                "<Type>POP3</Type>\n        <Server>mail.example.net</Server>\n        <Port>" + port("pop3s") + "</Port>"));
            CHECK(has(reply, "<Type>SMTP</Type>\n        <Server>smtp.example.net</Server>\n        <Port>465</Port>"));
            CHECK(has(reply, "<LoginName>alice@example.org</LoginName>"));
        }
        CHECK(http.get("/autodiscover/autodiscover.json?Email=alice%40example.org&Protocol=Autodiscoverv1&RedirectCount=1")
                  .text("Url")
            == "https://autodiscover.example.org/autodiscover/autodiscover.xml");
        CHECK(http.get("/autodiscover/autodiscover.json/v1.0/alice%40example.org?Protocol=AutodiscoverV1").status == 200);
        CHECK(http.get("/autodiscover/autodiscover.json?Email=alice%40example.org&Protocol=ActiveSync").status == 404);
    }
    SECTION("an iPhone, in a profile that the server's certificate has signed")
    {
        const auto reply = http.get("/mail/apple.mobileconfig?emailaddress=alice%40example.org");
        CHECK(reply.headers.at("content-type") == "application/x-apple-aspen-config");
        BIO* const der = BIO_new_mem_buf(reply.body.data(), static_cast<int>(reply.body.size()));
        CMS_ContentInfo* const cms = d2i_CMS_bio(der, nullptr);
        REQUIRE(cms != nullptr);
        BIO* const content = BIO_new(BIO_s_mem());
        CHECK(CMS_verify(cms, nullptr, nullptr, nullptr, content, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1);
        char* bytes = nullptr;
        const auto length = BIO_get_mem_data(content, &bytes);
        const std::string profile(bytes, static_cast<std::size_t>(length));
        CMS_ContentInfo_free(cms);
        BIO_free(content);
        BIO_free(der);
        ERR_clear_error();
        CHECK(profile.find("<key>IncomingMailServerHostName</key><string>mail.example.net</string>") != std::string::npos);
        CHECK(
            profile.find("<key>IncomingMailServerPortNumber</key><integer>" + port("imaps") + "</integer>") != std::string::npos);
        CHECK(profile.find("<key>EmailAddress</key><string>alice@example.org</string>") != std::string::npos);
        CHECK(profile.find("<key>PayloadIdentifier</key><string>org.example.postfach.mail</string>") != std::string::npos);
        CHECK(http.get("/mail/apple.mobileconfig?emailaddress=alice").status == 422);
    }
    SECTION("without clients.smtp who needs an outgoing server is given this one, and who does not none")
    {
        TestServer plain;
        Http other(plain);
        CHECK(has(other.get("/mail/config-v1.1.xml?emailaddress=a%40example.org"), "<port>587</port>"));
        CHECK_FALSE(has(discover(other, outlook("a@example.org")), "SMTP"));
    }
}

TEST_CASE("The zone of a domain is told, and compared with what DNS says", "[admin][setup][dns]")
{
    FakeDns dns;
    TestServer server(named({{"dns.server", dns.address()}}));
    Http http(server, server.token());
    const std::string path = "/api/v1/domains/example.org/dns";
    const auto record = [](const HttpReply& reply, const std::string& name, const std::string& type) {
        const auto records = reply.json()->getArray("records");
        for (std::size_t i = 0; i < records->size(); ++i) {
            const auto one = records->getObject(static_cast<unsigned>(i));
            if (one->getValue<std::string>("name") == name && one->getValue<std::string>("type") == type)
                return one;
        }
        return Poco::JSON::Object::Ptr(new Poco::JSON::Object);
    };
    const auto value = [&](const HttpReply& reply, const std::string& name, const std::string& type) {
        return record(reply, name, type)->optValue<std::string>("value", "none");
    };
    const auto state = [&](const HttpReply& reply, const std::string& name, const std::string& type) {
        return record(reply, name, type)->optValue<std::string>("state", "none");
    };
    const auto told = http.get(path);
    REQUIRE(told.status == 200);

    SECTION("nobody is asked unless it is wished")
    {
        CHECK(http.get("/api/v1/domains/nowhere.example/dns").status == 404);
        CHECK(http.get(path + "?check=perhaps").status == 422);
        CHECK(Http(server).get(path).status == 401);
        CHECK(state(told, "example.org.", "MX") == "unchecked");
        CHECK(dns.asked == 0);
    }
    SECTION("the records")
    {
        const auto imaps = std::to_string(server.port("imaps"));
        CHECK(value(told, "example.org.", "MX") == "10 mail.example.net.");
        CHECK(value(told, "_imaps._tcp.example.org.", "SRV") == "0 1 " + imaps + " mail.example.net.");
        CHECK(value(told, "_submissions._tcp.example.org.", "SRV") == "0 1 465 smtp.example.net.");
        CHECK(value(told, "_submission._tcp.example.org.", "SRV") == "0 0 0 ."); // RFC 6186 3.4
        CHECK(value(told, "autoconfig.example.org.", "CNAME") == "mail.example.net.");
        CHECK(value(told, "_" + imaps + "._tcp.mail.example.net.", "TLSA").substr(0, 6) == "3 1 1 ");
        Client by_name(server.port("admin"), true);
        by_name.send("GET /.well-known/user-agent-configuration.json HTTP/1.1\r\nHost: ua-auto-config.example.org\r\n\r\n");
        Http answer(std::move(by_name), "");
        const auto digest = base::sha256(answer.reply().body);
        CHECK(value(told, "_ua-auto-config.example.org.", "TXT")
            == "v=UAAC1; a=sha256; d=" + base::base64({reinterpret_cast<const char*>(digest.data()), digest.size()}));
        http.put("/api/v1/domains/m%C3%BCller.example", "{}");
        CHECK(
            value(http.get("/api/v1/domains/m%C3%BCller.example/dns"), "xn--mller-kva.example.", "MX") == "10 mail.example.net.");
    }
    SECTION("present, different, missing; a broken answer is none")
    {
        const auto number = FakeDns::number;
        const auto hash = value(told, "_" + std::to_string(server.port("imaps")) + "._tcp.mail.example.net.", "TLSA").substr(6);
        dns.knows("example.org", FakeDns::mx, number(10) + FakeDns::name("other.example.net"));
        dns.knows("example.org", FakeDns::mx, number(10) + FakeDns::name("MAIL.example.net"));
        dns.knows("_imaps._tcp.example.org", FakeDns::srv,
            number(0) + number(1) + number(server.port("imaps")) + FakeDns::name("mail.example.net"));
        dns.knows("_imap._tcp.example.org", FakeDns::srv, number(0) + number(1) + number(143) + FakeDns::name("old.example.net"));
        dns.knows("_pop3s._tcp.example.org", FakeDns::srv, "x");
        dns.knows("autoconfig.example.org", FakeDns::cname, FakeDns::name("mail.example.net"));
        dns.knows("_ua-auto-config.example.org", FakeDns::txt, std::string("\x09") + "v=UAAC1; " + "\x05" + "a=sha");
        dns.knows("_" + std::to_string(server.port("imaps")) + "._tcp.mail.example.net", FakeDns::tlsa,
            std::string("\3\1\1") + *base::unhex(hash));
        const auto checked = http.get(path + "?check=true");
        CHECK(state(checked, "example.org.", "MX") == "present");
        CHECK(state(checked, "_imaps._tcp.example.org.", "SRV") == "present");
        CHECK(state(checked, "_imap._tcp.example.org.", "SRV") == "differs");
        CHECK(record(checked, "_imap._tcp.example.org.", "SRV")->getArray("found")->getElement<std::string>(0)
            == "0 1 143 old.example.net.");
        CHECK(state(checked, "_pop3s._tcp.example.org.", "SRV") == "missing");
        CHECK(state(checked, "autoconfig.example.org.", "CNAME") == "present");
        CHECK(state(checked, "autodiscover.example.org.", "CNAME") == "missing");
        CHECK(record(checked, "_ua-auto-config.example.org.", "TXT")->getArray("found")->getElement<std::string>(0)
            == "v=UAAC1; a=sha");
        CHECK(state(checked, "_" + std::to_string(server.port("imaps")) + "._tcp.mail.example.net.", "TLSA") == "present");
        const auto told_again = command({"dns", "example.org", "--check", "--data", server.data() + "/data"});
        CHECK(told_again.status == 1);
        CHECK(told_again.out.find("; DNS has: 0 1 143 old.example.net.\n") != std::string::npos);
    }
    SECTION("a silent name server is left alone after two questions")
    {
        dns.silent = true;
        const auto begun = std::chrono::steady_clock::now();
        CHECK(state(http.get(path + "?check=true"), "example.org.", "MX") == "unchecked");
        CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
        CHECK(dns.asked == 2);
    }
    SECTION("the command line writes a zone file")
    {
        const auto run = command({"dns", "example.org", "--data", server.data() + "/data"});
        CHECK(run.status == 0);
        CHECK(run.out.find("\nexample.org. 3600 IN MX 10 mail.example.net.\n") != std::string::npos);
        CHECK(run.out.find("3600 IN TXT \"v=UAAC1; a=sha256; d=") != std::string::npos);
        CHECK(command({"dns", "nowhere.example", "--data", server.data() + "/data"}).status == 1);
    }
}

TEST_CASE("A clients.smtp that names no server is refused at the start", "[admin][setup][config]")
{
    using postfach::admin::parseOutgoing;
    for (const char* bad : {"", ":465", "mail.example.org:", "mail.example.org:0", "mail.example.org:65536", "mail.example.org:x",
             "a b:465", "192.0.2.1:465", "mail..example.org", ".example.org", "<x>:1"}) {
        INFO(bad);
        CHECK_FALSE(parseOutgoing(bad));
    }
    CHECK(parseOutgoing("mail.example.org")->tls);
    CHECK(parseOutgoing("mail.example.org")->port == 465);
    CHECK_FALSE(parseOutgoing("mail.example.org:587")->tls);
    CHECK_THROWS_AS(TestServer(named({{"clients.smtp", "no server"}})), base::Refused);
}
