#include "server/delivery/received.h"

namespace postfach::delivery {

// Delivery::newSpool() writes it: each of the two fields begins a line, further lines of the second begin with a tab.
std::string_view withoutOwnHead(std::string_view message)
{
    constexpr std::string_view kFirst = "Return-Path: <", kSecond = "Received: from ", kBy = "\r\n\tby ", kName = " (Postfach) with ";
    if (!message.starts_with(kFirst))
        return message;
    const auto line = message.find("\r\n");
    if (line == std::string_view::npos || !message.substr(line + 2).starts_with(kSecond))
        return message;
    const auto by = message.find("\r\n", line + 2);
    if (by == std::string_view::npos || !message.substr(by).starts_with(kBy))
        return message;
    auto end = message.find("\r\n", by + 2);
    const std::string_view own = message.substr(by, end == std::string_view::npos ? end : end - by);
    if (own.find(kName) == std::string_view::npos)
        return message;
    while (end != std::string_view::npos && message.substr(end + 2).starts_with('\t'))
        end = message.find("\r\n", end + 2);
    return end == std::string_view::npos ? message : message.substr(end + 2);
}

} // namespace postfach::delivery
