#include "server/auth/sasl.h"
#include "server/imap/session.h"

#include <array>
#include <string>

// What CAPABILITY says. RFC.md tells what stands behind each word, and nothing is announced before its tests exist.

namespace postfach::imap {
namespace {

// The same before login: many clients and scripts read it once, when they connect.
constexpr auto kWords = std::to_array<std::string_view>({
    "IMAP4rev1",
    "IMAP4rev2",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "BINARY",
    "MULTIAPPEND",
    "CATENATE",
    "REPLACE",
    "UTF8=ACCEPT",
    "METADATA",
    "LIST-METADATA",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "CONDSTORE",
    "NOTIFY",
    "INPROGRESS",
    "QRESYNC",
    "UIDONLY",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SEARCH=FUZZY",
    "PARTIAL",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "I18NLEVEL=1",
    "MULTISEARCH",
    "CONTEXT=SEARCH",
    "UNAUTHENTICATE",
});

} // namespace

std::string Session::capabilities() const
{
    std::string all;
    const auto say = [&all](std::string_view word) { all.append(all.empty() ? "" : " ").append(word); };
    for (const std::string_view word : kWords)
        say(word);
    say("APPENDLIMIT=" + std::to_string(context_.messageSize()));
    say("MESSAGELIMIT=" + std::to_string(context_.messages_at_once));
    if (account_) {
        say("LITERAL+");
        if (!stream_.isCompressed())
            say("COMPRESS=DEFLATE");
        return all;
    }
    say("LITERAL-"); // RFC 7888 5: what does not wait has at most 4,096 bytes
    if (canStartTls())
        say("STARTTLS");
    if (!mayLogin())
        say("LOGINDISABLED");
    else
        for (const std::string_view mechanism : auth::saslMechanisms(!stream_.tls().exporter.empty()))
            say("AUTH=" + std::string(mechanism));
    return all;
}

} // namespace postfach::imap
