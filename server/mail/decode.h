#pragma once
// Content-Transfer-Encodings and charsets. Lenient readers: what a mail client would make of it. RFC 2045 6.
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

std::string decodeBase64(std::string_view body);          // junk is skipped; "=" in the middle ends a run and the next begins
std::string decodeQuotedPrintable(std::string_view body);
std::vector<std::string> decodeUuencoded(std::string_view body); // every begin/end block found
// Every =ybegin/=yend block found, its end missing perhaps; behind them the parts of a file that stand in several, put together.
std::vector<std::string> decodeYenc(std::string_view body);
// By the name of the encoding: base64, quoted-printable, x-uuencode; anything else as it is.
std::string decodeTransfer(std::string_view encoding, std::string_view body);

// ICU. Bytes that do not fit become U+FFFD. Unknown charset: UTF-8 if it is, else windows-1252.
bool isKnownCharset(std::string_view charset);
std::string toUtf8(std::string_view charset, std::string_view bytes);

// For comparisons and search: equal is what differs only in case or in how a character is put together. Full case folding and
// compatibility decomposition, so all that i;unicode-casemap (RFC 5051) makes equal; ASCII fast, the rest by ICU.
std::string foldCase(std::string_view utf8);
std::string withoutAccents(std::string_view folded); // of what foldCase() made: "e" for every accented e
// For order: the bytes that i;unicode-casemap (RFC 5051) compares. Capital letters, so "_" and "[" stand behind Z.
std::string collationKey(std::string_view utf8);
// Unicode Normalization Form C, as Net-Unicode wants it (RFC 5198 2): accents one with their letters. What is no UTF-8 stays.
std::string composed(std::string_view utf8);

} // namespace postfach::mail
