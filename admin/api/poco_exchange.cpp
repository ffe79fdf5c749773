#include "admin/api/poco_exchange.h"
#include "server/base/id.h"
#include "server/base/log.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerConnection.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

namespace postfach::admin {
namespace {
namespace http = Poco::Net;

// A socket whose peer is memory. Poco looks whether there is a descriptor before it reads: there is one, of an eventfd
// that nothing is ever read from, and the base class closes it. Every call that would use it is answered here.
class MemorySocketImpl final : public http::StreamSocketImpl {
public:
    MemorySocketImpl(std::string in, std::string& out) : http::StreamSocketImpl(::eventfd(0, EFD_CLOEXEC)), in_(std::move(in)), out_(out) {}

    int sendBytes(const void* buffer, int length, int) override
    {
        out_.append(static_cast<const char*>(buffer), static_cast<std::size_t>(length));
        return length;
    }
    int receiveBytes(void* buffer, int length, int) override
    {
        const auto count = std::min<std::size_t>(static_cast<std::size_t>(length), in_.size() - at_);
        std::memcpy(buffer, in_.data() + at_, count);
        at_ += count;
        return static_cast<int>(count);
    }
    int available() override { return static_cast<int>(in_.size() - at_); }
    bool poll(const Poco::Timespan&, int mode) override { return (mode & http::Socket::SELECT_READ) == 0 || at_ < in_.size(); }
    void shutdown() override {}
    void shutdownReceive() override {}
    void shutdownSend() override {}
    void setSendTimeout(const Poco::Timespan&) override {}
    void setReceiveTimeout(const Poco::Timespan&) override {}
    void setRawOption(int, int, const void*, poco_socklen_t) override {}
    http::SocketAddress address() override { return {}; }
    http::SocketAddress peerAddress() override { return {}; }
    bool secure() const override { return true; } // no request comes here in the clear: TLS, or the local socket

protected:
    ~MemorySocketImpl() override = default; // Poco counts references

private:
    std::string in_;
    std::string& out_; // of exchange(), which outlives the connection
    std::size_t at_ = 0;
};

class MemorySocket final : public http::StreamSocket {
public:
    MemorySocket(std::string in, std::string& out) : http::StreamSocket(new MemorySocketImpl(std::move(in), out)) {}
};

// Nothing here is a page that may load, frame or be sniffed as anything.
constexpr std::pair<const char*, const char*> kSecurityHeaders[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Cache-Control", "no-store"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
};

class Handler final : public http::HTTPRequestHandler {
public:
    explicit Handler(const std::function<Response()>& handle) : handle_(handle) {}

    void handleRequest(http::HTTPServerRequest&, http::HTTPServerResponse& response) override
    {
        Response answer;
        try {
            answer = handle_();
        } catch (const Problem& problem) {
            answer = Response::problem(problem);
        } catch (const std::exception& error) {
            const auto reference = base::newReference();
            base::logError("admin", "request failed", {{"reference", reference}, {"reason", error.what()}});
            answer = Response::problem({500, "internal", "Something went wrong here; the log says more under reference " + reference + "."});
        }
        response.setStatusAndReason(static_cast<http::HTTPResponse::HTTPStatus>(answer.status), std::string(reasonPhrase(answer.status)));
        for (const auto& [name, value] : kSecurityHeaders)
            response.set(name, value);
        for (const auto& [name, value] : answer.headers)
            response.set(name, value);
        if (!answer.type.empty())
            response.setContentType(answer.type);
        if (answer.status == 204 || answer.status == 304) // RFC 9110 8.6: no Content-Length
            response.send();
        else
            response.sendBuffer(answer.body.data(), answer.body.size());
    }

private:
    const std::function<Response()>& handle_;
};

class HandlerFactory final : public http::HTTPRequestHandlerFactory {
public:
    explicit HandlerFactory(const std::function<Response()>& handle) : handle_(handle) {}
    http::HTTPRequestHandler* createRequestHandler(const http::HTTPServerRequest&) override { return new Handler(handle_); } // Poco deletes it

private:
    const std::function<Response()>& handle_;
};

// The request as it is understood, and only so. The body stays with the handler: Poco has no use for it.
std::string rewritten(const RequestHead& head, bool keep_alive)
{
    std::string out = head.method + " " + head.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : head.fields)
        if (name != "content-length" && name != "transfer-encoding" && name != "connection" && name != "expect" && name != "trailer")
            out.append(name).append(": ").append(value).append("\r\n");
    out.append(keep_alive ? "Connection: Keep-Alive" : "Connection: close").append("\r\nContent-Length: 0\r\n\r\n");
    return out;
}
} // namespace

std::string exchange(const RequestHead& head, bool keep_alive, const std::function<Response()>& handle)
{
    std::string out;
    http::HTTPServerParams::Ptr params = new http::HTTPServerParams;
    params->setKeepAlive(true);
    params->setMaxKeepAliveRequests(2); // the first of two: Connection says what we say
    params->setSoftwareVersion("postfach");
    try {
        http::HTTPServerConnection connection(MemorySocket(rewritten(head, keep_alive), out), params, new HandlerFactory(handle));
        connection.run();
    } catch (const Poco::Exception& error) {
        base::logError("admin", "http server failed", {{"reason", error.displayText()}});
        out.clear();
    }
    return out.empty() ? refusal(Response::problem({500, "internal", "Something went wrong."})) : out;
}

std::string plainHint(const std::string& url)
{
    const std::string text = "This port speaks HTTPS: " + url + "\n";
    return "HTTP/1.1 307 Temporary Redirect\r\nLocation: " + url + "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n" +
           "Content-Length: " + std::to_string(text.size()) + "\r\nConnection: close\r\n\r\n" + text;
}

std::string streamHead(std::string_view type)
{
    std::string out = "HTTP/1.1 200 OK\r\n";
    for (const auto& [name, value] : kSecurityHeaders)
        out.append(name).append(": ").append(value).append("\r\n");
    return out.append("Content-Type: ").append(type).append("\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n");
}

std::string refusal(const Response& response)
{
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reasonPhrase(response.status)) + "\r\n";
    for (const auto& [name, value] : kSecurityHeaders)
        out.append(name).append(": ").append(value).append("\r\n");
    for (const auto& [name, value] : response.headers)
        out.append(name).append(": ").append(value).append("\r\n");
    out += "Content-Type: " + response.type + "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\nConnection: close\r\n\r\n";
    return out + response.body;
}

} // namespace postfach::admin
