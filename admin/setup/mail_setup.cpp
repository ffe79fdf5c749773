#include "admin/setup/mail_setup.h"
#include "admin/api/json.h"
#include "server/base/text.h"

#include <unicode/uidna.h>

#include <array>

namespace postfach::admin {
namespace {
using Kind = MailServer::Kind;

constexpr std::uint16_t kSubmission = 587, kSubmissions = 465;

// Best first.
struct Offer {
    const char* listener;
    Kind kind;
    bool tls;
    std::uint16_t standard;
};
constexpr std::array<Offer, 4> kOffers{{{"imaps", Kind::imap, true, 993}, {"imap", Kind::imap, false, 143},
    {"pop3s", Kind::pop3, true, 995}, {"pop3", Kind::pop3, false, 110}}};

bool isHostName(std::string_view name)
{
    bool letter = false;
    for (const char c : name) {
        const bool alpha = static_cast<unsigned char>(c) >= 0x80 || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z');
        letter = letter || alpha;
        if (!alpha && !base::isDigit(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return letter && name.size() <= 253 && base::isUtf8(name) && name.front() != '.' && name.find("..") == std::string_view::npos;
}
} // namespace

MailSetup mailSetup(const Context& context, const std::string& domain)
{
    MailSetup setup;
    setup.domain = domain;
    const auto listeners = context.listeners ? context.listeners() : std::vector<Listener>{};
    for (const auto& offer : kOffers)
        for (const auto& listener : listeners)
            if (listener.name == offer.listener)
                setup.incoming.push_back({offer.kind, context.server_name, listener.port, offer.tls});
    if (const auto outgoing = parseOutgoing(context.clients.smtp)) {
        setup.outgoing = *outgoing;
        setup.outgoing_is_known = true;
    } else {
        setup.outgoing = {Kind::smtp, context.server_name, kSubmission, false};
    }
    return setup;
}

std::optional<MailServer> parseOutgoing(std::string_view text)
{
    const auto colon = text.rfind(':');
    const auto host = text.substr(0, colon);
    std::uint16_t port = kSubmissions;
    if (colon != std::string_view::npos) {
        const auto number = base::parseU32(text.substr(colon + 1));
        if (!number || *number == 0 || *number > 65535)
            return std::nullopt;
        port = static_cast<std::uint16_t>(*number);
    }
    if (!isHostName(host))
        return std::nullopt;
    return MailServer{Kind::smtp, std::string(host), port, port == kSubmissions};
}

bool standardPort(const MailServer& server)
{
    if (server.kind == Kind::smtp)
        return server.port == (server.tls ? kSubmissions : kSubmission);
    for (const auto& offer : kOffers)
        if (offer.kind == server.kind && offer.tls == server.tls)
            return server.port == offer.standard;
    return false;
}

std::string askedDomain(std::string_view address, std::string_view host)
{
    if (!address.empty()) {
        const auto at = address.rfind('@');
        return base::lower(at == std::string_view::npos ? address : address.substr(at + 1));
    }
    auto name = base::lower(host.substr(0, host.find(':')));
    for (const std::string_view prefix : {"autoconfig.", "autodiscover.", "ua-auto-config."})
        if (name.starts_with(prefix))
            return name.substr(prefix.size());
    return name;
}

std::string dnsName(std::string_view name)
{
    UErrorCode failed = U_ZERO_ERROR;
    UIDNA* const idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &failed);
    if (U_FAILURE(failed))
        return std::string(name);
    std::array<char, 256> out{};
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    const auto length = uidna_nameToASCII_UTF8(idna, name.data(), static_cast<std::int32_t>(name.size()), out.data(),
        static_cast<std::int32_t>(out.size()), &info, &failed);
    uidna_close(idna);
    // '_' of service labels and what was refused at creation are errors here that change nothing.
    if (U_FAILURE(failed) || length <= 0 || length > static_cast<std::int32_t>(out.size())
        || (info.errors & UIDNA_ERROR_PUNYCODE) != 0)
        return std::string(name);
    return {out.data(), static_cast<std::size_t>(length)};
}

std::string paccDocument(const MailSetup& setup)
{
    // The draft knows hosts alone: TLS from the first byte, on the standard ports.
    auto protocols = object();
    const auto add = [&protocols](const char* name, const MailServer& server) {
        if (!server.tls || !standardPort(server))
            return;
        auto one = object();
        one->set("host", dnsName(server.host));
        protocols->set(name, one);
    };
    for (const auto& server : setup.incoming)
        add(server.kind == Kind::imap ? "imap" : "pop3", server);
    if (setup.outgoing_is_known)
        add("submit", setup.outgoing);
    auto provider = object();
    provider->set("name", setup.domain.substr(0, 60));
    auto info = object();
    info->set("provider", provider);
    auto authentication = object();
    authentication->set("password", true);
    auto out = object();
    out->set("protocols", protocols);
    out->set("authentication", authentication);
    out->set("info", info);
    return text(out);
}

} // namespace postfach::admin
