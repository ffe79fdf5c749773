#pragma once
// Character classes of the grammar, RFC 9051 section 9. One place, because an atom that is read must be the atom that is written.

namespace postfach::imap {

// ATOM-CHAR: a CHAR that is no atom-special: ( ) { SP CTL % * " \ ]
constexpr bool isAtomChar(char c)
{
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u >= 0x7f)
        return false;
    return c != '(' && c != ')' && c != '{' && c != '%' && c != '*' && c != '"' && c != '\\' && c != ']';
}

constexpr bool isAstringChar(char c) { return isAtomChar(c) || c == ']'; }
constexpr bool isListChar(char c) { return isAstringChar(c) || c == '%' || c == '*'; }
constexpr bool isTagChar(char c) { return isAstringChar(c) && c != '+'; }

} // namespace postfach::imap
