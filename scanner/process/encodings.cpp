#include "scanner/process/encodings.h"

#include <cstddef>
#include <iterator>

#include <iconv.h>

namespace postfach::scanner {
namespace {

// What libclamav knows by code page number (macros, archive member names), and the Unicode forms.
constexpr const char* kEncodings[] = {
    "ASMO-708",     "BIG5",         "CP1025",       "CP866",        "CP875",        "CP949",        "EUC-CN",       "EUC-JP",
    "EUC-KR",       "GB18030",      "GB2312",       "IBM037",       "IBM1026",      "IBM273",       "IBM277",       "IBM278",
    "IBM280",       "IBM284",       "IBM285",       "IBM290",       "IBM297",       "IBM420",       "IBM423",       "IBM424",
    "IBM437",       "IBM500",       "IBM775",       "IBM850",       "IBM852",       "IBM855",       "IBM857",       "IBM860",
    "IBM861",       "IBM863",       "IBM864",       "IBM865",       "IBM869",       "IBM870",       "IBM871",       "IBM880",
    "IBM905",       "ISO-2022-JP",  "ISO-2022-JP-2", "ISO-2022-JP-3", "ISO-2022-KR", "ISO-8859-1",  "ISO-8859-2",   "ISO-8859-3",
    "ISO-8859-4",   "ISO-8859-5",   "ISO-8859-6",   "ISO-8859-7",   "ISO-8859-8",   "ISO-8859-9",   "ISO-8859-13",  "ISO-8859-15",
    "JOHAB",        "KOI8-R",       "KOI8-U",       "MACINTOSH",    "SHIFT_JIS",    "US-ASCII",     "UCS-4BE",      "UCS-4LE",
    "UTF-16",       "UTF-16BE",     "UTF-16LE",     "UTF-32",       "UTF-32BE",     "UTF-32LE",     "UTF-7",        "UTF-8",
    "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257",
    "WINDOWS-1258", "WINDOWS-874",
};
constexpr const char* kTargets[] = {"UTF-8//TRANSLIT", "UTF-8", "UTF-16BE"};

// Never closed: that would let the library unload their modules.
iconv_t kept[std::size(kEncodings)][std::size(kTargets)];

} // namespace

void loadEncodings()
{
    for (std::size_t i = 0; i < std::size(kEncodings); ++i)
        for (std::size_t j = 0; j < std::size(kTargets); ++j)
            kept[i][j] = ::iconv_open(kTargets[j], kEncodings[i]);
}

} // namespace postfach::scanner
