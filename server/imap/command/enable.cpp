#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"

#include <array>

namespace postfach::imap {
namespace {

struct Feature {
    std::string_view name;
    bool Enabled::*on;
};

constexpr auto kFeatures = std::to_array<Feature>({
    {"IMAP4REV2", &Enabled::rev2},
    {"CONDSTORE", &Enabled::condstore}, // RFC 7162 3.1
    {"QRESYNC", &Enabled::qresync},     // RFC 7162 3.2.3
    {"UIDONLY", &Enabled::uidonly},     // RFC 9586 3
    {"UTF8=ACCEPT", &Enabled::utf8},    // RFC 6855 3, RFC 9755 3
});

} // namespace

// RFC 9051 6.3.1, RFC 5161. What cannot be enabled is passed over in silence; the answer names what became so, which may be
// nothing.
net::Task<Tagged> cmdEnable(Session& session, Request& request)
{
    Enabled& enabled = session.enabled();
    const bool had_condstore = enabled.condstore;
    std::string answer = "ENABLED";
    do {
        request.args.space();
        const std::string name = base::upper(request.args.atom());
        for (const Feature& feature : kFeatures)
            if (feature.name == name && !std::exchange(enabled.*feature.on, true))
                answer.append(" ").append(name);
    } while (request.args.peek() == ' ');
    request.args.end();

    session.untagged(answer);
    if (enabled.condstore || enabled.qresync) { // RFC 7162 3.2.3; what it tells comes behind the answer
        enabled.condstore = had_condstore;
        session.enableCondstore();
    }
    co_return Tagged::ok("ENABLE completed");
}

} // namespace postfach::imap
