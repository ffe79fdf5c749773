// Webhooks: who is told, how it is signed, and where they never go.
#include "admin/webhooks.h"
#include "server/base/hash.h"
#include "server/base/text.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <Poco/Net/ServerSocket.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

using namespace postfach;
using namespace postfach::test;

namespace {

constexpr const char* kSecret = "0123456789abcdef";

// A receiver on this machine: takes one request a connection and answers what it is told to.
class Receiver {
public:
    struct Request {
        std::string head, body;
        std::string field(const std::string& name) const
        {
            const auto at = head.find("\r\n" + name + ": ");
            return at == std::string::npos ? ""
                                           : head.substr(at + name.size() + 4, head.find("\r\n", at + 2) - at - name.size() - 4);
        }
    };
    Receiver() : socket_(Poco::Net::SocketAddress("127.0.0.1", 0)), thread_([this] { run(); }) {}
    ~Receiver()
    {
        stopping_ = true;
        try {
            Poco::Net::StreamSocket(socket_.address()).close();
        } catch (const std::exception&) {
        }
        thread_.join();
    }
    std::string url(const std::string& host = "127.0.0.1") const
    {
        return "http://" + host + ":" + std::to_string(socket_.address().port()) + "/hook";
    }
    void answer(const std::string& status, const std::string& more = "")
    {
        const std::lock_guard lock(mutex_);
        answer_ = "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: 0\r\nConnection: close\r\n\r\n";
    }
    Request next() // waits for it
    {
        std::unique_lock lock(mutex_);
        if (!came_.wait_for(lock, std::chrono::seconds(60), [this] { return !requests_.empty(); }))
            throw std::runtime_error("no request came");
        auto first = requests_.front();
        requests_.erase(requests_.begin());
        return first;
    }
    std::size_t waiting()
    {
        const std::lock_guard lock(mutex_);
        return requests_.size();
    }

private:
    void run()
    {
        while (!stopping_) {
            auto peer = socket_.acceptConnection();
            if (stopping_)
                return;
            try {
                Request request;
                char piece[4096];
                const auto more = [&] {
                    const int count = peer.receiveBytes(piece, sizeof piece);
                    request.head.append(piece, static_cast<std::size_t>(count));
                    return count > 0;
                };
                while (request.head.find("\r\n\r\n") == std::string::npos && more()) {
                }
                const auto end = request.head.find("\r\n\r\n");
                const auto length = std::stoul(request.field("Content-Length"));
                while (request.head.size() < end + 4 + length && more()) {
                }
                request.body = request.head.substr(end + 4);
                request.head.resize(end + 2);
                std::string out;
                {
                    const std::lock_guard lock(mutex_);
                    requests_.push_back(request);
                    out = answer_;
                }
                came_.notify_all();
                peer.sendBytes(out.data(), static_cast<int>(out.size()));
                peer.close();
            } catch (const std::exception&) { // a peer that has left
            }
        }
    }
    Poco::Net::ServerSocket socket_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_; // guards what follows
    std::condition_variable came_;
    std::vector<Request> requests_;
    std::string answer_ = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    std::thread thread_;
};

TestServer::Settings allowing(const std::string& networks)
{
    TestServer::Settings settings;
    settings.config = {{"webhooks.allow", networks}};
    return settings;
}

std::string body(const std::string& url, const std::string& kinds = "[]")
{
    return R"({"url":")" + url + R"(","secret":")" + kSecret + R"(","kinds":)" + kinds + "}";
}

// What nobody waits for is written a moment later.
bool soon(const std::function<bool()>& what)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end)
        if (what())
            return true;
    return false;
}

// The first attempt of a webhook, once there is one.
Poco::JSON::Object::Ptr attempt(Http& http, const std::string& name)
{
    Poco::JSON::Object::Ptr first;
    REQUIRE(soon([&] {
        const auto all = http.get("/api/v1/webhooks/" + name + "/attempts").json()->getArray("attempts");
        if (all->size() > 0)
            first = all->getObject(0);
        return all->size() > 0;
    }));
    return first;
}

} // namespace

