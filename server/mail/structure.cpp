#include "server/mail/structure.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/boundaries.h"
#include "server/mail/content_fields.h"
#include "server/mail/header.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <utility>

namespace postfach::mail {

namespace {

// Walks over the lines once. The parts that are open form a stack: the message, in it perhaps a multipart, in that the part
// whose lines are passing by. A boundary line closes everything above the multipart it belongs to.
class Scanner {
public:
    explicit Scanner(std::string_view message) : message_(message) {}

    Structure run()
    {
        openPart(-1);
        while (at_ < message_.size()) {
            if (!in_header_ && boundaries_.empty())
                break; // nothing can happen any more: the rest is the body of what is open
            const std::size_t next = nextLine(message_, at_);
            const std::string_view line = message_.substr(at_, next - at_);
            if (line.starts_with("--") && !boundaries_.empty()) {
                const auto match = boundaries_.find(withoutLineEnd(line).substr(2));
                if (match) {
                    boundaryLine(*match, next);
                    continue;
                }
            }
            const bool ends_header = in_header_ && isLineEnd(line);
            pass(next);
            if (ends_header)
                headerEnds();
        }
        lines_ += countLineEnds(message_.substr(at_));
        at_ = message_.size();
        headersEnd();
        closeDownTo(0, at_, lines_);
        return std::move(result_);
    }

private:
    struct Open {
        std::uint32_t part;
        std::uint64_t lines_before_header = 0, lines_before_body = 0; // of the whole message
        bool is_digest = false;
    };

    Part& part(const Open& open) { return result_.parts[open.part]; }

    void pass(std::size_t next)
    {
        lines_ += next > at_ && message_[next - 1] == '\n' ? 1 : 0;
        at_ = next;
    }

    std::uint32_t addPart(std::int32_t parent)
    {
        const auto index = static_cast<std::uint32_t>(result_.parts.size());
        Part added;
        added.parent = parent;
        added.header_begin = added.body_begin = added.body_end = at_;
        result_.parts.push_back(std::move(added));
        if (parent >= 0)
            result_.parts[static_cast<std::size_t>(parent)].children.push_back(index);
        return index;
    }

    void openPart(std::int32_t parent)
    {
        Open open{addPart(parent)};
        open.lines_before_header = open.lines_before_body = lines_;
        stack_.push_back(open);
        in_header_ = true;
    }

    void makeOpaque(Part& opaque)
    {
        opaque.kind = Part::Kind::leaf;
        opaque.type = "application";
        opaque.subtype = "octet-stream";
        opaque.parameters.clear();
        result_.truncated = true;
    }

    // The header of the innermost part ends here; what it says decides what its body is.
    void headerEnds()
    {
        in_header_ = false;
        Open& open = stack_.back();
        Part& current = part(open);
        current.body_begin = at_;
        current.header_lines = static_cast<std::uint32_t>(lines_ - open.lines_before_header);
        open.lines_before_body = lines_;
        const bool in_digest = stack_.size() > 1 && stack_[stack_.size() - 2].is_digest;
        if (!readContentFields(current.header(message_), in_digest, current))
            result_.truncated = true;

        const bool is_multipart = current.type == "multipart";
        if (!is_multipart && !holdsMessage(current))
            return;
        if (stack_.size() > static_cast<std::size_t>(base::limits::kMimeDepth)) {
            makeOpaque(current);
            return;
        }
        if (!is_multipart) {
            current.kind = Part::Kind::message;
            openPart(static_cast<std::int32_t>(open.part));
            return;
        }
        std::string boundary(parameterValue(current.parameters, "boundary"));
        boundary.erase(boundary.find_last_not_of(" \t") + 1); // RFC 2046 5.1.1: it never ends with a space
        if (boundary.size() > base::limits::kBoundary) { // a hundred of these cost a comparison of megabytes at each line
            makeOpaque(current);
            return;
        }
        current.kind = Part::Kind::multipart;
        open.is_digest = current.subtype == "digest";
        if (!boundary.empty())
            boundaries_.open(std::move(boundary), stack_.size() - 1);
    }

