#pragma once
// A browser that signs in, keeps its cookie, and says what a page of ours makes a browser say.
#include "tests/conversation/admin/http.h"

#include <string>
#include <utility>

namespace postfach::test {

class Browser {
public:
    explicit Browser(TestServer& server, const std::string& account = "alice@example.org", const std::string& password = "secret") : server_(server)
    {
        signIn(account, password);
    }
    // The answer; the cookie and the token are kept when it went well.
    const HttpReply& signIn(const std::string& account, const std::string& password, HttpHeaders more = {})
    {
        more.emplace_back("Content-Type", "application/json");
        if (!cookie_.empty())
            more.emplace_back("Cookie", cookie_);
        opened_ = Http(server_).request("POST", "/api/v1/session", R"({"account":")" + account + R"(","password":")" + password + "\"}", more);
        take(opened_);
        if (opened_.status == 201)
            csrf_ = opened_.text("csrf_token");
        return opened_;
    }
    // As a page of ours asks.
    HttpReply ask(const std::string& method, const std::string& target, const std::string& body = {})
    {
        HttpHeaders headers{{"Sec-Fetch-Site", "same-origin"}};
        if (method != "GET") {
            headers.emplace_back("Origin", "https://mail.example.org");
            headers.emplace_back("X-CSRF-Token", csrf_);
        }
        return askWith(method, target, std::move(headers), body);
    }
    // With the cookie and these alone.
    HttpReply askWith(const std::string& method, const std::string& target, HttpHeaders headers, const std::string& body = {})
    {
        if (!cookie_.empty())
            headers.emplace_back("Cookie", "theme=dark; " + cookie_);
        if (!body.empty())
            headers.emplace_back("Content-Type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
        auto reply = Http(server_).request(method, target, body, headers); // a connection each: one that is refused unread ends
        take(reply);
        return reply;
    }
    const HttpReply& opened() const { return opened_; }
    const std::string& cookie() const { return cookie_; } // NAME=VALUE; empty when it was taken away
    const std::string& csrf() const { return csrf_; }

private:
    void take(const HttpReply& reply)
    {
        const auto set = reply.headers.find("set-cookie");
        if (set == reply.headers.end())
            return;
        cookie_ = set->second.substr(0, set->second.find(';'));
        if (set->second.find("Max-Age=0") != std::string::npos)
            cookie_.clear();
    }
    TestServer& server_;
    HttpReply opened_;
    std::string cookie_, csrf_;
};

} // namespace postfach::test
