#include "scanner/process/samples.h"
#include "scanner/wire.h"
#include "server/base/text.h"

#include <cstdint>

namespace postfach::scanner::samples {
namespace {

void put16(std::string& out, unsigned value)
{
    out += static_cast<char>(value & 0xFF);
    out += static_cast<char>(value >> 8 & 0xFF);
}

void put32(std::string& out, std::uint32_t value)
{
    put16(out, value & 0xFFFF);
    put16(out, value >> 16);
}

std::uint32_t crc32(std::string_view bytes)
{
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : bytes) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

} // namespace

std::string eicar()
{
    const std::string first = "X5O!P%@AP[4\\PZX54(P^)7CC)7}";
    const std::string second = "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
    return first + second;
}

std::string zip(std::string_view name, std::string_view content, bool encrypted)
{
    // What both the local header and the directory say of the member (APPNOTE 4.3.7 and 4.3.12).
    std::string common;
    put16(common, 20);                 // version needed
    put16(common, encrypted ? 1 : 0);  // flags
    put16(common, 0);                  // stored
    put32(common, 0x21 << 16);         // 1980-01-01
    put32(common, crc32(content));
    put32(common, static_cast<std::uint32_t>(content.size()));
    put32(common, static_cast<std::uint32_t>(content.size()));
    put16(common, static_cast<unsigned>(name.size()));
    put16(common, 0); // no extra field

    std::string out = "PK\x03\x04";
    out += common;
    out += name;
    out += content;

    std::string directory = "PK\x01\x02";
    put16(directory, 20); // made by
    directory += common;
    put16(directory, 0); // comment
    put16(directory, 0); // disk
    put16(directory, 0); // attributes
    put32(directory, 0);
    put32(directory, 0); // where the local header is
    directory += name;

    std::string end = "PK\x05\x06";
    put32(end, 0);
    put16(end, 1);
    put16(end, 1);
    put32(end, static_cast<std::uint32_t>(directory.size()));
    put32(end, static_cast<std::uint32_t>(out.size()));
    put16(end, 0);
    return out + directory + end;
}

std::string mail(std::string_view attachment_name, std::string_view attachment)
{
    std::string out(wire::kReceived);
    out += "From: scanner@localhost\r\nSubject: self-test\r\nMIME-Version: 1.0\r\n"
           "Content-Type: multipart/mixed; boundary=\"self-test\"\r\n\r\n"
           "--self-test\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n"
           "--self-test\r\nContent-Type: application/octet-stream; name=\"";
    out += attachment_name;
    out += "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    const std::string coded = base::base64(attachment);
    for (std::size_t at = 0; at < coded.size(); at += 76)
        out += coded.substr(at, 76) + "\r\n";
    return out + "--self-test--\r\n";
}

std::string cleanMail() { return mail("notes.txt", "Nothing to see here, and nothing to find.\r\n"); }

} // namespace postfach::scanner::samples
