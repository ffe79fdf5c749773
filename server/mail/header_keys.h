#pragma once
// What searching, sorting and threading want of a header, decoded and folded or collated once: it depends on the bytes alone, so it can be
// kept as long as there is room. RFC 5256 2 and 3, RFC 5957 (display names), RFC 9051 6.4.4.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

class HeaderKeys {
public:
    enum class Text : std::uint8_t {
        subject,
        from,
        to,
        cc,
        bcc,         // the fields as SEARCH reads them, folded; several of one name with NUL between them
        baseSubject, // RFC 5256 2.1; this and what follows are collation keys (RFC 5051)
        fromMailbox,
        toMailbox,
        ccMailbox, // local part of the first address, or a group's name
        fromDisplay,
        toDisplay, // RFC 5957: its name, else its address
        messageId,
        references, // the latter NUL-separated, both as they stand; In-Reply-To's first where there are no References
    };
    static constexpr std::size_t kTexts = 13;

    static std::optional<Text> fieldNamed(std::string_view name); // one of the first five; any case

    std::string_view text(Text which) const;
    bool has(Text field) const { return (present_ >> static_cast<unsigned>(field) & 1) != 0; } // of the first five: it is there
    bool isReply() const { return is_reply_; }
    std::vector<std::string_view> references() const;
    const std::optional<std::int64_t>& sent() const { return sent_; } // seconds since 1970, UTC
    std::int64_t sentDay() const { return sent_day_; }                // days since 1970, as the sender wrote it; with sent()
    std::size_t size() const { return sizeof *this + texts_.capacity(); }

private:
    friend HeaderKeys readHeaderKeys(std::string_view header);
    std::string texts_;
    std::array<std::uint32_t, kTexts> ends_{};
    std::uint8_t present_ = 0;
    bool is_reply_ = false;
    std::optional<std::int64_t> sent_;
    std::int64_t sent_day_ = 0;
};

HeaderKeys readHeaderKeys(std::string_view header); // or a whole message

} // namespace postfach::mail
