// Who wants a quarantined mail released: by an answer to its notice, and by the API. The administrator hears of it, and decides.
#include "server/appliance/appliance.h"
#include "server/base/text.h"
#include "server/delivery/rescan.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;
using Texts = std::vector<std::string>;

namespace {

const std::string kAlice = "alice@example.org";

struct Office : TestServer {
    Office() : http(*this, token()) {}
    // The mail to alice is kept aside; returns what her notice says that an answer goes to.
    std::string quarantine(const std::string& subject)
    {
        REQUIRE_THAT(lmtp().deliver({kAlice}, "From: Eve <eve@evil.example>\r\nSubject: " + subject + "\r\n\r\n" + eicar() + "\r\n").at(0), StartsWith("250"));
        return replyTo();
    }
    std::string replyTo() // of her last mail
    {
        auto imap = this->imap();
        imap.select();
        const auto field = imap.talk("FETCH * BODY.PEEK[HEADER.FIELDS (REPLY-TO)]");
        for (const auto& line : field)
            if (const auto at = line.find("release+"); at != std::string::npos)
                return line.substr(at, line.find("@example.org", at) + 12 - at);
        FAIL("the notice has no Reply-To");
        return {};
    }
    std::string answer(const std::string& to, const std::string& message, const std::string& from = kAlice)
    {
        return lmtp().deliver({to}, message, from).at(0);
    }
    HttpReply asked() { return http.get("/api/v1/quarantine?asked=true"); }
    std::size_t told() { return Http(*this, token()).request("GET", "/api/v1/events?kind=quarantine.asked", {}, {{"Accept", "application/json"}}).column("id").size(); }
    HttpReply own(const std::string& address, const std::string& path, const std::string& body)
    {
        return Http(*this).request("POST", "/api/v1/me" + path, body,
                                   {{"Authorization", "Basic " + postfach::base::base64(address + ":secret")}, {"Content-Type", "application/json"}});
    }
    Http http;
};

std::string reply(const std::string& words, const std::string& more = {}) { return "Subject: Re: Quarantined\r\n" + more + "\r\n" + words + "\r\n"; }

} // namespace

TEST_CASE("An answer to a notice asks the administrator for the release", "[admin][quarantine][ask]")
{
    Office office;
    const auto first = office.quarantine("the offer"), second = office.quarantine("another");
    CHECK(first != second);
    CHECK(office.asked().column("id").empty());
    CHECK(office.http.get("/api/v1/quarantine?asked=perhaps").status == 422);

    SECTION("what is no answer to a notice has no recipient")
    {
        const std::string made_up = "release+0123456789abcdef0123456789abcdef@example.org";
        for (const std::string& to : {made_up, std::string("release+@example.org"), std::string("release@example.org"), first.substr(0, 20) + "@example.org"})
            CHECK_THAT(office.answer(to, reply("please")), StartsWith("550 5.1.1"));
        CHECK(office.asked().column("id").empty());
    }
    SECTION("machines ask for nothing")
    {
        CHECK_THAT(office.answer(first, reply("I am away.", "Auto-Submitted: auto-replied\r\n")), StartsWith("250"));
        CHECK_THAT(office.answer(first, reply("could not be delivered"), ""), StartsWith("250"));
        CHECK(office.asked().column("id").empty());
        CHECK(office.told() == 0);
    }
    SECTION("the words are the owner's, in one line, and the last ones stay; the first time is told")
    {
        CHECK_THAT(office.answer(first, reply("It is\x1b[31m the offer\r\nthat I wait for.", "Auto-Submitted: no\r\n")), StartsWith("250"));
        CHECK(office.asked().column("subject") == Texts{"the offer"});
        CHECK(office.asked().column("asked_words").at(0).find('\x1b') == std::string::npos);
        CHECK_THAT(office.asked().column("asked_words").at(0), ContainsSubstring("the offer that I wait for."));
        const auto when = office.asked().column("asked");
        CHECK(office.told() == 1);
        office.clock().advance(std::chrono::hours(2));
        CHECK_THAT(office.answer(first, reply("Please!")), StartsWith("250"));
        CHECK(office.asked().column("asked_words") == Texts{"Please!"});
        CHECK(office.asked().column("asked") == when);
        CHECK(office.told() == 1);
        CHECK(office.http.get("/api/v1/quarantine").column("asked_words") == Texts{"Please!", "null"});
        const auto id = office.asked().column("id").at(0);
        CHECK(office.http.request("POST", "/api/v1/quarantine/" + id + "/release").status == 204);
        CHECK_THAT(office.answer(first, reply("thank you")), StartsWith("550 5.1.1")); // there is nothing behind it any more
    }
    SECTION("beside other recipients it is stored for them, and asks all the same")
    {
        const auto answers = office.lmtp().deliver({"bob@example.org", first}, reply("Bob needs it too."), kAlice);
        CHECK_THAT(answers.at(0), StartsWith("250"));
        CHECK_THAT(answers.at(1), StartsWith("250"));
        CHECK(office.asked().column("asked_words") == Texts{"Bob needs it too."});
        auto imap = office.imap("bob@example.org");
        CHECK_THAT(imap.select().at(0) + imap.talk("STATUS INBOX (MESSAGES)").at(0), ContainsSubstring("MESSAGES 1"));
    }
    CHECK(office.store().check(false).empty());
}

TEST_CASE("Owners ask for the release of what is theirs, and for nothing else", "[admin][quarantine][ask]")
{
    Office office;
    office.quarantine("the offer");
    const auto id = office.http.get("/api/v1/quarantine").column("id").at(0);
    CHECK(office.own("bob@example.org", "/quarantine/" + id + "/ask", "{}").status == 404);
    CHECK(office.own(kAlice, "/quarantine/4711/ask", "{}").status == 404);
    CHECK(office.own(kAlice, "/quarantine/" + id + "/ask", R"({"words": 1})").status == 422);
    CHECK(office.own(kAlice, "/quarantine/" + id + "/ask", R"({"words": ")" + std::string(501, 'x') + R"("})").status == 422);
    CHECK(office.asked().column("id").empty());
    CHECK(office.own(kAlice, "/quarantine/" + id + "/ask", R"({"words": "It is\nthe offer."})").status == 422);
    CHECK(office.own(kAlice, "/quarantine/" + id + "/ask", R"({"words": "It is the offer."})").status == 204);
    CHECK(office.asked().column("asked_words") == Texts{"It is the offer."});
    CHECK(office.told() == 1);
    CHECK(office.http.get("/api/v1/audit?action=quarantine").column("action") == Texts{"quarantine.ask"});
}

TEST_CASE("The notice of what newer signatures find can be answered too", "[admin][quarantine][ask]")
{
    Office office;
    REQUIRE_THAT(office.lmtp().deliver({kAlice}, "Subject: read already\r\n\r\ngood morning\r\n").at(0), StartsWith("250"));
    office.scanner().learn("good morning", "Test.Late");
    office.appliance().rescan().request();
    REQUIRE(office.appliance().rescan().awaitStatus([](const auto& status) { return status.hits == 1 && status.finished; }, std::chrono::seconds(60)));
    CHECK_THAT(office.answer(office.replyTo(), reply("I need it.")), StartsWith("250"));
    CHECK(office.asked().column("subject") == Texts{"read already"});
}
