// The summary as bytes: version, checksum, then numbers as LEB128 and texts with their length before them. Children are not
// written: they follow from the parents. What is read is checked twice, by the checksum and by the tree's own rules, so
// neither a flipped bit nor a forged blob makes a summary whose bounds lie outside of its message.
#include "server/base/hash.h"
#include "server/base/limits.h"
#include "server/mail/summary.h"

#include <limits>
#include <type_traits>

namespace postfach::mail {

namespace {

constexpr std::size_t kHead = 2 + 8; // version, checksum; both little-endian

void putFixed(std::string& out, std::uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; ++i)
        out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t readFixed(std::string_view bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

// One description of the format for both ways: `field` writes or reads, by the archive it is given.
class Writer {
public:
    static constexpr bool kReads = false;
    std::string out;

    void number(std::uint64_t value)
    {
        for (; value >= 0x80; value >>= 7)
            out += static_cast<char>(0x80 | (value & 0x7f));
        out += static_cast<char>(value);
    }
    template <class Int>
    void integer(const Int& value) { number(static_cast<std::uint64_t>(value)); }
    void text(const std::string& value)
    {
        number(value.size());
        out += value;
    }
    std::size_t count(std::size_t size, std::size_t)
    {
        number(size);
        return size;
    }
};

class Reader {
public:
    static constexpr bool kReads = true;
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    bool failed() const { return failed_; }
    bool atEnd() const { return rest_.empty(); }

    std::uint64_t number()
    {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            if (shift == 63 && byte > 1)
                break;
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        failed_ = true;
        return 0;
    }
    template <class Int>
    void integer(Int& value)
    {
        const std::uint64_t read = number();
        if (read > static_cast<std::uint64_t>(std::numeric_limits<Int>::max()))
            failed_ = true;
        else
            value = static_cast<Int>(read);
    }
    void text(std::string& value)
    {
        const std::uint64_t length = number();
        if (length > rest_.size()) {
            failed_ = true;
            return;
        }
        value = rest_.substr(0, static_cast<std::size_t>(length));
        rest_.remove_prefix(static_cast<std::size_t>(length));
    }
    // How many elements follow: each takes a byte at least, so a count beyond the bytes that are left is a lie.
    std::size_t count(std::size_t, std::size_t most)
    {
        const std::uint64_t size = number();
        if (size > most || size > rest_.size())
            failed_ = true;
        return failed_ ? 0 : static_cast<std::size_t>(size);
    }

private:
    std::string_view rest_;
    bool failed_ = false;
};

template <class Archive, class List, class Each>
void list(Archive& archive, List& elements, std::size_t most, Each each)
{
    const std::size_t size = archive.count(elements.size(), most);
    if constexpr (Archive::kReads)
        elements.resize(size);
    for (auto& element : elements)
        each(archive, element);
}

template <class Archive, class Optional, class Each>
void optional(Archive& archive, Optional& value, Each each)
{
    std::uint8_t is_there = value.has_value() ? 1 : 0;
    archive.integer(is_there);
    if constexpr (Archive::kReads) {
        if (is_there)
            value.emplace();
    }
    if (is_there)
        each(archive, *value);
}

constexpr auto kText = [](auto& archive, auto& value) { archive.text(value); };
constexpr auto kParameter = [](auto& archive, auto& parameter) {
    archive.text(parameter.name);
    archive.text(parameter.value);
};
constexpr auto kAddress = [](auto& archive, auto& address) {
    optional(archive, address.name, kText);
    optional(archive, address.route, kText);
    optional(archive, address.mailbox, kText);
    optional(archive, address.host, kText);
};

constexpr auto kPart = [](auto& archive, auto& part) {
    auto kind = static_cast<std::uint8_t>(part.kind);
    archive.integer(kind);
    auto parent_and_one = static_cast<std::uint32_t>(part.parent + 1);
    archive.integer(parent_and_one);
    if constexpr (std::decay_t<decltype(archive)>::kReads) {
        part.kind = static_cast<Part::Kind>(kind); // checked with the tree
        part.parent = static_cast<std::int32_t>(parent_and_one) - 1;
    }
    archive.integer(part.header_begin);
    archive.integer(part.body_begin);
    archive.integer(part.body_end);
    archive.integer(part.header_lines);
    archive.integer(part.body_lines);
    for (auto* text : {&part.type, &part.subtype, &part.id, &part.description, &part.encoding, &part.disposition, &part.md5,
                       &part.location})
        archive.text(*text);
    const auto many = static_cast<std::size_t>(base::limits::kMimeParameters);
    list(archive, part.parameters, many, kParameter);
    list(archive, part.disposition_parameters, many, kParameter);
    list(archive, part.languages, many, kText);
};

constexpr auto kEnvelope = [](auto& archive, auto& entry) {
    archive.integer(entry.first);
    auto& envelope = entry.second;
    for (auto* text : {&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id})
        optional(archive, *text, kText);
    for (auto* addresses : {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc})
        list(archive, *addresses, static_cast<std::size_t>(base::limits::kAddresses), kAddress);
};

template <class Archive, class Any>
void wholeSummary(Archive& archive, Any& summary)
{
    const auto parts = static_cast<std::size_t>(base::limits::kMimeParts);
    archive.integer(summary.size);
    archive.integer(summary.header_size);
    std::uint8_t truncated = summary.structure.truncated ? 1 : 0;
    archive.integer(truncated);
    if constexpr (Archive::kReads)
        summary.structure.truncated = truncated != 0;
    list(archive, summary.structure.parts, parts, kPart);
    list(archive, summary.envelopes, parts, kEnvelope);
    optional(archive, summary.top_header, kText);
    archive.text(summary.preview);
    // Zigzag: mail from before 1970 is real enough.
    auto sent = summary.sent ? static_cast<std::uint64_t>(*summary.sent) << 1 ^ (*summary.sent < 0 ? ~0ULL : 0ULL) : 0ULL;
    std::uint8_t has_sent = summary.sent ? 1 : 0;
    archive.integer(has_sent);
    archive.integer(sent);
    if constexpr (Archive::kReads) {
        if (has_sent)
            summary.sent = static_cast<std::int64_t>(sent >> 1 ^ (sent & 1 ? ~0ULL : 0ULL));
    }
}

// Finds the children again, and whether the tree is one: parents first, bounds inside of the parent's body.
bool buildTree(Summary& summary)
{
    std::vector<Part>& parts = summary.structure.parts;
    if (parts.empty() || parts.front().parent != -1 || parts.front().header_begin != 0 || parts.front().body_end != summary.size)
        return false;
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
        const Part& part = parts[i];
        if (part.kind > Part::Kind::message || part.header_begin > part.body_begin || part.body_begin > part.body_end
            || part.body_end > summary.size)
            return false;
        if (i == 0)
            continue;
        if (part.parent < 0 || static_cast<std::uint32_t>(part.parent) >= i)
            return false;
        Part& parent = parts[static_cast<std::size_t>(part.parent)];
        const bool is_full = parent.kind == Part::Kind::leaf || (parent.kind == Part::Kind::message && !parent.children.empty());
        if (is_full || part.header_begin < parent.body_begin || part.body_end > parent.body_end)
            return false;
        parent.children.push_back(i);
    }
    for (const Part& part : parts)
        if (part.kind != Part::Kind::leaf && part.children.empty())
            return false;
    return true;
}

// One envelope for every message root, in order.
bool envelopesFit(const Summary& summary)
{
    const std::vector<Part>& parts = summary.structure.parts;
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
        if (i != 0 && parts[static_cast<std::size_t>(parts[i].parent)].kind != Part::Kind::message)
            continue;
        if (next == summary.envelopes.size() || summary.envelopes[next].first != i)
            return false;
        ++next;
    }
    return next == summary.envelopes.size();
}

} // namespace

std::string serialize(const Summary& summary)
{
    Writer writer;
    wholeSummary(writer, summary);
    std::string out;
    out.reserve(kHead + writer.out.size());
    putFixed(out, kSummaryVersion, 2);
    putFixed(out, base::checksum(writer.out), 8);
    out += writer.out;
    return out;
}

std::optional<Summary> deserialize(std::string_view bytes)
{
    if (bytes.size() < kHead || readFixed(bytes.substr(0, 2)) != kSummaryVersion
        || readFixed(bytes.substr(2, 8)) != base::checksum(bytes.substr(kHead)))
        return std::nullopt;
    Reader reader(bytes.substr(kHead));
    Summary summary;
    wholeSummary(reader, summary);
    if (reader.failed() || !reader.atEnd() || !buildTree(summary) || !envelopesFit(summary))
        return std::nullopt;
    return summary;
}

} // namespace postfach::mail
