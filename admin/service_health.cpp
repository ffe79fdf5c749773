// Service: what readiness says of what surrounds the server: signatures, disk, certificate, backups. None of it takes anybody's mail away,
// so none makes the server unready; it is a warning, which `?strict` counts.
#include "admin/service.h"
#include "server/base/text.h"

#include <algorithm>

#include <sys/statvfs.h>

namespace postfach::admin {
namespace {

using std::chrono::hours;

constexpr auto kCertificateEnds = hours(24 * 14);
constexpr std::uint64_t kLittleRoom = 512ULL << 20;
constexpr auto kLookEvery = std::chrono::seconds(60); // into the folder of signatures: anybody may ask

std::string inDays(std::chrono::milliseconds time)
{
    const auto days = std::chrono::duration_cast<hours>(time).count() / 24;
    return std::to_string(days) + (days == 1 ? " day" : " days");
}

Component ageOfSignatures(std::chrono::milliseconds age)
{
    const auto freshness = scanner::freshnessOf(age);
    const bool old = freshness != scanner::Freshness::fresh;
    return {"signatures", true, (freshness == scanner::Freshness::unhealthy ? "unhealthy: " : old ? "degraded: " : "") + inDays(age) + " old", old};
}

} // namespace

// The newest of what there is; daily.cvd as a rule.
std::optional<base::Time> Service::signaturesBuilt()
{
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(health_mutex_);
    if (signatures_looked_ && now - *signatures_looked_ < kLookEvery)
        return signatures_built_;
    signatures_looked_ = now;
    signatures_built_.reset();
    if (const auto age = scanner::signatureAge(scanner::describeSignatures(context_.scanning.signatures), base::toMillis(context_.clock.now())))
        signatures_built_ = context_.clock.now() - *age;
    return signatures_built_;
}

std::optional<base::Time> Service::lastBackup()
{
    const auto number = base::parseU64(context_.store.read()->setting("backup.last"));
    return number ? std::optional(base::fromMillis(static_cast<std::int64_t>(*number))) : std::nullopt;
}

Service::Room Service::roomOnDisk() const
{
    struct statvfs volume {};
    if (::statvfs(context_.data_folder.c_str(), &volume) != 0)
        return {};
    return {std::uint64_t{volume.f_bavail} * volume.f_frsize, std::uint64_t{volume.f_blocks} * volume.f_frsize};
}

void Service::addSurroundings(std::vector<Component>& components)
{
    const auto now = context_.clock.now();
    if (const auto built = signaturesBuilt(); !built)
        components.push_back({"signatures", true, "No official signatures: only the test signature and the administrator's own are in use.", true});
    else
        components.push_back(ageOfSignatures(std::max(now - *built, base::Time::duration{0})));
    if (const auto room = roomOnDisk(); room.size > 0)
        components.push_back(
            {"disk", true, std::to_string(room.free >> 20) + " of " + std::to_string(room.size >> 20) + " MiB free",
                room.free < kLittleRoom || room.free < room.size / 20});
    if (context_.tls) {
        const auto left = base::fromMillis(context_.tls->current()->expiresAt() * 1000) - now;
        components.push_back(
            {"certificate", true, left.count() > 0 ? inDays(left) + " left" : "It has expired.", left < kCertificateEnds});
    }
    if (context_.backup.folder.empty())
        return;
    std::optional<base::Time> last;
    try {
        last = lastBackup();
    } catch (const store::Error&) { // said by the store's own component
        return;
    }
    const bool late = now - last.value_or(context_.started) > 2 * context_.backup.every + hours(1);
    for (auto& component : components)
        if (component.name == "backup" && !component.warns) {
            component.warns = late;
            component.detail = last
                ? "The last one is " + std::to_string(std::chrono::duration_cast<hours>(now - *last).count()) + " hours old."
                : "There is none yet.";
        }
}

void Service::addSurroundings(std::string& metrics)
{
    const auto add = [&metrics](const char* name, const char* help, const std::string& value) {
        metrics.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" gauge\n");
        metrics.append(name).append(" ").append(value).append("\n");
    };
    const auto seconds = [](base::Time time) { return std::to_string(base::toMillis(time) / 1000); };
    if (const auto built = signaturesBuilt())
        add("postfach_signatures_built_seconds", "When the newest signatures were built, in seconds since 1970", seconds(*built));
    const auto room = roomOnDisk();
    add("postfach_disk_free_bytes", "Room on the disk of the data directory", std::to_string(room.free));
    add("postfach_disk_size_bytes", "Size of the disk of the data directory", std::to_string(room.size));
    add("postfach_event_streams", "Streams of events that are open", std::to_string(kStreams - seats_.left()));
    try {
        const auto tx = context_.store.read();
        add("postfach_events_last_id", "The last event of the journal", std::to_string(tx->eventRange().newest));
        add("postfach_audit_last_id", "The last entry of the audit", std::to_string(tx->auditHead().id));
    } catch (const store::Error&) { // said by postfach_ready
    }
    if (context_.backup.folder.empty())
        return;
    try {
        if (const auto last = lastBackup())
            add("postfach_backup_last_seconds", "When the last backup into backup.folder was made, in seconds since 1970",
                seconds(*last));
    } catch (const store::Error&) { // the same
    }
}

} // namespace postfach::admin