TEST_CASE("A webhook is told of events in their order, each signed with its secret", "[admin][webhooks]")
{
    Receiver receiver;
    TestServer server(allowing("127.0.0.0/8"));
    Http http(server, server.token());
    CHECK(http.put("/api/v1/domains/before.org", "{}").status == 201); // what came before is not told
    REQUIRE(http.put("/api/v1/webhooks/pager", body(receiver.url(), R"(["audit.entry"])")).status == 201);
    CHECK(receiver.next().body.find("webhook.create") != std::string::npos);
    for (const char* name : {"a.org", "b.org", "c.org"})
        CHECK(http.put("/api/v1/domains/" + std::string(name), "{}").status == 201);
    for (const char* name : {"a.org", "b.org", "c.org"}) {
        const auto request = receiver.next();
        CHECK(request.head.starts_with("POST /hook HTTP/1.1\r\n"));
        CHECK(request.field("Content-Type") == "application/json");
        CHECK(request.field("Postfach-Event") == "audit.entry");
        const auto event = Poco::JSON::Parser().parse(request.body).extract<Poco::JSON::Object::Ptr>();
        CHECK(event->getObject("data")->getValue<std::string>("target") == name);
        CHECK(request.field("Postfach-Delivery") == "pager-" + event->getValue<std::string>("id"));
        const auto signature = request.field("Postfach-Signature");
        const auto comma = signature.find(",v1=");
        REQUIRE(comma != std::string::npos);
        const auto seconds = signature.substr(2, comma - 2);
        CHECK(signature.substr(comma + 4) == base::hex(base::hmacSha256(kSecret, seconds + "." + request.body)));
    }
    const auto shown = http.get("/api/v1/webhooks/pager");
    CHECK(shown.body.find(kSecret) == std::string::npos);
    CHECK(http.get("/api/v1/audit").body.find(kSecret) == std::string::npos);
    CHECK(http.remove("/api/v1/webhooks/pager").status == 204);
    CHECK(http.put("/api/v1/domains/d.org", "{}").status == 201);
    CHECK(receiver.waiting() == 0);
}

TEST_CASE("What a receiver refuses comes again, and a redirect goes nowhere", "[admin][webhooks]")
{
    Receiver receiver, elsewhere;
    TestServer server(allowing("127.0.0.0/8"));
    Http http(server, server.token());
    SECTION("an error")
    {
        receiver.answer("500 Oops");
        REQUIRE(http.put("/api/v1/webhooks/pager", body(receiver.url(), R"(["audit"])")).status == 201);
        receiver.next();
        const auto first = attempt(http, "pager");
        CHECK(first->getValue<int>("status") == 500);
        CHECK(first->getValue<std::string>("error") == "the answer says 500");
        CHECK_FALSE(http.get("/api/v1/webhooks/pager/attempts").json()->isNull("next_try"));
        const auto told = [&] { return http.get("/api/v1/events?kind=webhook", {{"Accept", "application/json"}}).body; };
        CHECK(soon([&] { return told().find("webhook.failing") != std::string::npos; }));
        // What changes is begun anew, at once, with the event that was not taken.
        receiver.answer("204 Now");
        REQUIRE(http.put("/api/v1/webhooks/pager", body(receiver.url(), R"(["audit.entry"])")).status == 200);
        CHECK(receiver.next().body.find("webhook.create") != std::string::npos);
        CHECK(receiver.next().body.find("webhook.change") != std::string::npos);
    }
    SECTION("a redirect")
    {
        receiver.answer("302 Found", "Location: " + elsewhere.url() + "\r\n");
        REQUIRE(http.put("/api/v1/webhooks/pager", body(receiver.url())).status == 201);
        receiver.next();
        CHECK(attempt(http, "pager")->getValue<std::string>("error") == "a redirect, which is not followed");
        CHECK(elsewhere.waiting() == 0);
    }
    SECTION("nobody there")
    {
        std::string url;
        {
            Receiver gone;
            url = gone.url();
        }
        REQUIRE(http.put("/api/v1/webhooks/pager", body(url)).status == 201);
        CHECK(attempt(http, "pager")->isNull("status"));
    }
    CHECK(http.get("/healthz").status == 200);
}

