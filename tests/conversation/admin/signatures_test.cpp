// Signature files over HTTP and on the command line: what there is and how old, adding after a proof, removing.
#include "server/base/text.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace postfach;
using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;

namespace {

const HttpHeaders kBytes{{"Content-Type", "application/octet-stream"}};

struct SignatureFolder { // a base: made before the server that reads it, gone after it
    TemporaryFolder signatures;
};

struct Signed : private SignatureFolder, TestServer {
    explicit Signed(bool real = true) : TestServer(settings(real, signatures.path())), http(*this, token()) {}
    static Settings settings(bool real, const std::string& folder)
    {
        Settings settings;
        settings.config = {{"scanner.signatures", folder}, {"scanner.workers", "1"}};
        settings.real_scanner = real;
        return settings;
    }
    int add(const std::string& name, const std::string& bytes) { return http.request("PUT", "/api/v1/signatures/" + name, bytes, kBytes).status; }
    std::vector<std::string> files()
    {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder()))
            names.push_back(entry.path().filename().string());
        return names;
    }
    bool until(const std::string& field, const std::string& value) // twenty seconds
    {
        for (int i = 0; i < 400; ++i) {
            if (http.get("/api/v1/signatures").text(field) == value)
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    }
    const std::string& folder() const { return signatures.path(); }
    Http http;
};

std::string ndb(const std::string& name, const std::string& text) { return name + ":0:*:" + base::hex(text) + "\n"; }

// The head of an official file; what follows is never read here.
std::string official(base::Time built)
{
    std::string head = "ClamAV-VDB:28 Feb 2026 08-32 -0400:27000:1968756:90:00000000000000000000000000000000:dsig:builder:"
                     + std::to_string(base::toMillis(built) / 1000);
    head.resize(512, ' ');
    return head;
}

} // namespace

TEST_CASE("A signature file that cannot be used is refused and never joins the others", "[admin][signatures]")
{
    Signed server;
    REQUIRE(server.until("count", "1"));
    CHECK(server.add("own.exe", "x") == 422);
    CHECK(Http(server, server.token()).request("PUT", "/api/v1/signatures/..%2Fown.ndb", ndb("Own", "pattern"), kBytes).status == 400);
    CHECK(server.add(".own.ndb", ndb("Own", "pattern of mine")) == 422);
    CHECK(server.add("own.ndb", "") == 422);
    CHECK(Http(server, server.token()).request("PUT", "/api/v1/signatures/own.ndb", "{}", {{"Content-Type", "application/json"}}).status == 415);
    for (const auto& [name, bytes] : {std::pair<std::string, std::string>{"own.ndb", "no signature at all\n"},
                                      {"own.ndb", "Own:0:*:zz\n"},
                                      {"own.hdb", "123:abc\n"},
                                      {"own.yara", "rule broken { condition: nothing of the kind }\n"},
                                      {"daily.cvd", "not made by ClamAV"},
                                      {"daily.cvd", official(server.clock().now()) + "no archive"}}) {
        CAPTURE(name, bytes);
        const auto reply = server.http.request("PUT", "/api/v1/signatures/" + name, bytes, kBytes);
        CHECK(reply.status == 422);
        CHECK(reply.text("code") == "bad_signatures");
    }
    CHECK(server.files().empty());
    CHECK(server.http.remove("/api/v1/signatures/own.ndb").status == 404);
    const auto reader = server.http.post("/api/v1/tokens", R"({"name":"reader","scopes":["read"]})").text("token");
    CHECK(Http(server, reader).request("PUT", "/api/v1/signatures/own.ndb", ndb("Own", "pattern of mine"), kBytes).status == 403);
}

TEST_CASE("A signature file that is added is in use a moment later, and not after it is removed", "[admin][signatures]")
{
    Signed server;
    REQUIRE(server.until("count", "1"));
    const std::string mail = "Subject: x\r\n\r\nthis has a pattern of mine in it\r\n";
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, mail).at(0), StartsWith("250"));
    CHECK(server.store().read()->quarantine({}).empty());
    REQUIRE(server.add("own.ndb", ndb("Own.Test", "pattern of mine")) == 204);
    REQUIRE(server.until("count", "2"));
    const auto report = server.http.get("/api/v1/signatures");
    CHECK(report.text("freshness") == "own");
    CHECK(report.text("age") == "null");
    CHECK(report.text("engine") != "");
    CHECK(report.json()->getArray("files")->getObject(0)->get("name").toString() == "own.ndb");
    server.lmtp().deliver({"alice@example.org"}, mail);
    REQUIRE(server.store().read()->quarantine({}).size() == 1);
    CHECK_THAT(server.store().read()->quarantine({}).front().signature, StartsWith("Own.Test"));
    CHECK(server.http.remove("/api/v1/signatures/own.ndb").status == 204);
    CHECK(server.files().empty());
}

TEST_CASE("The age of the official signatures is told, and takes nobody's readiness", "[admin][signatures][health]")
{
    Signed server(false);
    const auto detail = [&] {
        const auto reply = server.http.get("/readyz");
        CHECK(reply.status == 200);
        const auto said = reply.json()->getObject("components")->getObject("signatures")->get("detail");
        return said.isEmpty() ? "" : said.toString();
    };
    std::ofstream(server.folder() + "/daily.cvd") << official(server.clock().now()); // before anybody has looked: that is kept for a minute
    server.clock().advance(std::chrono::hours(47));
    CHECK(detail() == "1 day old");
    CHECK(server.http.get("/api/v1/signatures").text("freshness") == "fresh");
    CHECK(server.http.get("/api/v1/signatures").text("age") == std::to_string(47 * 3600));
    server.clock().advance(std::chrono::hours(2));
    CHECK_THAT(detail(), StartsWith("degraded: "));
    CHECK(server.http.get("/api/v1/signatures").text("freshness") == "degraded");
    server.clock().advance(std::chrono::hours(5 * 24));
    CHECK_THAT(detail(), StartsWith("unhealthy: ") && ContainsSubstring("7 days"));
    const auto files = server.http.get("/api/v1/signatures").json()->getArray("files");
    REQUIRE(files->size() == 1);
    CHECK(files->getObject(0)->get("official").convert<bool>());
    CHECK(files->getObject(0)->get("version").convert<int>() == 27000);
}
