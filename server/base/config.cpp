#include "server/base/config.h"
#include "server/base/text.h"

#include <Poco/Exception.h>
#include <Poco/Util/PropertyFileConfiguration.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

extern char** environ; // NOLINT: POSIX

namespace postfach::base {
namespace {
using Kind = Config::Key::Kind;

// Sizes in bytes, with or without a unit of 1024: "50 MiB", "5G", "1048576".
std::optional<std::uint64_t> parseSize(std::string_view value)
{
    std::size_t digits = 0;
    while (digits < value.size() && isDigit(value[digits]))
        ++digits;
    const auto number = parseU64(value.substr(0, digits));
    std::string unit = lower(trim(value.substr(digits)));
    for (const std::string_view tail : {"ib", "b"})
        if (unit.ends_with(tail)) {
            unit.resize(unit.size() - tail.size());
            break;
        }
    static constexpr std::string_view kUnits = "_kmgt"; // by power of 1024
    const auto power = unit.empty() ? 0 : unit.size() == 1 && unit != "_" ? kUnits.find(unit[0]) : std::string_view::npos;
    if (!number || power == std::string_view::npos || (power > 0 && *number >> (64 - 10 * power) != 0))
        return std::nullopt;
    return *number << (10 * power);
}

bool isAllowed(const Config::Key& key, std::string_view value)
{
    switch (key.kind) {
    case Kind::text:
    case Kind::list: return isUtf8(value) && value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
    case Kind::size: return parseSize(value).has_value();
    case Kind::number: return parseU64(value).has_value();
    case Kind::flag: return value == "true" || value == "false";
    case Kind::port: {
        const auto port = parseU32(value);
        return value == "off" || (port && *port <= 65535);
    }
    case Kind::choice: {
        const auto words = split(key.allowed, '|');
        return std::find(words.begin(), words.end(), value) != words.end();
    }
    }
    return false;
}

const Config::Key* findKey(std::string_view name)
{
    for (const auto& key : Config::keys())
        if (key.name == name)
            return &key;
    return nullptr;
}

std::string environmentName(std::string_view key)
{
    std::string name = "POSTFACH_" + upper(key);
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}
} // namespace

const std::vector<Config::Key>& Config::keys()
{
    static constexpr auto kPort = "1 to 65535, or off";
    static constexpr auto kSize = "bytes, or with a unit: 500 MiB, 5 GiB";
    static constexpr auto kNumber = "a whole number";
    static constexpr auto kActions = "deliver|mark|quarantine|reject";
    static const std::vector<Key> table = {
        {"listen.address", Kind::list, "::, 0.0.0.0", "IP addresses", "addresses to bind"},
        {"pop3.port", Kind::port, "110", kPort, "POP3 with STLS"},
        {"pop3s.port", Kind::port, "995", kPort, "POP3 with TLS from the first byte"},
        {"imap.port", Kind::port, "143", kPort, "IMAP with STARTTLS"},
        {"imaps.port", Kind::port, "993", kPort, "IMAP with TLS from the first byte"},
        {"lmtp.port", Kind::port, "24", kPort, "LMTP, the way in for a mail transfer agent"},
        {"lmtp.allow", Kind::list, "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, fc00::/7, fe80::/10",
         "networks in CIDR form", "who may deliver by LMTP"},
        {"admin.port", Kind::port, "8443", kPort, "HTTPS: API, web console, health, metrics"},
        {"admin.session_idle", Kind::number, "30", "minutes, 1 to 1440", "a browser that asks nothing for so long is signed out"},
        {"admin.session_hours", Kind::number, "12", "hours, 1 to 720", "and after so long in any case"},
        {"admin.require_totp", Kind::choice, "off", "on|off", "administrators' accounts sign in with a second factor only"},
        {"tls.certificate", Kind::text, "", "a PEM file", "certificate chain; empty: self-signed in DIR/tls"},
        {"tls.key", Kind::text, "", "a PEM file", "private key of tls.certificate"},
        {"tls.folder", Kind::text, "", "a folder", "more certificates, chosen by name (SNI): NAME.crt with NAME.key, or NAME/fullchain.pem with privkey.pem"},
        {"clients.smtp", Kind::text, "", "HOST:PORT", "where mail programs send: told to those that set themselves up; port 465 is TLS, others STARTTLS"},
        {"clients.mx", Kind::text, "", "a host name", "the MTA that takes mail for here, for the DNS records; empty: server.name"},
        {"dns.server", Kind::text, "", "ADDRESS or ADDRESS:PORT", "who is asked which DNS records are there; empty: the system's"},
        {"auth.plaintext", Kind::choice, "tls", "tls|loopback|always", "who may log in without TLS"},
        {"auth.password_policy", Kind::choice, "warn", "off|warn|refuse", "new passwords that are short or easy to guess: taken, taken with a warning, refused"},
        {"auth.password_length", Kind::number, "8", kNumber, "new passwords with fewer characters are short"},
        {"server.name", Kind::text, "", "a host name", "name in greetings and the certificate; empty: the host's"},
        {"store.url", Kind::text, "sqlite", "sqlite", "where accounts and mail are kept"},
        {"store.memory", Kind::size, "64 MiB", kSize, "mails handed out lately stay in memory, for the next device that wants them; 0: none"},
        {"store.delimiter", Kind::choice, "/", "/|.", "hierarchy delimiter of mailbox names"},
        {"scanner.signatures", Kind::text, "/var/lib/clamav", "a folder", "ClamAV signatures"},
        {"scanner.program", Kind::text, "", "a file", "postfach-scanner; empty: beside postfach"},
        {"scanner.workers", Kind::number, "0", kNumber, "scanning processes; 0: one a core"},
        {"scanner.unavailable", Kind::choice, "tempfail", "tempfail|accept", "when no verdict can be had"},
        {"scanner.infected", Kind::choice, "quarantine", "quarantine|reject", "infected mail at delivery"},
        {"scanner.encrypted", Kind::choice, "mark", kActions, "mail with an archive or document under a password"},
        {"scanner.macros", Kind::choice, "mark", kActions, "mail with macros in a document"},
        {"scanner.phishing", Kind::choice, "mark", kActions, "mail whose links show another address than they lead to"},
        {"scanner.limits", Kind::choice, "mark", kActions, "mail past the limits of scanning: size, depth, number of files"},
        {"scanner.attachments", Kind::choice, "mark", kActions, "mail with an attachment of scanner.attachment_types"},
        {"scanner.attachment_types", Kind::text, "executables, scripts, disk-images", "executables, scripts, disk-images, extensions of file names",
         "types of attachments, by content and by name; empty: none"},
        {"scanner.unscannable", Kind::choice, "mark", "mark|quarantine|reject", "mail that cannot be scanned whole for another reason (damaged, too slow)"},
        {"quarantine.days", Kind::number, "30", kNumber, "how long quarantined mail is kept; 0: for ever"},
        {"scanner.rescan_share", Kind::number, "25", kNumber, "percent of the scanner's time for stored mail, scanned again with new signatures; 0: none"},
        {"scanner.brake_hits", Kind::number, "20", kNumber, "so many stored contents with one signature are quarantined before you are asked, or"},
        {"scanner.brake_percent", Kind::number, "1", kNumber, "so many percent of all contents, whichever is more"},
        {"scanner.read_days", Kind::number, "90", kNumber, "how long it is kept who fetched which mail, from where; 0: not at all"},
        {"quarantine.release_cleared", Kind::choice, "off", "on|off", "what newer signatures clear leaves quarantine by itself"},
        {"limits.message_size", Kind::size, "50 MiB", kSize, "larger messages are refused"},
        {"limits.connections", Kind::number, "10000", kNumber, "live connections in all"},
        {"limits.connections_per_address", Kind::number, "50", kNumber, "live connections from one address"},
        {"limits.connections_per_account", Kind::number, "100", kNumber, "live connections of one account"},
        {"proxy.allow", Kind::list, "", "networks in CIDR form", "trusted proxies: from them a PROXY v2 header is wanted, on every port for mail"},
        {"recovery.days", Kind::number, "7", kNumber, "how long what is gone can be restored; 0: not at all"},
        {"trash.days", Kind::number, "30", kNumber, "age at which mail in Trash and Junk goes; 0: never"},
        {"junk.days", Kind::text, "", "a whole number", "the same of Junk alone; empty: as trash.days"},
        {"logins.days", Kind::number, "90", kNumber, "how long an account's logins are remembered; 0: not at all"},
        {"backup.folder", Kind::text, "", "a folder", "backups on a schedule go there; empty: none"},
        {"backup.at", Kind::text, "02:30", "a time of the day (UTC), HH:MM", "when the first backup of a day begins"},
        {"backup.every", Kind::number, "24", "hours, 1 to 24", "how long after it the next one begins"},
        {"backup.keep", Kind::number, "7", kNumber, "so many backups stay in backup.folder; 0: all"},
        {"copy.folder", Kind::text, "", "a folder", "a second copy of all is kept current there: a mounted disk or share; empty: none"},
        {"copy.interval", Kind::number, "5", "minutes, 1 to 1440", "how often it is brought up to date"},
        {"copy.keep", Kind::number, "3", "1 to 1000", "so many of its states stay in copy.folder"},
        {"quota.default", Kind::size, "5 GiB", kSize, "bytes an account may hold; 0: no bound"},
        {"quota.notice", Kind::choice, "on", "on|off", "a mail tells who reaches 80, 90 or 95 percent of the quota"},
        {"events.days", Kind::number, "30", kNumber, "how long the journal of events goes back"},
        {"events.keep", Kind::number, "50000", kNumber, "so many events of each group of kinds (mail, login, …) stay in it"},
        {"webhooks.allow", Kind::list, "", "networks in CIDR form", "private networks that webhooks may call, also without TLS"},
        {"webhooks.ca", Kind::text, "", "a PEM file", "who may vouch for the receivers of webhooks; empty: the system's authorities"},
        {"log.format", Kind::choice, "text", "text|json", "form of the log lines"},
        {"log.level", Kind::choice, "info", "debug|info|warning|error", "least level that is logged"},
    };
    return table;
}

Config::Config()
{
    for (const auto& key : keys())
        values_[key.name] = key.standard;
}

void Config::set(std::string_view name, std::string_view value, const std::string& origin)
{
    const auto* key = findKey(name);
    value = trim(value);
    if (key == nullptr)
        throw Refused("unknown key '" + printable(name) + "' (" + origin + "); the keys are listed by: postfach serve --help");
    if (!isAllowed(*key, value))
        throw Refused("bad value '" + printable(value) + "' for " + key->name + " (" + origin + "); allowed: " + key->allowed);
    values_[key->name] = std::string(value);
}

void Config::readFile(const std::string& path)
{
    Poco::AutoPtr<Poco::Util::PropertyFileConfiguration> file;
    try {
        file = new Poco::Util::PropertyFileConfiguration(path);
    } catch (const Poco::Exception&) {
        throw Refused("cannot read the configuration file " + path);
    }
    // Poco gives keys level by level; a key of ours has two levels.
    Poco::Util::AbstractConfiguration::Keys roots;
    file->keys(roots);
    for (const auto& root : roots) {
        Poco::Util::AbstractConfiguration::Keys leaves;
        file->keys(root, leaves);
        if (leaves.empty())
            set(root, file->getRawString(root, ""), path);
        for (const auto& leaf : leaves)
            set(root + "." + leaf, file->getRawString(root + "." + leaf, ""), path);
    }
}

void Config::readEnvironment()
{
    for (const auto& key : keys())
        if (const char* value = std::getenv(environmentName(key.name).c_str()))
            set(key.name, value, "environment " + environmentName(key.name));
}

const std::string& Config::text(std::string_view key) const
{
    const auto found = values_.find(key);
    if (found == values_.end())
        throw std::logic_error("no such configuration key: " + std::string(key));
    return found->second;
}

std::uint64_t Config::size(std::string_view key) const { return parseSize(text(key)).value(); }
std::uint64_t Config::number(std::string_view key) const { return parseU64(text(key)).value(); }
bool Config::flag(std::string_view key) const { return text(key) == "true"; }

std::optional<std::uint16_t> Config::port(std::string_view key) const
{
    if (text(key) == "off")
        return std::nullopt;
    return static_cast<std::uint16_t>(*parseU32(text(key)));
}

std::vector<std::string> Config::list(std::string_view key) const
{
    std::vector<std::string> items;
    std::string item;
    for (const char c : text(key) + ",") {
        if (c != ',' && c != ' ' && c != '\t') {
            item += c;
        } else if (!item.empty()) {
            items.push_back(std::move(item));
            item.clear();
        }
    }
    return items;
}

} // namespace postfach::base