TEST_CASE("Events that came while the server was down or the receiver away are told later", "[admin][webhooks]")
{
    Receiver receiver;
    receiver.answer("503 Away");
    TestServer server(allowing("127.0.0.0/8"));
    const std::string token = server.token();
    {
        Http http(server, token);
        REQUIRE(http.put("/api/v1/webhooks/pager", body(receiver.url(), R"(["audit"])")).status == 201);
        receiver.next();
        CHECK(http.put("/api/v1/domains/a.org", "{}").status == 201);
    }
    receiver.answer("200 OK");
    server.clock().advance(std::chrono::minutes(1)); // the pause after the failure is over when it comes back
    server.restart();
    CHECK(receiver.next().body.find("webhook.create") != std::string::npos);
    CHECK(receiver.next().body.find("a.org") != std::string::npos);
}

TEST_CASE("A restart forgets neither what was delivered nor how often an event has failed", "[admin][webhooks]")
{
    Receiver receiver;
    receiver.answer("204 Fine");
    TestServer server(allowing("127.0.0.0/8"));
    const std::string token = server.token();
    const auto attempts = [&] {
        return Http(server, token).get("/api/v1/webhooks/pager/attempts").json()->getArray("attempts");
    };
    const auto failing = [&] { return Http(server, token).get("/api/v1/events?kind=webhook", {{"Accept", "application/json"}}).column("kind"); };
    REQUIRE(Http(server, token).put("/api/v1/webhooks/pager", body(receiver.url(), R"(["audit"])")).status == 201);
    receiver.next();
    REQUIRE(soon([&] { return attempts()->size() == 1; }));
    receiver.answer("503 Away");
    REQUIRE(Http(server, token).put("/api/v1/domains/a.org", "{}").status == 201);
    const auto first = receiver.next();
    REQUIRE(soon([&] { return attempts()->size() == 2; }));

    server.clock().advance(std::chrono::minutes(1));
    server.restart();
    CHECK(receiver.next().field("Postfach-Delivery") == first.field("Postfach-Delivery")); // the same event, and no other
    REQUIRE(soon([&] { return attempts()->size() == 3; }));
    CHECK(attempts()->getObject(0)->getValue<int>("attempt") == 2);
    CHECK(attempts()->getObject(2)->getValue<int>("status") == 204);
    CHECK(failing() == std::vector<std::string>{"webhook.failing"}); // told once
    server.restart(); // in the midst of a pause: it is kept
    CHECK(attempts()->size() == 3);
    CHECK_FALSE(Http(server, token).get("/api/v1/webhooks/pager/attempts").json()->isNull("next_try"));
    CHECK(receiver.waiting() == 0);

    receiver.answer("200 OK");
    server.clock().advance(std::chrono::hours(25)); // longer than it is tried: this attempt is the last one, and goes well
    server.restart();
    receiver.next();
    CHECK(soon([&] { return failing() == std::vector<std::string>{"webhook.recovered", "webhook.failing"}; }));
    REQUIRE(soon([&] { return attempts()->size() == 4; }));
    CHECK(attempts()->getObject(0)->getValue<int>("attempt") == 3);
    CHECK(Http(server, token).remove("/api/v1/webhooks/pager").status == 204);
    REQUIRE(Http(server, token).put("/api/v1/webhooks/pager", body(receiver.url(), R"(["none"])")).status == 201);
    CHECK(attempts()->empty()); // another one of that name
}

