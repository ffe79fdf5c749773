#pragma once
// Writing mail of our own (notices, demo mail): well-formed RFC 5322, encoded words and quoted-printable where needed.
#include "server/base/clock.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::mail {

struct Draft {
    std::string from_name, from_address; // name in UTF-8
    std::string to_address, subject, text; // UTF-8; text with \n line ends
    base::Time date;
    std::string message_id;              // without <>
    std::vector<std::pair<std::string, std::string>> extra; // further header fields, ASCII
    struct Attachment { std::string file_name, type, bytes; };
    std::vector<Attachment> attachments;
};
std::string compose(const Draft& draft); // CRLF line ends, text flowed at 76

// Safe inside a header field of ours: no control characters, no line ends; encoded words where it is not ASCII; cut at `most` bytes.
std::string headerText(std::string_view utf8, std::size_t most = 500);

} // namespace postfach::mail
