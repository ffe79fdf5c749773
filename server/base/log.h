#pragma once
// One line an event, to one place. `text`:
//   2026-03-01T09:30:00.125Z info imap login account=alice@example.org address=192.0.2.7
// or `json`, the same fields as one object. Values are made printable here, so nothing a client sends can forge a line.
// Secrets never come here: the caller leaves them out. Any thread; a line is written with one write().
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace postfach::base {

enum class LogFormat { text, json };
enum class LogLevel { debug, info, warning, error };

struct LogField {
    std::string_view key;
    std::string value;
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
    template <class Number>
        requires std::is_arithmetic_v<Number>
    LogField(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

// Set once by the appliance before threads start; tests leave the default (warnings and errors to stderr).
void configureLog(int fd, LogFormat format, LogLevel least);

// `area` is the folder that speaks (imap, store, scanner), `event` a few words that stay the same for ever.
void log(LogLevel level, std::string_view area, std::string_view event, std::initializer_list<LogField> fields = {});

using LogFields = std::initializer_list<LogField>;
inline void logDebug(std::string_view area, std::string_view event, LogFields fields = {}) { log(LogLevel::debug, area, event, fields); }
inline void logInfo(std::string_view area, std::string_view event, LogFields fields = {}) { log(LogLevel::info, area, event, fields); }
inline void logWarning(std::string_view area, std::string_view event, LogFields fields = {}) { log(LogLevel::warning, area, event, fields); }
inline void logError(std::string_view area, std::string_view event, LogFields fields = {}) { log(LogLevel::error, area, event, fields); }

} // namespace postfach::base
