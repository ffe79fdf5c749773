#include "server/appliance/settings.h"
#include "admin/setup/mail_setup.h"
#include "scanner/attachment_types.h"
#include "server/appliance/certificate.h"
#include "server/base/text.h"
#include "server/net/address.h"
#include "server/net/tls.h"

#include <Poco/Environment.h>

#include <algorithm>
#include <filesystem>

#include <arpa/inet.h>

namespace postfach::appliance {
namespace {
// Sizes of messages are 32-bit in views and on the wire; a gigabyte leaves room for what is put before them.
constexpr std::uint64_t kLargestMessage = 1ULL << 30;

std::string programFolder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string(); }
} // namespace

std::string serverName(const base::Config& config)
{
    const auto& name = config.text("server.name");
    return name.empty() ? Poco::Environment::nodeName() : name;
}

net::Sessions::Bounds sessionBounds(const base::Config& config)
{
    return {config.number("limits.connections"), config.number("limits.connections_per_address"),
            config.number("limits.connections_per_account")};
}

auth::PlaintextPolicy plaintextPolicy(const base::Config& config)
{
    const auto& word = config.text("auth.plaintext");
    return word == "always" ? auth::PlaintextPolicy::always : word == "loopback" ? auth::PlaintextPolicy::loopback : auth::PlaintextPolicy::tls;
}

delivery::Policy deliveryPolicy(const base::Config& config, const std::string& data)
{
    delivery::Policy policy;
    policy.accept_unscanned = config.text("scanner.unavailable") == "accept";
    using store::ScanPolicy;
    for (std::size_t line = 0; line < ScanPolicy::kLines.size(); ++line) {
        const auto& word = config.text("scanner." + std::string(ScanPolicy::kLines[line]));
        const auto action = std::find(ScanPolicy::kActions.begin(), ScanPolicy::kActions.end(), word) - ScanPolicy::kActions.begin();
        policy.scan.actions[line] = static_cast<store::ScanAction>(action);
    }
    policy.attachment_types = config.text("scanner.attachment_types");
    policy.message_size = config.size("limits.message_size");
    policy.server_name = serverName(config);
    policy.spool_folder = data + "/spool";
    return policy;
}

store::TrashPolicy trashPolicy(const base::Config& config)
{
    const auto days = [&config](const char* key) {
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(config.number(key), store::TrashPolicy::kMostDays));
    };
    return {true, days("trash.days"), days(config.text("junk.days").empty() ? "trash.days" : "junk.days"), days("recovery.days")};
}

store::StoreOptions storeOptions(const base::Config& config, const std::string& data)
{
    store::StoreOptions options;
    options.folder = data;
    options.delimiter = config.text("store.delimiter").front();
    options.trash = trashPolicy(config);
    return options;
}

scanner::Options scannerOptions(const base::Config& config, const std::string& data)
{
    scanner::Options options;
    options.program = config.text("scanner.program");
    if (options.program.empty())
        options.program = programFolder() + "/postfach-scanner";
    options.signatures = config.text("scanner.signatures");
    options.run_folder = data + "/run/scanner";
    options.workers = static_cast<unsigned>(config.number("scanner.workers"));
    return options;
}

delivery::Rescan::Settings rescanSettings(const base::Config& config, const std::string& data)
{
    delivery::Rescan::Settings settings;
    settings.share = static_cast<unsigned>(config.number("scanner.rescan_share"));
    settings.brake_hits = config.number("scanner.brake_hits");
    settings.brake_percent = static_cast<unsigned>(config.number("scanner.brake_percent"));
    settings.release_cleared = config.text("quarantine.release_cleared") == "on";
    const auto deliveries = deliveryPolicy(config, data);
    settings.scan = deliveries.scan;
    settings.attachment_types = deliveries.attachment_types;
    settings.server_name = serverName(config);
    settings.signatures = scannerOptions(config, data).run_folder + "/good"; // what serves was set aside there
    return settings;
}

base::Housekeeper::Next backupTimes(const base::Config& config)
{
    const std::string& at = config.text("backup.at");
    const auto words = base::split(at, ':');
    const auto hour = words.size() == 2 ? base::parseU32(words[0]) : std::nullopt;
    const auto minute = words.size() == 2 ? base::parseU32(words[1]) : std::nullopt;
    if (!hour || !minute || *hour > 23 || *minute > 59 || words[1].size() != 2)
        throw base::Refused("bad value '" + base::printable(at) + "' for backup.at; allowed: a time of the day such as 02:30");
    const auto every = config.number("backup.every");
    if (every < 1 || every > 24)
        throw base::Refused("bad value '" + config.text("backup.every") + "' for backup.every; allowed: 1 to 24 hours");
    return base::Housekeeper::daily(std::chrono::hours(*hour) + std::chrono::minutes(*minute), std::chrono::hours(every));
}

