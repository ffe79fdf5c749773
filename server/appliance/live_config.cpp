#include "server/appliance/live_config.h"
#include "server/base/log.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <unistd.h>

namespace postfach::appliance {
namespace {
// Each of these is handed on by Appliance::reload(). What is not here is read once, at the start.
constexpr std::array<std::string_view, 35> kLive{
    "auth.plaintext", "events.days", "events.keep", "junk.days", "limits.connections", "limits.connections_per_account", "limits.connections_per_address",
    "limits.message_size", "lmtp.allow", "log.format", "log.level", "logins.days",
    "quarantine.days", "quarantine.release_cleared", "quota.default", "quota.notice", "recovery.days", "scanner.attachment_types",
    "scanner.attachments", "scanner.brake_hits", "scanner.brake_percent", "scanner.encrypted", "scanner.infected", "scanner.limits",
    "scanner.macros", "scanner.phishing", "scanner.read_days", "scanner.rescan_share", "scanner.unavailable", "scanner.unscannable",
    "tls.certificate", "tls.folder", "tls.key", "trash.days", "webhooks.allow",
};

base::LogLevel logLevel(std::string_view word)
{
    return word == "debug"     ? base::LogLevel::debug
           : word == "warning" ? base::LogLevel::warning
           : word == "error"   ? base::LogLevel::error
                               : base::LogLevel::info;
}
} // namespace

ConfigChanges adopt(base::Config& running, const base::Config& next)
{
    ConfigChanges changes;
    for (const auto& key : base::Config::keys()) {
        const std::string& wanted = next.text(key.name);
        if (wanted == running.text(key.name))
            continue;
        if (std::find(kLive.begin(), kLive.end(), key.name) == kLive.end()) {
            changes.waiting.push_back(key.name);
            continue;
        }
        running.set(key.name, wanted, "reload");
        changes.taken.push_back(key.name);
    }
    return changes;
}

void configureLog(const base::Config& config)
{
    base::configureLog(STDOUT_FILENO, config.text("log.format") == "json" ? base::LogFormat::json : base::LogFormat::text,
                       logLevel(config.text("log.level")));
}

} // namespace postfach::appliance
