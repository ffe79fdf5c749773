#include "server/base/log.h"
#include "server/base/clock.h"
#include "server/base/text.h"

#include <atomic>

#include <unistd.h>

namespace postfach::base {
namespace {
std::atomic<int> log_fd{STDERR_FILENO};
std::atomic<LogFormat> log_format{LogFormat::text};
std::atomic<LogLevel> log_least{LogLevel::warning};

constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
constexpr std::size_t kLongestValue = 2000; // a hostile header may not fill the disk through the log

std::string jsonString(std::string_view value) { return '"' + printable(value, kLongestValue) + '"'; }

std::string textValue(std::string_view value)
{
    std::string text = printable(value, kLongestValue);
    if (text.empty() || text.find_first_of(" =") != std::string::npos)
        return '"' + text + '"';
    return text;
}

// printable() writes \xNN, which is no JSON escape: the backslash is doubled.
std::string jsonEscaped(std::string text)
{
    for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; at += 2)
        text.insert(at, 1, '\\');
    return text;
}
} // namespace

void configureLog(int fd, LogFormat format, LogLevel least)
{
    log_fd = fd;
    log_format = format;
    log_least = least;
}

void log(LogLevel level, std::string_view area, std::string_view event, std::initializer_list<LogField> fields)
{
    if (level < log_least.load(std::memory_order_relaxed))
        return;
    std::string line;
    const std::string now = rfc3339(SystemClock{}.now());
    const auto name = kLevels[static_cast<int>(level)];
    if (log_format == LogFormat::json) {
        line = "{\"time\":\"" + now + "\",\"level\":\"" + std::string(name) + "\",\"area\":" + jsonString(area)
             + ",\"event\":" + jsonEscaped(jsonString(event));
        for (const auto& field : fields)
            line += "," + jsonString(field.key) + ":" + jsonEscaped(jsonString(field.value));
        line += "}\n";
    } else {
        line = now + ' ' + std::string(name) + ' ' + std::string(area) + ' ' + std::string(event);
        for (const auto& field : fields)
            line += ' ' + std::string(field.key) + '=' + textValue(field.value);
        line += '\n';
    }
    // A log that cannot be written must not stop the mail: the result is looked at only to please the compiler.
    [[maybe_unused]] const auto written = ::write(log_fd, line.data(), line.size());
}

} // namespace postfach::base
