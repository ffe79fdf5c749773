#include "server/mail/decode.h"

#include "server/base/text.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include <cstdint>

namespace postfach::mail {

std::string composed(std::string_view utf8)
{
    if (base::isAscii(utf8) || !base::isUtf8(utf8))
        return std::string(utf8);
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* composer = icu::Normalizer2::getNFCInstance(error);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    if (U_SUCCESS(error))
        composer->normalizeUTF8(
            0, icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())), sink, nullptr, error);
    return U_SUCCESS(error) ? out : std::string(utf8);
}

} // namespace postfach::mail
