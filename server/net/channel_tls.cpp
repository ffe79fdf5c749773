// TLS on OpenSSL's SSL* directly. Two traps are met in one place, result(): OpenSSL reads errno and a per-thread queue of
// errors to find out what happened, so whatever another connection left there would end this one; both are cleared first.
#include "server/net/channel.h"
#include "server/net/strand.h"
#include "server/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <climits>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace postfach::net {
namespace {
struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

int clamp(std::size_t bytes)
{
    return bytes > INT_MAX ? INT_MAX : static_cast<int>(bytes);
}

class TlsChannel final : public Channel {
public:
    TlsChannel(const Poco::Net::StreamSocket& socket, std::shared_ptr<const TlsContext> context, std::string_view protocol)
        : socket_(socket), context_(std::move(context)), ask_{protocol, context_.get()}, ssl_(SSL_new(context_->native()))
    {
        if (!ssl_ || SSL_set_fd(ssl_.get(), socket.impl()->sockfd()) != 1)
            throw std::bad_alloc();
        SSL_set_app_data(ssl_.get(), &ask_);
        SSL_set_accept_state(ssl_.get());
    }

    int read(char* into, std::size_t most) override
    {
        if (ended_) // reading on after close_notify can spin for ever (FACTS 1)
            return kEnd;
        prepare();
        return result(SSL_read(ssl_.get(), into, clamp(most)), "TLS read");
    }

    int write(const char* from, std::size_t bytes) override
    {
        prepare();
        sendTicketToo();
        const int count = result(SSL_write(ssl_.get(), from, clamp(bytes)), "TLS write");
        if (count == kEnd)
            throw PeerGone("TLS write: connection closed");
        return count;
    }

    int handshake() override
    {
        prepare();
        const int done = result(SSL_do_handshake(ssl_.get()), "TLS handshake");
        if (done == kEnd)
            throw PeerGone("TLS handshake: connection closed");
        established_ = done > 0;
        return done;
    }

    bool pending() const override { return SSL_has_pending(ssl_.get()) == 1; }

    void close() noexcept override
    {
        if (failed_ || !established_) // after a fatal error OpenSSL allows no shutdown
            return;
        failed_ = true;
        prepare();
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }

    TlsInfo info() const override
    {
        TlsInfo info;
        SSL* const ssl = ssl_.get();
        if (!established_)
            return info;
        info.protocol = SSL_get_version(ssl);
        info.cipher = SSL_get_cipher_name(ssl);
        if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
            info.sni = name;
        const unsigned char* alpn = nullptr;
        unsigned length = 0;
        SSL_get0_alpn_selected(ssl, &alpn, &length);
        info.alpn.assign(reinterpret_cast<const char*>(alpn), length);
        // RFC 9266 4.2: below TLS 1.3 the value is unique only with the extended master secret.
        if (SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1) {
            static constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
            std::string value(32, '\0');
            if (SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(value.data()), value.size(), kLabel.data(),
                                           kLabel.size(), nullptr, 0, 0) == 1)
                info.exporter = value;
        }
        ERR_clear_error();
        return info;
    }

private:
    // The session ticket goes in one flight with our first words. By itself it would wake clients that read and write on two threads
    // before there is anything to read, and the second SSL call spoils the first (imaplib2: one STARTTLS in five).
    void sendTicketToo()
    {
        if (!ticket_sent_)
            SSL_new_session_ticket(ssl_.get()); // 0 with TLS 1.2, where it belongs to the handshake
        ticket_sent_ = true;
    }

    static void prepare() noexcept
    {
        ERR_clear_error();
        errno = 0;
    }

    int result(int count, const char* doing)
    {
        if (count > 0)
            return count;
        const int error = errno;
        switch (SSL_get_error(ssl_.get(), count)) {
        case SSL_ERROR_WANT_READ:
            return kWantRead;
        case SSL_ERROR_WANT_WRITE:
            return kWantWrite;
        case SSL_ERROR_ZERO_RETURN:
            ended_ = true;
            return kEnd;
        case SSL_ERROR_SYSCALL:
            ended_ = failed_ = true;
            if (error == 0)
                return kEnd;
            throw PeerGone(std::string(doing) + ": " + std::generic_category().message(error));
        default:
            break;
        }
        ended_ = failed_ = true;
        const unsigned long reason = ERR_peek_error();
        const char* const text = ERR_reason_error_string(reason);
        const std::string why = std::string(doing) + ": " + (text != nullptr ? text : "protocol error");
        ERR_clear_error();
        if (ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return kEnd; // FIN without close_notify: so do most clients
        throw PeerGone(why);
    }

    const Poco::Net::StreamSocket socket_; // keeps the descriptor open
    const std::shared_ptr<const TlsContext> context_;
    TlsAsk ask_;
    std::unique_ptr<SSL, SslFree> ssl_;
    bool established_ = false;
    bool ticket_sent_ = false;
    bool ended_ = false;
    bool failed_ = false;
};
} // namespace

std::unique_ptr<Channel> tlsChannel(const Poco::Net::StreamSocket& socket, std::shared_ptr<const TlsContext> context,
                                    std::string_view protocol)
{
    return std::make_unique<TlsChannel>(socket, std::move(context), protocol);
}

} // namespace postfach::net