TEST_CASE("No webhook reaches what is not of the public internet, by whatever name", "[admin][webhooks][threats-33]")
{
    Receiver receiver;
    const std::string port = receiver.url().substr(17, receiver.url().rfind('/') - 17);
    SECTION("refused when it is said")
    {
        TestServer server;
        Http http(server, server.token());
        for (const std::string url :
            {"http://169.254.169.254/latest", "https://169.254.169.254/latest", "file:///etc/passwd", "https://127.0.0.1/",
                "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/", "https://10.1.2.3:9000/",
                "https://2130706433/", "https://0x7f.1/", "https://user:pass@hooks.example.com/", "https://hooks.example.com/#x",
                "http://hooks.example.com/", "gopher://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "",
                "https://", "https://[2002:7f00:1::]/", "dict://hooks.example.com/"}) {
            INFO(url);
            const auto reply = http.put("/api/v1/webhooks/x", body(url));
            CHECK(reply.status == 422);
        }
        CHECK(http.get("/api/v1/webhooks").column("name").empty());
        CHECK(http.put("/api/v1/webhooks/x", body("https://hooks.example.com:8443/a?b=c")).status == 201);
    }
    SECTION("a name that leads here is found out when it is connected to")
    {
        TestServer server(allowing("10.99.0.0/16")); // http is allowed there, and localhost is not there
        Http http(server, server.token());
        REQUIRE(http.put("/api/v1/webhooks/x", body("http://localhost:" + port + "/hook")).status == 201);
        CHECK(attempt(http, "x")->getValue<std::string>("error").find("may not be called: see webhooks.allow")
            != std::string::npos);
        CHECK(receiver.waiting() == 0);
    }
    SECTION("what was allowed is asked anew for each connection")
    {
        TestServer server(allowing("127.0.0.0/8"));
        Http http(server, server.token());
        REQUIRE(http.put("/api/v1/webhooks/x", body(receiver.url(), R"(["audit"])")).status == 201);
        receiver.next();
        server.configure("webhooks.allow", "10.99.0.0/16");
        server.reload();
        CHECK(http.put("/api/v1/domains/a.org", "{}").status == 201);
        CHECK(soon([&] { return !attempt(http, "x")->isNull("error"); }));
        CHECK(attempt(http, "x")->getValue<std::string>("error").find("127.0.0.1") != std::string::npos);
        CHECK(receiver.waiting() <= 1); // the entry of the configuration may have come before
    }
}

TEST_CASE("Webhooks that are none are refused", "[admin][webhooks]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string url = "https://hooks.example.com/";
    CHECK(http.put("/api/v1/webhooks/x", R"({"url":"https://hooks.example.com/"})").status == 422); // no secret
    CHECK(http.put("/api/v1/webhooks/x", R"({"url":"https://hooks.example.com/","secret":"short"})").status == 422);
    CHECK(http.put("/api/v1/webhooks/x", body(url, R"(["Mail!"])")).status == 422);
    CHECK(http.put("/api/v1/webhooks/x%20y", body(url)).status == 422);
    CHECK(http.put("/api/v1/webhooks/x", body(url), {{"If-None-Match", "*"}}).status == 201);
    CHECK(http.put("/api/v1/webhooks/x", body(url), {{"If-None-Match", "*"}}).status == 412);
    CHECK(http.put("/api/v1/webhooks/x", R"({"url":"https://hooks.example.com/y"})").status == 200); // the secret stays
    CHECK(http.remove("/api/v1/webhooks/y").status == 404);
    CHECK(Http(server, http.post("/api/v1/tokens", R"({"name":"r","scopes":["read","accounts"]})").text("token"))
              .get("/api/v1/webhooks")
              .status
        == 403);
}

TEST_CASE("public addresses are those of the public internet, in no disguise", "[admin][webhooks]")
{
    for (const char* address : {"8.8.8.8", "1.1.1.1", "2606:4700::1111", "172.32.0.1", "::ffff:8.8.8.8", "2002:808:808::1"})
        CHECK(admin::isPublicAddress(address));
    for (const char* address : {"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.255.255",
             "192.168.1.1", "198.19.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
             "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2001:db8::1", "2001::1", "2002:7f00:1::1", "2002:a00:1::", "localhost", ""})
        CHECK_FALSE(admin::isPublicAddress(address));
}
