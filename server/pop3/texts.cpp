#include "server/pop3/texts.h"
#include "server/base/text.h"

#include <algorithm>
#include <utility>

namespace postfach::pop3 {
namespace {

constexpr std::pair<std::string_view, std::string_view> kGerman[] = {
    {"# messages", "# Nachrichten"},
    {"# messages (# octets)", "# Nachrichten (# Oktette)"},
    {"APOP is not offered: it needs passwords kept in the clear", "APOP wird nicht angeboten: es braucht Passwörter im Klartext"},
    {"LANG takes one language", "LANG nimmt eine Sprache"},
    {"STLS comes before UTF8", "STLS kommt vor UTF8"},
    {"TLS is on already", "TLS ist bereits aktiv"},
    {"TOP needs a message number and a number of lines", "TOP braucht eine Nachrichtennummer und eine Zeilenzahl"},
    {"TOP needs a number of lines", "TOP braucht eine Zeilenzahl"},
    {"USER first", "zuerst USER"},
    {"USER needs a name", "USER braucht einen Namen"},
    {"a message number is needed", "eine Nachrichtennummer fehlt"},
    {"another session has this maildrop, and it is set to one at a time", "eine andere Sitzung hat dieses Postfach, es ist für eine zur Zeit eingestellt"},
    {"begin TLS now", "TLS beginnt jetzt"},
    {"capabilities follow", "Fähigkeiten folgen"},
    {"given up", "aufgegeben"},
    {"goodbye", "auf Wiedersehen"},
    {"internal error, reference", "interner Fehler, Kennung"},
    {"language changed", "Sprache gewechselt"},
    {"languages follow", "Sprachen folgen"},
    {"line too long", "Zeile zu lang"},
    {"log in first", "zuerst anmelden"},
    {"logged in, # messages (# octets)", "angemeldet, # Nachrichten (# Oktette)"},
    {"logging in is not possible now, try again later", "Anmelden ist gerade nicht möglich, bitte später noch einmal"},
    {"logging in needs TLS: use STLS or the TLS port", "Anmelden braucht TLS: STLS oder den TLS-Port benutzen"},
    {"marked as deleted", "zum Löschen vorgemerkt"},
    {"mechanisms follow", "Verfahren folgen"},
    {"not possible now, reference", "gerade nicht möglich, Kennung"},
    {"nothing may follow STLS before the handshake", "nach STLS darf vor dem Handshake nichts kommen"},
    {"now the password", "jetzt das Passwort"},
    {"still here", "noch da"},
    {"that is not what the mechanism wants", "das ist nicht, was das Verfahren will"},
    {"that language is not spoken here", "diese Sprache wird hier nicht gesprochen"},
    {"that message is marked as deleted", "diese Nachricht ist zum Löschen vorgemerkt"},
    {"that message was found to be harmful and is in quarantine", "diese Nachricht wurde als schädlich erkannt und ist in Quarantäne"},
    {"the deletions were not carried out, nothing was lost", "das Löschen wurde nicht ausgeführt, nichts ging verloren"},
    {"the name is no UTF-8", "der Name ist kein UTF-8"},
    {"the server is shutting down, try again soon", "der Server wird beendet, bitte bald noch einmal"},
    {"there is no message with that number", "eine Nachricht mit dieser Nummer gibt es nicht"},
    {"this account may not use POP3", "dieses Konto darf POP3 nicht benutzen"},
    {"this command takes no argument", "dieser Befehl hat keinen Parameter"},
    {"too many bad commands", "zu viele falsche Befehle"},
    {"unique ids follow", "eindeutige Kennungen folgen"},
    {"unknown command", "unbekannter Befehl"},
    {"unknown mechanism", "unbekanntes Verfahren"},
    {"waited too long for a command", "zu lange auf einen Befehl gewartet"},
    {"wrong user name or password", "falscher Name oder falsches Passwort"},
    {"you are logged in already", "bereits angemeldet"},
};

bool isGerman(const Language& language) { return language.tag == "de"; }

std::string_view translated(std::string_view english)
{
    const auto found = std::lower_bound(std::begin(kGerman), std::end(kGerman), english, [](const auto& row, auto key) { return row.first < key; });
    return found != std::end(kGerman) && found->first == english ? found->second : english;
}

} // namespace

const std::vector<Language>& languages()
{
    static const std::vector<Language> all{{"en", "English"}, {"de", "Deutsch"}};
    return all;
}

// RFC 4647 3.4, lookup: the range is cut from its end until a language has that name. i-default is the default (RFC 2277 4.5).
const Language* findLanguage(std::string_view range)
{
    if (range == "*" || base::iequals(range, "i-default"))
        return &languages().front();
    for (; !range.empty(); range = range.substr(0, range.rfind('-') == std::string_view::npos ? 0 : range.rfind('-')))
        for (const Language& language : languages())
            if (base::iequals(language.tag, range))
                return &language;
    return nullptr;
}

std::string worded(const Language& language, std::string_view english, std::initializer_list<std::uint64_t> numbers)
{
    std::string out;
    if (english.starts_with('['))
        if (const auto end = english.find("] "); end != std::string_view::npos) {
            out = english.substr(0, end + 2);
            english.remove_prefix(end + 2);
        }
    const auto* number = numbers.begin();
    for (const char c : isGerman(language) ? translated(english) : english) {
        if (c == '#' && number != numbers.end())
            out += std::to_string(*number++);
        else
            out += c;
    }
    return out;
}

} // namespace postfach::pop3
