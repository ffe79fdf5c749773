// Quarantine beyond list, show, release, delete: filters, structure, zip, another account, never again, expiry.
#include "admin/quarantine_zip.h"
#include "server/base/hash.h"
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <Poco/URI.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace postfach;
using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;

namespace {

const std::string kInvoice = "From: Eve <eve@evil.example>\r\nSubject: invoice\r\nMIME-Version: 1.0\r\nX-Secret: header\r\n"
                             "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\nContent-Type: application/zip; "
                             "name=\"invoice.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b\r\n"
                             "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nFOUND: macros\r\n--b--\r\n";

struct Office : TestServer {
    Office() : TestServer(quarantining()), http(*this, token()) {}
    static Settings quarantining()
    {
        Settings settings;
        settings.config = {{"scanner.macros", "quarantine"}};
        return settings;
    }
    std::string quarantine(const std::string& mail = kInvoice, const std::string& to = "alice@example.org")
    {
        REQUIRE_THAT(lmtp().deliver({to}, mail).at(0), StartsWith("250"));
        return std::to_string(store().read()->quarantine({}).back().id.value);
    }
    Http http;
};

std::string bytesOf(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string found(const std::string& words) { return "Subject: x\r\n\r\n" + words + "\r\n"; }

} // namespace

TEST_CASE("Quarantine is filtered by account, finding, reason, way and time", "[admin][quarantine]")
{
    Office office;
    const auto macros = office.quarantine();
    office.clock().advance(std::chrono::hours(1));
    const auto infected = office.quarantine(found(eicar()), "bob@example.org");
    const auto ids = [&](const std::string& query) { return office.http.get("/api/v1/quarantine" + query).column("id"); };
    using Ids = std::vector<std::string>;
    CHECK(ids("") == Ids{macros, infected});
    CHECK(ids("?account=bob@example.org") == Ids{infected});
    CHECK(ids("?reason=macros") == Ids{macros});
    CHECK(ids("?reason=phishing").empty());
    CHECK(ids("?signature=eicar") == Ids{infected});
    CHECK(ids("?signature=fake.MACROS") == Ids{macros});
    CHECK(ids("?way_in=lmtp") == Ids{macros, infected});
    CHECK(ids("?way_in=rescan").empty());
    std::string later;
    Poco::URI::encode(base::rfc3339(office.clock().now()), ":+", later);
    CHECK(ids("?since=" + later) == Ids{infected});
    CHECK(ids("?until=" + later) == Ids{macros});
    CHECK(ids("?account=alice@example.org&reason=macros&limit=1") == Ids{macros});
    CHECK(office.http.get("/api/v1/quarantine?account=nobody@example.org").status == 404);
    CHECK(office.http.get("/api/v1/quarantine?since=yesterday").status == 422);
    CHECK(office.http.get("/api/v1/quarantine?colour=red").status == 422);
}

TEST_CASE("A quarantined message shows its headers and parts, and nothing of what they hold", "[admin][quarantine]")
{
    Office office;
    const auto id = office.quarantine();
    const auto reply = office.http.get("/api/v1/quarantine/" + id + "/structure");
    REQUIRE(reply.status == 200);
    CHECK_THAT(reply.body, ContainsSubstring("X-Secret") && ContainsSubstring("invoice.zip") && !ContainsSubstring("see below") && !ContainsSubstring("FOUND") && !ContainsSubstring("aGVsbG8"));
    const auto parts = reply.json()->getArray("parts");
    const auto part = [&](unsigned i, const char* field) { return parts->getObject(i)->get(field).toString(); };
    REQUIRE(parts->size() == 5);
    CHECK(part(0, "type") == "multipart/mixed");
    CHECK(part(2, "section") == "2");
    CHECK(part(2, "name") == "invoice.zip");
    CHECK(part(2, "sha256") == base::hex(base::sha256("hello")));
    CHECK(part(3, "type") == "message/rfc822");
    CHECK(part(4, "section") == "3");
    CHECK(reply.text("content") == base::hex(base::sha256(kInvoice)));
    CHECK(office.http.get("/api/v1/quarantine/99/structure").status == 404);
    const auto reader = office.http.post("/api/v1/tokens", R"({"name":"reader","scopes":["read"]})").text("token");
    CHECK(Http(office, reader).get("/api/v1/quarantine/" + id + "/structure").status == 403);
}

TEST_CASE("A quarantined message comes in a zip that only its password opens", "[admin][quarantine][zip]")
{
    Office office;
    const auto id = office.quarantine();
    const std::string path = "/api/v1/quarantine/" + id + "/zip";
    CHECK(office.http.get(path).status == 403); // reading other people's mail is said on purpose
    Http http(office, office.http.post("/api/v1/tokens", R"({"name":"analyst","scopes":["mail"]})").text("token"));
    CHECK(http.get("/api/v1/quarantine/99/zip").status == 404);
    auto reply = http.get(path);
    REQUIRE(reply.status == 200);
    CHECK(reply.headers["content-type"] == "application/zip");
    CHECK_THAT(reply.headers["content-disposition"], ContainsSubstring("quarantine-" + id + ".zip"));
    REQUIRE(reply.body.size() > 30);
    CHECK(reply.body.substr(0, 4) == "PK\3\4");
    CHECK((static_cast<unsigned char>(reply.body[6]) & 1) == 1); // encrypted
    CHECK(reply.body.find("invoice") == std::string::npos);

    const std::string file = office.data() + "/q.zip", script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n"
                                                                "open(sys.argv[2], 'wb').write(z.read(z.namelist()[0], pwd=sys.argv[3].encode()))\n";
    std::ofstream(file, std::ios::binary) << reply.body;
    std::ofstream(office.data() + "/unzip.py") << script;
    const auto unzip = [&](const std::string& password) {
        const std::string command = "python3 " + office.data() + "/unzip.py " + file + " " + office.data() + "/q.eml " + password + " 2>/dev/null";
        return std::system(command.c_str()) == 0;
    };
    CHECK_FALSE(unzip("harmless"));
    REQUIRE(unzip(admin::kZipPassword));
    const std::string mail = bytesOf(office.data() + "/q.eml");
    CHECK_THAT(mail, StartsWith("Return-Path: <") && Catch::EndsWith(kInvoice));
}

TEST_CASE("A copy goes to another account, and the message stays in quarantine", "[admin][quarantine]")
{
    Office office;
    office.addAccount("security@example.org");
    const auto id = office.quarantine();
    const std::string path = "/api/v1/quarantine/" + id + "/release";
    Http reading(office, office.http.post("/api/v1/tokens", R"({"name":"m","scopes":["mail","scan"]})").text("token"));
    CHECK(reading.post(path, R"({"to":"nobody@example.org"})").status == 404);
    CHECK(office.http.post(path, R"({"to":17})").status == 422);
    CHECK(office.http.post(path, R"({"where":"x"})").status == 422);
    Http scanning(office, office.http.post("/api/v1/tokens", R"({"name":"s","scopes":["scan"]})").text("token"));
    const auto refused = scanning.post(path, R"({"to":"security@example.org"})");
    CHECK(refused.status == 403); // or it read everybody's quarantined mail
    CHECK(refused.text("code") == "scope");
    CHECK(office.http.post(path, R"({"to":"security@example.org"})").status == 204); // an administrator sets passwords anyway
    auto imap = office.imap("security@example.org");
    imap.select();
    CHECK(imap.talk("SEARCH SUBJECT invoice KEYWORD $Suspicious UNSEEN").front() == "* SEARCH 1");
    CHECK(office.http.get("/api/v1/quarantine/" + id).status == 200);
    auto alice = office.imap();
    alice.select();
    CHECK(alice.talk("SEARCH SUBJECT \"Quarantined: invoice\"").front() == "* SEARCH 1");
    CHECK(scanning.request("POST", path).status == 204);
    CHECK(office.http.get("/api/v1/quarantine/" + id).status == 404);
}

TEST_CASE("What is released for good is not found again, by content or by finding, until that is taken back or over", "[admin][quarantine][allowance]")
{
    Office office;
    const auto quarantined = [&] { return office.store().read()->quarantine({}).size(); };
    const auto id = office.quarantine();
    const std::string path = "/api/v1/quarantine/" + id + "/release";
    CHECK(office.http.post(path, R"({"never_again":"sender"})").status == 422);
    CHECK(office.http.post(path, R"({"never_again":"content","expires":"soon"})").status == 422);
    CHECK(quarantined() == 1);
    CHECK(office.http.get("/api/v1/allowances").column("what").empty());

    SECTION("by content")
    {
        CHECK(office.http.post(path, R"({"never_again":"content"})").status == 204);
        CHECK(office.http.get("/api/v1/allowances").column("what") == std::vector<std::string>{base::hex(base::sha256(kInvoice))});
        office.lmtp().deliver({"bob@example.org"}, kInvoice);
        CHECK(quarantined() == 0);
        office.lmtp().deliver({"bob@example.org"}, kInvoice + "more\r\n");
        CHECK(quarantined() == 1);
    }
    SECTION("by what was found, for a day")
    {
        const std::string tomorrow = base::rfc3339(office.clock().now() + std::chrono::hours(24));
        CHECK(office.http.post(path, R"({"never_again":"signature","expires":")" + tomorrow + "\"}").status == 204);
        CHECK(office.http.get("/api/v1/allowances").column("what") == std::vector<std::string>{"Fake.macros"});
        CHECK(office.http.get("/api/v1/allowances").column("expires") == std::vector<std::string>{tomorrow});
        office.lmtp().deliver({"bob@example.org"}, found("FOUND: macros"));
        CHECK(quarantined() == 0);
        office.clock().advance(std::chrono::hours(24));
        office.lmtp().deliver({"bob@example.org"}, found("FOUND: macros"));
        CHECK(quarantined() == 1);
    }
    SECTION("not by one name, where there were more than are told")
    {
        for (const std::string word : {"alpha", "beta", "gamma", "delta", "epsilon"})
            office.scanner().learn(word, "Test." + word);
        const auto many = office.quarantine(found("alpha beta gamma delta epsilon"));
        for (const std::string word : {"alpha", "beta", "delta"}) // what is told is then of the last
            CHECK(office.http.put("/api/v1/allowances/signature/Test." + word, "{}").status == 200);
        const auto last = office.quarantine(found("alpha beta gamma delta epsilon, again"));
        CHECK(office.http.get("/api/v1/quarantine/" + last).text("signature") == "Test.epsilon and others");
        CHECK(office.http.post("/api/v1/quarantine/" + last + "/release", R"({"never_again":"signature"})").status == 422);
        CHECK(office.http.post("/api/v1/quarantine/" + last + "/release", R"({"never_again":"content"})").status == 204);
        CHECK(office.http.post("/api/v1/quarantine/" + many + "/release", R"({"never_again":"signature"})").status == 204);
    }
    SECTION("said before anything was found")
    {
        CHECK(office.http.put("/api/v1/allowances/sender/x", "{}").status == 404);
        CHECK(office.http.put("/api/v1/allowances/content/x", "{}").status == 422);
        CHECK(office.http.put("/api/v1/allowances/signature/x", R"({"expires":"2020-01-01T00:00:00Z"})").status == 422);
        CHECK(office.http.put("/api/v1/allowances/signature/Fake.macros", "{}").status == 200);
        CHECK(office.http.put("/api/v1/allowances/signature/Fake.macros", "{}").status == 200);
        CHECK(office.http.get("/api/v1/allowances").column("kind") == std::vector<std::string>{"signature"});
        office.lmtp().deliver({"bob@example.org"}, found("FOUND: macros"));
        CHECK(quarantined() == 1); // the first
        CHECK(office.http.remove("/api/v1/allowances/signature/Fake.macros").status == 204);
        CHECK(office.http.remove("/api/v1/allowances/signature/Fake.macros").status == 404);
        office.lmtp().deliver({"bob@example.org"}, found("FOUND: macros"));
        CHECK(quarantined() == 2);
    }
}

TEST_CASE("What was long in quarantine goes by itself, and its notice stays", "[admin][quarantine][expiry]")
{
    Office office;
    const auto old = office.quarantine();
    office.clock().advance(std::chrono::hours(24 * 31));
    const auto fresh = office.quarantine(found("FOUND: macros\r\nFOUND: phishing"));
    office.appliance().housekeeper().run("quarantine");
    CHECK(office.http.get("/api/v1/quarantine").column("id") == std::vector<std::string>{fresh});
    auto imap = office.imap();
    imap.select();
    CHECK(imap.talk("SEARCH SUBJECT Quarantined").front() == "* SEARCH 1 2");

    office.configure("quarantine.days", "0");
    office.reload();
    office.clock().advance(std::chrono::hours(24 * 365));
    office.appliance().housekeeper().run("quarantine");
    CHECK(office.http.get("/api/v1/quarantine").column("id") == std::vector<std::string>{fresh});
}
