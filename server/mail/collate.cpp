// The comparator i;unicode-casemap (RFC 5051 2): each character becomes its title case, that is decomposed, and the pieces go the
// same way, until nothing changes any more; the UTF-8 of it is compared octet by octet. Both mappings are those of UnicodeData.txt:
// one character's title case is one character ("ß" has none), and Hangul, which is not decomposed there, stays whole.
#include "server/mail/decode.h"

#include "server/base/text.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <array>
#include <cstdint>

namespace postfach::mail {
namespace {

constexpr UChar32 kFirstHangul = 0xac00, kLastHangul = 0xd7a3;

void put(std::string& out, UChar32 character)
{
    std::array<std::uint8_t, 4> bytes{};
    int length = 0;
    U8_APPEND_UNSAFE(bytes.data(), length, character);
    out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

// The recursion ends: Unicode's mappings have no loops, and no more than five steps.
void putCollated(std::string& out, UChar32 character)
{
    const UChar32 title = u_totitle(character);
    if (title >= kFirstHangul && title <= kLastHangul)
        return put(out, title);
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2* decomposer = unorm2_getNFKDInstance(&error);
    std::array<UChar, 64> pieces{}; // no character has more than 18
    const int length = unorm2_getRawDecomposition(decomposer, title, pieces.data(), static_cast<std::int32_t>(pieces.size()), &error);
    if (length < 0 || U_FAILURE(error))
        return put(out, title);
    for (int i = 0; i < length;) {
        UChar32 each = 0;
        U16_NEXT(pieces.data(), i, length, each);
        putCollated(out, each);
    }
}

} // namespace

std::string collationKey(std::string_view utf8)
{
    std::string out;
    out.reserve(utf8.size());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(utf8.data());
    for (std::size_t at = 0; at < utf8.size();) {
        UChar32 character = 0;
        U8_NEXT_OR_FFFD(bytes, at, utf8.size(), character);
        if (character < 0x80)
            out += base::asciiUpper(static_cast<char>(character));
        else
            putCollated(out, character);
    }
    return out;
}

} // namespace postfach::mail
