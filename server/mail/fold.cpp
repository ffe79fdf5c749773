// Unicode case folding, full and without a locale (U+00DF becomes "ss"), with every character decomposed (NFKD): what the
// comparator i;unicode-casemap (RFC 5051) makes equal is equal here. Search folds all text that comes in, so the Basic
// Multilingual Plane goes by a table that is made from ICU once (256 KiB and the texts); what lies beyond is asked for one by one.
#include "server/mail/decode.h"

#include "server/base/text.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
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
constexpr std::size_t kBlock = 64;
constexpr UChar32 kDotlessI = 0x131; // stays alone when it is folded, but has I for its title case, and so is RFC 5051's i

void put(std::string& out, UChar32 character)
{
    std::array<std::uint8_t, 4> bytes{};
    int length = 0;
    U8_APPEND_UNSAFE(bytes.data(), length, character);
    out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

const UNormalizer2* decomposer()
{
    UErrorCode error = U_ZERO_ERROR;
    return unorm2_getNFKDInstance(&error);
}

// Decomposed, folded, and decomposed once more: a folded letter may be a composed one again.
void putFoldedByIcu(std::string& out, UChar32 character)
{
    std::array<UChar, 64> pieces{}, folded{}, whole{}; // no character has more than 18 pieces
    const auto room = static_cast<std::int32_t>(pieces.size());
    UErrorCode error = U_ZERO_ERROR;
    int length = unorm2_getDecomposition(decomposer(), character, pieces.data(), room, &error);
    if (length < 0) {
        length = 0;
        U16_APPEND_UNSAFE(pieces.data(), length, character);
    }
    length = u_strFoldCase(folded.data(), room, pieces.data(), length, U_FOLD_CASE_DEFAULT, &error);
    length = unorm2_normalize(decomposer(), folded.data(), length, whole.data(), room, &error);
    if (U_FAILURE(error)) {
        put(out, character);
        return;
    }
    for (int i = 0; i < length;) {
        UChar32 each = 0;
        U16_NEXT(whole.data(), i, length, each);
        put(out, each == kDotlessI ? UChar32{'i'} : each);
    }
}

struct Table {
    struct Place {
        std::uint32_t begin : 24, length : 8;
    };
    std::array<Place, kPlane> places;
    std::string texts;
};

std::unique_ptr<const Table> makeTable()
{
    auto table = std::make_unique<Table>();
    for (std::size_t i = 0; i < kPlane; ++i) {
        const std::size_t begin = table->texts.size();
        putFoldedByIcu(table->texts, static_cast<UChar32>(i));
        table->places[i] = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(table->texts.size() - begin)};
    }
    return table;
}

const Table& table()
{
    static const std::unique_ptr<const Table> made = makeTable();
    return *made;
}

void putFolded(std::string& out, UChar32 character)
{
    if (character >= 0x10000) {
        putFoldedByIcu(out, character);
        return;
    }
    const Table::Place place = table().places[static_cast<std::size_t>(character)];
    out.append(table().texts, place.begin, place.length);
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

std::string withoutAccents(std::string_view folded)
{
    std::string out;
    out.reserve(folded.size());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(folded.data());
    for (std::size_t at = 0; at < folded.size();) {
        const std::size_t start = at;
        UChar32 character = 0;
        U8_NEXT_OR_FFFD(bytes, at, folded.size(), character);
        if (character < 0x80 || u_charType(character) != U_NON_SPACING_MARK)
            out += folded.substr(start, at - start);
    }
    return out;
}

} // namespace postfach::mail
