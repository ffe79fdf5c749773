#pragma once
// FETCH: what is asked for, and how an answer is printed from a message's bytes and summary. RFC 9051 6.4.5, 7.5.2; RFC 3501.
#include "server/imap/syntax/parser.h"
#include "server/imap/syntax/partial_range.h"
#include "server/mail/summary.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::imap {

struct BodySection { // BODY[...], its RFC822 aliases, and BINARY[...]
    enum class What { whole, header, headerFields, headerFieldsNot, text, mime };
    enum class Form { encoded, decoded, decodedSize }; // BODY, BINARY, BINARY.SIZE (RFC 3516 4.2)
    std::vector<std::uint32_t> part;  // empty: the message
    What what = What::whole;          // with a part and `whole`: the part's body
    std::vector<std::string> fields;  // of HEADER.FIELDS
    Form form = Form::encoded;
    bool peek = false;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> partial; // offset, length
    struct Cut {
        std::uint64_t skip, count;
    };
    Cut cut(std::uint64_t length) const; // what `partial` leaves of so many bytes
    bool isWholeMessage() const { return what == What::whole && part.empty() && form == Form::encoded; } // needs no summary
    bool picksFields() const { return what == What::headerFields || what == What::headerFieldsNot; }
    std::string label;                // how the answer names it: BODY[1.2.HEADER.FIELDS (Date)]<0>, RFC822.TEXT …
};

struct FetchItems {
    bool flags = false, uid = false, internal_date = false, size = false, envelope = false, body = false, body_structure = false;
    bool modseq = false;              // for later; parsed only when it is announced
    bool save_date = false, preview = false, email_id = false, thread_id = false;
    std::vector<BodySection> sections;
    bool setsSeen() const;            // any section without peek
    bool isRead() const;              // by reading a message's content: what stands in no row and no view
    bool needsSummary() const;        // more of it than all its bytes
    bool isStructureAlone() const { return (envelope || body_structure) && !body && !preview && sections.empty(); }
    bool needsRows() const { return save_date || email_id; } // what is kept beside a message and in no view
    bool needsBytes() const;          // any section at all: what can be said before the summary is known
    bool needsBytes(const mail::Summary& summary) const; // any section that the summary's top_header cannot serve
};

FetchItems merged(FetchItems one, const FetchItems& other); // what either asks for, once
FetchItems parseFetchItems(Parser& args); // ALL, FAST, FULL, one item or a list; bounded

// "(CHANGEDSINCE 12345 VANISHED PARTIAL 1:100)": RFC 7162 3.1.4.1 and 3.2.6, RFC 9394 3.3.
struct FetchModifiers {
    std::optional<std::uint64_t> changed_since;
    bool vanished = false;
    std::optional<PartialRange> partial;
};
FetchModifiers parseFetchModifiers(Parser& args); // in parentheses

void putEnvelope(std::string& out, const mail::Envelope& envelope);
// BODY or BODYSTRUCTURE of the message. `global`: the client knows message/global (RFC 9051 9, RFC 6855).
void putBodyStructure(std::string& out, const mail::Summary& summary, bool extended, bool global = false);

// The bytes a section names, as ranges of the message (no copy) or as made text (HEADER.FIELDS). nullopt: no such part.
struct SectionBytes {
    std::uint64_t offset = 0, length = 0; // into the message, when !made
    std::optional<std::string> made;
};
// `message` may be empty where the items' needsBytes(summary) is false (top header only).
std::optional<SectionBytes> findSectionBytes(const BodySection& section, const mail::Summary& summary, std::string_view message);
// How the part of a BINARY is to be read. Multiparts and messages are never encoded (RFC 2045 6.4).
enum class Coding { none, known, unknown };
Coding codingOf(const BodySection& section, const mail::Summary& summary);
std::string decoded(const BodySection& section, const mail::Summary& summary, std::string_view part); // Coding::known
// The header fields that HEADER.FIELDS or HEADER.FIELDS.NOT leaves, piece by piece.
void pickFields(const BodySection& section, std::string_view header, const std::function<void(std::string_view)>& take);
// Prints " BODY[...] {n}CRLF..." (no leading space) including the partial cut; NIL for a part that is not there.
void putSection(std::string& out, const BodySection& section, const mail::Summary& summary, std::string_view message);

} // namespace postfach::imap
