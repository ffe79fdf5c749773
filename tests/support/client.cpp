#include "tests/support/client.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Timespan.h>

#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace postfach::test {
namespace {
const Poco::Timespan kPatience(60, 0); // a disk that others keep busy can make a commit wait for 15 s

// Poco gives no way to the connection's SSL object, OpenSSL's own callback does: at the end of the handshake, on this thread.
thread_local std::string last_exporter;

void noteExporter(const SSL* ssl, int where, int)
{
    unsigned char value[32];
    static constexpr std::string_view kLabel = "EXPORTER-Channel-Binding"; // RFC 9266
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0
        && SSL_export_keying_material(const_cast<SSL*>(ssl), value, sizeof value, kLabel.data(), kLabel.size(), nullptr, 0, 0) == 1)
        last_exporter.assign(reinterpret_cast<const char*>(value), sizeof value);
}

Poco::Net::Context::Ptr clientContext()
{
    static const Poco::Net::Context::Ptr context = new Poco::Net::Context(
        Poco::Net::Context::TLS_CLIENT_USE, "", "", "", Poco::Net::Context::VERIFY_NONE, 9, false, "ALL:!ADH:!LOW:!EXP:!MD5:@STRENGTH");
    static const bool told = [] {
        SSL_CTX_set_info_callback(context->sslContext(), noteExporter);
        return true;
    }();
    (void)told;
    return context;
}
} // namespace

Client::Client(std::uint16_t port, bool tls, const std::string& from)
{
    if (!from.empty())
        socket_.impl()->bind(Poco::Net::SocketAddress(from, 0), true);
    socket_.connect(Poco::Net::SocketAddress("127.0.0.1", port), kPatience);
    socket_.setReceiveTimeout(kPatience);
    socket_.setSendTimeout(kPatience);
    socket_.setNoDelay(true);
    if (tls)
        startTls();
}

void Client::startTls(const std::string& name)
{
    last_exporter.clear();
    auto secure = Poco::Net::SecureStreamSocket::attach(socket_, name, clientContext());
    secure.completeHandshake();
    exporter_ = last_exporter;
    socket_ = secure;
}

std::string Client::shownName() const { return Poco::Net::SecureStreamSocket(socket_).peerCertificate().commonName(); }

void Client::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const int sent = socket_.sendBytes(bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 20)));
        if (sent <= 0)
            throw Closed();
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Client::fill()
{
    char piece[65536];
    int got = 0;
    try {
        got = socket_.receiveBytes(piece, sizeof piece);
    } catch (const Poco::TimeoutException&) {
        throw std::runtime_error("no answer for ten seconds; so far: " + buffer_);
    } catch (const Poco::Exception&) {
        throw Closed(); // a reset, or TLS cut off
    }
    if (got <= 0)
        throw Closed();
    buffer_.append(piece, static_cast<std::size_t>(got));
}

std::string Client::line()
{
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos)
        fill();
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
}

std::string Client::bytes(std::size_t count)
{
    while (buffer_.size() < count)
        fill();
    std::string text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
}

std::string Client::rest()
{
    try {
        for (;;)
            fill();
    } catch (const Closed&) {
        return std::exchange(buffer_, {});
    }
}

bool Client::closed()
{
    try {
        fill();
        return false;
    } catch (const Closed&) {
        return true;
    }
}

bool Client::waits() { return buffer_.empty() && !socket_.poll(Poco::Timespan(0, 100'000), Poco::Net::Socket::SELECT_READ); }

void Client::reset()
{
    socket_.setLinger(true, 0);
    socket_.close();
}

void Client::hangUp() { socket_.close(); }

std::string ImapClient::answer()
{
    std::string text = line();
    for (;;) {
        // A literal's announcement at the end of a line: its bytes and the rest of the line belong to the same answer.
        if (text.empty() || text.back() != '}')
            return text;
        const auto open = text.rfind('{');
        if (open == std::string::npos || text.find_first_not_of("0123456789", open + 1) != text.size() - 1)
            return text;
        const auto size = std::stoul(text.substr(open + 1));
        text += "\r\n" + bytes(size);
        text += line();
    }
}

std::string ImapClient::sendTagged(const std::string& command)
{
    const std::string tag = "t" + std::to_string(++tag_);
    send(tag + " " + command + "\r\n");
    return tag;
}

Lines ImapClient::until(const std::string& tag)
{
    Lines lines;
    for (;;) {
        std::string text = answer();
        if (text.rfind(tag + " ", 0) == 0) {
            lines.push_back(text.substr(tag.size() + 1));
            return lines;
        }
        lines.push_back(std::move(text));
    }
}

Lines ImapClient::talk(const std::string& command) { return until(sendTagged(command)); }

Lines ImapClient::append(const std::string& mailbox, const std::string& message, const std::string& options)
{
    const auto tag = sendTagged("APPEND " + mailbox + " " + (options.empty() ? "" : options + " ") + "{" + std::to_string(message.size()) + "}");
    std::string first = answer();
    if (first.empty() || first.front() != '+') {
        Lines lines;
        while (first.rfind(tag + " ", 0) != 0) {
            lines.push_back(first);
            first = answer();
        }
        lines.push_back(first.substr(tag.size() + 1));
        return lines;
    }
    send(message + "\r\n");
    return until(tag);
}

std::string Pop3Client::talk(const std::string& command)
{
    send(command + "\r\n");
    return line();
}

Lines Pop3Client::list(const std::string& command)
{
    Lines lines{talk(command)};
    if (lines.front().rfind("+OK", 0) != 0)
        return lines;
    for (std::string text = line(); text != "."; text = line())
        lines.push_back(text.rfind('.', 0) == 0 ? text.substr(1) : text);
    return lines;
}

std::string Pop3Client::retrieve(const std::string& command)
{
    const auto lines = list(command);
    if (lines.front().rfind("+OK", 0) != 0)
        throw std::runtime_error(lines.front());
    std::string message;
    for (std::size_t i = 1; i < lines.size(); ++i)
        message += lines[i] + "\r\n";
    return message;
}

std::string LmtpClient::talk(const std::string& command)
{
    send(command + "\r\n");
    std::string text = line();
    while (text.size() > 3 && text[3] == '-')
        text = line();
    return text;
}

Lines LmtpClient::deliver(const std::vector<std::string>& recipients, const std::string& message, const std::string& from)
{
    if (!std::exchange(greeted_, true))
        talk("LHLO client.example.com");
    Lines answers;
    std::vector<std::size_t> taken;
    talk("MAIL FROM:<" + from + ">");
    for (const auto& recipient : recipients) {
        answers.push_back(talk("RCPT TO:<" + recipient + ">"));
        if (answers.back().front() == '2')
            taken.push_back(answers.size() - 1);
    }
    if (taken.empty()) {
        talk("RSET");
        return answers;
    }
    const auto go = talk("DATA");
    if (go.front() != '3')
        throw std::runtime_error("DATA: " + go);
    std::string stuffed;
    bool line_start = true;
    for (const char c : message) {
        if (line_start && c == '.')
            stuffed += '.';
        stuffed += c;
        line_start = c == '\n' && stuffed.size() > 1 && stuffed[stuffed.size() - 2] == '\r';
    }
    send(stuffed + (line_start ? ".\r\n" : "\r\n.\r\n"));
    for (const auto at : taken)
        answers[at] = line();
    return answers;
}

} // namespace postfach::test
