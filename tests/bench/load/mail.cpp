#include "tests/bench/load/mail.h"

#include <array>

namespace postfach::load {

std::string mail(unsigned long number, std::size_t size)
{
    static constexpr std::array kLines{
        "The minutes of our meeting on Tuesday are below; please read them until",
        "Friday and answer where you differ. The figures of the third quarter are",
        "not yet final, and the warehouse has asked for another week to count what",
        "is left. Whoever travels to the fair in November books by the fifteenth;",
        "the hotel keeps six rooms for us until then, two of them with a desk.",
    };
    const std::string id = std::to_string(number);
    std::string out = "Date: Mon, 3 Nov 2025 10:00:00 +0100\r\nFrom: Sender <sender@elsewhere.test>\r\nTo: One <one@office.test>\r\n"
                      "Subject: Minutes " + id + "\r\nMessage-ID: <load-" + id + "@elsewhere.test>\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n\r\n";
    for (unsigned long at = 0; out.size() + 100 < size; ++at)
        out += std::to_string(number * 31 + at * 7) + " " + kLines[(number + at) % kLines.size()] + "\r\n";
    while (out.size() + 2 < size)
        out += '.';
    return out + "\r\n";
}

std::string stuffed(const std::string& mail)
{
    std::string out;
    out.reserve(mail.size() + 16);
    bool line_begins = true;
    for (const char c : mail) {
        if (line_begins && c == '.')
            out += '.';
        out += c;
        line_begins = c == '\n';
    }
    return out + ".\r\n";
}

} // namespace postfach::load
