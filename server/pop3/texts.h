#pragma once
// What POP3 says to people, in the languages of LANG (RFC 6856 3). The English words are the keys: code says them as they are, and one
// that no table knows stays English. A '#' stands for a number.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::pop3 {

struct Language {
    std::string_view tag;  // RFC 5646
    std::string_view name; // in itself
};
const std::vector<Language>& languages(); // the default first

// The language for a range of RFC 4647 ("de", "de-AT", "*"); null: none fits.
const Language* findLanguage(std::string_view range);

// The words in that language. A response code of RFC 2449 8 in front ("[AUTH] ...") stays as it is.
std::string worded(const Language& language, std::string_view english, std::initializer_list<std::uint64_t> numbers = {});

} // namespace postfach::pop3
