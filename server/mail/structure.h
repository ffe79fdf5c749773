#pragma once
// The MIME structure of a message: where each part begins and ends, and what its header says of it.
// RFC 2045, 2046, 2047, 2183, 2231, 5322, and RFC 9051 2.3.1/7.5.2 for what IMAP wants to know of it.
//
// One pass over the bytes, iterative, bounded by base::limits (depth, parts, fields, parameters). It never refuses:
// whatever arrives has a structure; past a limit the rest of that part is one opaque application/octet-stream leaf.
// Offsets count bytes from the start of the message. The message has CRLF line ends or bare LF; both are understood.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::mail {

struct Parameter {
    std::string name;  // lower case
    std::string value; // unquoted; RFC 2231 continuations joined and decoded to UTF-8 (once, for an IMAP client that reads BODYSTRUCTURE)
};

struct Part {
    enum class Kind : std::uint8_t { leaf, multipart, message }; // message: message/rfc822 or message/global whose child was parsed
    Kind kind = Kind::leaf;

    std::uint64_t header_begin = 0; // first byte of the part's header
    std::uint64_t body_begin = 0;   // first byte behind the empty line (== header_end)
    std::uint64_t body_end = 0;     // behind the last byte; the CRLF before a boundary belongs to the boundary (RFC 2046 5.1.1)
    std::uint32_t body_lines = 0;   // line ends in the body
    std::uint32_t header_lines = 0; // line ends in the header, the empty line included

    std::int32_t parent = -1;       // indices into Structure::parts
    std::vector<std::uint32_t> children; // multipart: its parts; message: exactly one, the inner message's root

    std::string type = "text", subtype = "plain"; // lower case; the default where Content-Type is absent or broken
    std::vector<Parameter> parameters;
    std::string id, description, encoding = "7bit"; // Content-ID, -Description as written; Content-Transfer-Encoding lower case
    std::string disposition;                        // lower case, empty when absent
    std::vector<Parameter> disposition_parameters;
    std::string md5, location;
    std::vector<std::string> languages;

    std::uint64_t bodySize() const { return body_end - body_begin; }
    std::string_view header(std::string_view message) const { return message.substr(header_begin, body_begin - header_begin); }
    std::string_view body(std::string_view message) const { return message.substr(body_begin, body_end - body_begin); }
};

struct Structure {
    std::vector<Part> parts; // parts[0] is the message itself; a parent stands before its children, children in order
    bool truncated = false;  // a limit was met
};

Structure parseStructure(std::string_view message);

// The part that an IMAP section number names ("1.2.3" -> {1,2,3}), or -1. RFC 9051 6.4.5: part 1 of a message that is
// no multipart is its body; numbers below a message/rfc822 count the parts of the inner message.
std::int32_t findSection(const Structure& structure, const std::vector<std::uint32_t>& numbers);

// File name of a part for people: disposition's filename or type's name, decoded (RFC 2231, RFC 2047), UTF-8.
std::string fileName(const Part& part);

} // namespace postfach::mail
