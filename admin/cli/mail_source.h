#pragma once
// Where `postfach import` finds mail: an mbox file, a Maildir (with Maildir++ or nested folders below it), a folder of
// .eml files, or one .eml file. And where `postfach export` puts it: a Maildir for each mailbox, which import reads back.
#include "server/base/clock.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct FoundMail {
    std::string source;                      // for a person: path, or path and number in an mbox
    std::string mailbox;                     // below the chosen one, levels joined by `delimiter`; empty: the chosen one
    std::vector<std::string> flags, keywords;// as the API has them
    std::optional<base::Time> date;
    std::string problem;                     // not empty: why its bytes could not be read
};
using VisitMail = std::function<void(const FoundMail&, std::string_view bytes)>;

// Throws base::Refused (status 1) when there is nothing that could be read at `path`. `most` bounds a single message.
void eachMail(const std::string& path, char delimiter, std::size_t most, const VisitMail& visit);

// The messages of an mbox, in place (mboxrd: one '>' before "From " goes). Exposed for tests.
struct MboxEntry {
    std::string_view raw;                    // without the "From " line and the empty line behind it, still quoted
    std::optional<base::Time> date;
};
void eachMboxEntry(std::string_view mbox, const std::function<void(const MboxEntry&)>& visit);
std::string unquoted(std::string_view raw);

// Modified UTF-7 (RFC 3501 5.1.3), as Maildir++ folders are named; what is none stays as it is.
std::string fromModifiedUtf7(std::string_view name);

// A mailbox's folder below an export, each level made safe as a file name; and back.
std::string folderOf(std::string_view mailbox, char delimiter);
std::string levelOf(std::string_view folder);

class MaildirWriter { // one mailbox
public:
    explicit MaildirWriter(const std::string& folder); // makes cur, new, tmp
    void add(std::string_view bytes, std::uint32_t uid, base::Time date, const std::vector<std::string>& flags,
             const std::vector<std::string>& keywords);
    void finish();                           // the list of keywords

private:
    std::string folder_;
    std::vector<std::string> keywords_;      // by letter, a to z
};

} // namespace postfach::admin
