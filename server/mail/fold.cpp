// Unicode case folding, full and without a locale: U+00DF becomes "ss". Search folds all text that comes in, so the common
// letters go by a table of the Basic Multilingual Plane that is made from ICU once (128 KiB; ten times the speed of asking
// ICU for each piece). What folds to several letters, and what lies beyond the plane, is asked for one by one.
#include "server/mail/decode.h"

#include "server/base/text.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

namespace postfach::mail {

namespace {

constexpr std::size_t kPlane = 0x10000;
constexpr char16_t kAskIcu = 0xffff; // a noncharacter: nothing folds to it
constexpr std::size_t kBlock = 64;

using Folded = std::array<UChar, 8>; // full folding makes three units at most

int foldByIcu(UChar32 character, Folded& folded)
{
    std::array<UChar, 2> source{};
    int length = 0;
    if (character < 0x10000) {
        source[0] = static_cast<UChar>(character);
        length = 1;
    } else {
        source[0] = static_cast<UChar>(0xd800 + ((character - 0x10000) >> 10));
        source[1] = static_cast<UChar>(0xdc00 + ((character - 0x10000) & 0x3ff));
        length = 2;
    }
    UErrorCode error = U_ZERO_ERROR;
    const int made = u_strFoldCase(folded.data(), static_cast<std::int32_t>(folded.size()), source.data(), length,
                                   U_FOLD_CASE_DEFAULT, &error);
    return U_SUCCESS(error) ? made : 0;
}

using Table = std::array<char16_t, kPlane>;

std::unique_ptr<const Table> makeTable()
{
    auto table = std::make_unique<Table>();
    Folded folded{};
    for (std::size_t i = 0; i < kPlane; ++i)
        (*table)[i] = foldByIcu(static_cast<UChar32>(i), folded) == 1 ? folded[0] : kAskIcu;
    return table;
}

const Table& table()
{
    static const std::unique_ptr<const Table> made = makeTable();
    return *made;
}

void put(std::string& out, UChar32 character)
{
    std::array<std::uint8_t, 4> bytes{};
    int length = 0;
    U8_APPEND_UNSAFE(bytes.data(), length, character);
    out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

void putFolded(std::string& out, UChar32 character)
{
    if (character < 0x10000) {
        const char16_t simple = table()[static_cast<std::size_t>(character)];
        if (simple != kAskIcu) {
            put(out, simple);
            return;
        }
    }
    Folded folded{};
    const int length = foldByIcu(character, folded);
    for (int i = 0; i < length;) {
        UChar32 each = 0;
        U16_NEXT(folded.data(), i, length, each);
        put(out, each);
    }
}

bool isAsciiBlock(const char* block)
{
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < kBlock; i += 8) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, block + i, 8);
        any |= eight;
    }
    return (any & 0x8080808080808080ULL) == 0;
}

} // namespace

std::string foldCase(std::string_view utf8)
{
    std::string out;
    out.reserve(utf8.size() + 16);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(utf8.data());
    std::size_t at = 0;
    while (at < utf8.size()) {
        if (utf8.size() - at >= kBlock && isAsciiBlock(utf8.data() + at)) {
            std::array<char, kBlock> block;
            for (std::size_t i = 0; i < kBlock; ++i)
                block[i] = base::asciiLower(utf8[at + i]);
            out.append(block.data(), kBlock);
            at += kBlock;
            continue;
        }
        // A stretch of one block's length, character by character.
        const std::size_t stretch_end = std::min(utf8.size(), at + kBlock);
        while (at < stretch_end) {
            UChar32 character = 0;
            U8_NEXT_OR_FFFD(bytes, at, utf8.size(), character);
            if (character < 0x80)
                out += base::asciiLower(static_cast<char>(character));
            else
                putFolded(out, character);
        }
    }
    return out;
}

} // namespace postfach::mail