    // RFC 2046 5.2.1: message/rfc822 is never base64 or quoted-printable. Where it is all the same, its lines are no lines
    // of a message, and it stays a leaf. RFC 6532 3.7 allows it for message/global; then it is a leaf as well.
    static bool holdsMessage(const Part& part)
    {
        return part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global")
            && (part.encoding == "7bit" || part.encoding == "8bit" || part.encoding == "binary");
    }

    // A boundary or the end of the message cuts a header short. An inner message may be announced by the very header that
    // is cut: it gets an empty header of its own.
    void headersEnd()
    {
        while (in_header_)
            headerEnds();
    }

    void boundaryLine(const Boundaries::Match& match, std::size_t next)
    {
        // The line end before the boundary belongs to it, not to the part (RFC 2046 5.1.1), unless it ends a header.
        std::size_t end = at_;
        std::uint64_t lines_at_end = lines_;
        if (in_header_) {
            headersEnd();
        } else {
            const std::uint64_t least = part(stack_.back()).body_begin;
            if (end > least && message_[end - 1] == '\n') {
                --end;
                --lines_at_end;
                if (end > least && message_[end - 1] == '\r')
                    --end;
            }
        }
        closeDownTo(match.level + 1, end, lines_at_end);
        pass(next);
        if (match.is_end) {
            boundaries_.closeFrom(match.level); // what follows is the epilogue
            return;
        }
        if (result_.parts.size() + 2 < static_cast<std::size_t>(base::limits::kMimeParts)) {
            openPart(static_cast<std::int32_t>(stack_.back().part));
            return;
        }
        // One too many: from here to its end the message is one opaque part. (Two are kept in hand: this one, and the
        // empty child that a multipart without parts was given just now.)
        openPart(static_cast<std::int32_t>(stack_.back().part));
        makeOpaque(part(stack_.back()));
        in_header_ = false;
        boundaries_.closeFrom(0);
    }

    // Ends all open parts from this level of the stack up.
    void closeDownTo(std::size_t level, std::size_t end, std::uint64_t lines_at_end)
    {
        boundaries_.closeFrom(level);
        for (std::size_t i = stack_.size(); i > level; --i) {
            const Open& open = stack_[i - 1];
            // IMAP's grammar wants at least one part in a multipart (RFC 9051 9, body-type-mpart).
            if (part(open).kind == Part::Kind::multipart && part(open).children.empty()) {
                const std::uint32_t child = addPart(static_cast<std::int32_t>(open.part));
                Part& empty = result_.parts[child];
                empty.header_begin = empty.body_begin = empty.body_end = end;
            }
            Part& closed = part(open);
            closed.body_end = end;
            closed.body_lines = static_cast<std::uint32_t>(lines_at_end - open.lines_before_body);
        }
        stack_.resize(std::min(level, stack_.size()));
    }

    std::string_view message_;
    Structure result_;
    std::vector<Open> stack_;
    Boundaries boundaries_;
    std::size_t at_ = 0;      // start of the line that is looked at
    std::uint64_t lines_ = 0; // line ends before at_
    bool in_header_ = false;
};

} // namespace

Structure parseStructure(std::string_view message)
{
    return Scanner(message).run();
}

std::int32_t findSection(const Structure& structure, const std::vector<std::uint32_t>& numbers)
{
    if (structure.parts.empty())
        return -1;
    std::uint32_t at = 0;
    bool at_message = true; // the next number counts the parts of the message whose root is `at`
    for (const std::uint32_t number : numbers) {
        const Part* here = &structure.parts[at];
        if (!at_message && here->kind == Part::Kind::message) {
            at = here->children.front();
            here = &structure.parts[at];
            at_message = true;
        }
        if (here->kind == Part::Kind::multipart) {
            if (number == 0 || number > here->children.size())
                return -1;
            at = here->children[number - 1];
        } else if (!at_message || number != 1) {
            return -1; // a leaf has no parts, and a message that is no multipart has but one: itself
        }
        at_message = false;
    }
    return static_cast<std::int32_t>(at);
}

std::string fileName(const Part& part)
{
    std::string_view written = parameterValue(part.disposition_parameters, "filename");
    if (written.empty())
        written = parameterValue(part.parameters, "name");
    return decodeWords(written); // RFC 2047 5 forbids encoded words here; most mail programs write them all the same
}

} // namespace postfach::mail