admin::PasswordRules passwordRules(const base::Config& config)
{
    using Policy = admin::PasswordRules::Policy;
    const auto& word = config.text("auth.password_policy");
    return {word == "off" ? Policy::off : word == "refuse" ? Policy::refuse : Policy::warn,
            static_cast<unsigned>(std::min<std::uint64_t>(config.number("auth.password_length"), 1024))};
}

admin::CopySettings copySettings(const base::Config& config)
{
    const auto refuse = [&](const char* key, const std::string& allowed) {
        throw base::Refused("bad value '" + base::printable(config.text(key)) + "' for " + key + "; allowed: " + allowed);
    };
    admin::CopySettings copy;
    copy.folder = config.text("copy.folder");
    if (!copy.folder.empty() && (!std::filesystem::path(copy.folder).is_absolute() || copy.folder == config.text("backup.folder")))
        refuse("copy.folder", "an absolute path, another one than backup.folder");
    const auto minutes = config.number("copy.interval"), keep = config.number("copy.keep");
    if (minutes < 1 || minutes > 1440)
        refuse("copy.interval", "1 to 1440 minutes");
    if (keep < 1 || keep > 1000)
        refuse("copy.keep", "1 to 1000");
    copy.interval = std::chrono::minutes(minutes);
    copy.keep = static_cast<unsigned>(keep);
    return copy;
}

admin::WebSettings webSettings(const base::Config& config)
{
    const auto within = [&](const char* key, std::uint64_t most, const char* allowed) {
        const auto number = config.number(key);
        if (number < 1 || number > most)
            throw base::Refused("bad value '" + config.text(key) + "' for " + key + "; allowed: " + allowed);
        return number;
    };
    return {std::chrono::minutes(within("admin.session_idle", 1440, "1 to 1440 minutes")),
            std::chrono::hours(within("admin.session_hours", 720, "1 to 720 hours")), config.text("admin.require_totp") == "on"};
}

void checkConfig(const base::Config& config)
{
    webSettings(config);
    if (const auto allowed = scanner::AttachmentTypes::problemOf(config.text("scanner.attachment_types")))
        throw base::Refused("bad value '" + base::printable(config.text("scanner.attachment_types")) + "' for scanner.attachment_types; allowed: "
                            + *allowed);
    for (const auto& address : config.list("listen.address")) {
        // Poco's tryParse() takes "::" for a failure.
        unsigned char parsed[sizeof(in6_addr)];
        if (::inet_pton(AF_INET, address.c_str(), parsed) != 1 && ::inet_pton(AF_INET6, address.c_str(), parsed) != 1)
            throw base::Refused("bad value '" + base::printable(address) + "' for listen.address; allowed: IP addresses");
    }
    for (const char* key : {"lmtp.allow", "proxy.allow", "webhooks.allow"})
        for (const auto& network : config.list(key))
            if (!net::inNetwork("127.0.0.1", network))
                throw base::Refused("bad value '" + base::printable(network) + "' for " + key + "; allowed: networks such as 10.0.0.0/8 or fc00::/7");
    if (config.text("store.url") != "sqlite") // the value may hold a password
        throw base::Refused("bad value for store.url; allowed: sqlite");
    if (config.size("limits.message_size") > kLargestMessage)
        throw base::Refused("bad value '" + config.text("limits.message_size") + "' for limits.message_size; allowed: up to 1 GiB");
    if (!config.text("backup.folder").empty() && !std::filesystem::path(config.text("backup.folder")).is_absolute())
        throw base::Refused("bad value '" + base::printable(config.text("backup.folder")) + "' for backup.folder; allowed: an absolute path");
    for (const char* key : {"scanner.rescan_share", "scanner.brake_percent"})
        if (config.number(key) > 100)
            throw base::Refused("bad value '" + config.text(key) + "' for " + key + "; allowed: 0 to 100");
    if (const auto& days = config.text("junk.days"); !days.empty() && !base::parseU64(days))
        throw base::Refused("bad value '" + base::printable(days) + "' for junk.days; allowed: a whole number, or nothing");
    backupTimes(config);
    copySettings(config);
    if (const auto& smtp = config.text("clients.smtp"); !smtp.empty() && !admin::parseOutgoing(smtp))
        throw base::Refused("bad value '" + base::printable(smtp) + "' for clients.smtp; allowed: HOST:PORT such as mail.example.org:465");
    const auto files = certificateFiles(config, "");
    if (!files.folder.empty() && !std::filesystem::is_directory(files.folder))
        throw base::Refused("bad value '" + base::printable(files.folder) + "' for tls.folder; allowed: a folder that is there");
    if (files.own)
        return;
    try {
        net::TlsContext::load(files.standard.certificate, files.standard.key);
    } catch (const base::Refused& refused) {
        throw base::Refused("tls.certificate and tls.key cannot be used: " + std::string(refused.what()));
    }
}

} // namespace postfach::appliance
