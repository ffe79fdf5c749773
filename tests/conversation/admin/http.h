#pragma once
// A small HTTP client for tests: requests over TLS as they are wanted, and also bytes that are no request at all.
#include "tests/support/test_server.h"

#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::test {

struct HttpReply {
    int status = 0;
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;

    Poco::JSON::Object::Ptr json() const { return Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>(); }
    std::string text(const std::string& field) const
    {
        const auto value = json()->get(field);
        return value.isEmpty() ? "null" : value.convert<std::string>();
    }
    std::vector<std::string> column(const std::string& field) const // of a list's items
    {
        std::vector<std::string> out;
        const auto items = json()->getArray("items");
        for (std::size_t i = 0; i < items->size(); ++i) {
            const auto value = items->getObject(static_cast<unsigned>(i))->get(field);
            out.push_back(value.isEmpty() ? "null" : value.convert<std::string>());
        }
        return out;
    }
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

class Http {
public:
    explicit Http(TestServer& server, std::string token = {}) : client_(server.port("admin"), true), token_(std::move(token)) {}
    Http(Client client, std::string token) : client_(std::move(client)), token_(std::move(token)) {}

    HttpReply request(const std::string& method, const std::string& target, const std::string& body = {}, HttpHeaders headers = {})
    {
        std::string head = method + " " + target + " HTTP/1.1\r\nHost: mail.example.org\r\n";
        if (!token_.empty())
            head += "Authorization: Bearer " + token_ + "\r\n";
        if (!body.empty())
            head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        for (const auto& [name, value] : headers)
            head += name + ": " + value + "\r\n";
        client_.send(head + "\r\n" + body);
        return reply(method == "HEAD");
    }
    HttpReply get(const std::string& target, HttpHeaders headers = {}) { return request("GET", target, {}, std::move(headers)); }
    HttpReply put(const std::string& target, const std::string& json, HttpHeaders headers = {}) { return typed("PUT", target, json, std::move(headers)); }
    HttpReply post(const std::string& target, const std::string& json) { return typed("POST", target, json, {}); }
    HttpReply patch(const std::string& target, const std::string& json, HttpHeaders headers = {})
    {
        headers.emplace_back("Content-Type", "application/merge-patch+json");
        return request("PATCH", target, json, std::move(headers));
    }
    HttpReply remove(const std::string& target, HttpHeaders headers = {}) { return request("DELETE", target, {}, std::move(headers)); }

    // Bytes as they are; then the status of what comes back, 0 when the connection just ends.
    int raw(std::string_view bytes)
    {
        try {
            client_.send(bytes);
            return reply(false).status;
        } catch (const Closed&) {
            return 0;
        }
    }
    const std::string& token() const { return token_; }
    void send(std::string_view bytes) { client_.send(bytes); }
    bool closed() { return client_.closed(); }
    HttpReply reply(bool head_only = false)
    {
        HttpReply out;
        out.status = std::stoi(client_.line().substr(9, 3));
        for (auto line = client_.line(); !line.empty(); line = client_.line()) {
            const auto colon = line.find(':');
            std::string name = line.substr(0, colon);
            for (char& c : name)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            out.headers[name] = line.substr(colon + 2);
        }
        if (!head_only && out.headers.contains("content-length"))
            out.body = client_.bytes(std::stoul(out.headers["content-length"]));
        return out;
    }

private:
    HttpReply typed(const std::string& method, const std::string& target, const std::string& json, HttpHeaders headers)
    {
        headers.emplace_back("Content-Type", "application/json");
        return request(method, target, json, std::move(headers));
    }
    Client client_;
    std::string token_;
};

} // namespace postfach::test
