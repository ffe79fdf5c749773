#include "server/mail/header_keys.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/base_subject.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"

#include <algorithm>
#include <chrono>

namespace postfach::mail {
namespace {

using Text = HeaderKeys::Text;

constexpr std::array<std::string_view, 5> kFields{"subject", "from", "to", "cc", "bcc"};

struct CollectedKeys {
    std::array<std::string, HeaderKeys::kTexts> texts;
    std::uint8_t present = 0;
    bool is_reply = false;
    std::optional<Date> date;
    bool has_date = false, has_references = false;

    std::string& of(Text which) { return texts[static_cast<std::size_t>(which)]; }
};

std::string_view bounded(std::string_view value) { return value.substr(0, base::limits::kHeaderField); }

// The last ones: what is dropped of a long chain are ancestors that its other members name as well.
std::string joined(const std::vector<std::string>& ids)
{
    std::string out;
    const auto most = static_cast<std::size_t>(base::limits::kReferences);
    for (std::size_t i = ids.size() > most ? ids.size() - most : 0; i < ids.size(); ++i)
        out.append(out.empty() ? 0 : 1, '\0').append(ids[i]);
    return out;
}

// The first address of the first such field. RFC 5957 2.1: a name that says something, else the address.
void takeAddress(std::string_view value, std::string& mailbox, std::string* display)
{
    const std::vector<Address> addresses = parseAddresses(bounded(value));
    if (addresses.empty())
        return;
    const Address& first = addresses.front();
    const std::string local = first.mailbox.value_or("");
    mailbox = collationKey(decodeWords(local));
    if (display == nullptr)
        return;
    const std::string name = decodeWords(first.name.value_or(""));
    if (!base::trim(name).empty())
        *display = collationKey(base::trim(name));
    else
        *display = first.host ? collationKey(local + '@' + *first.host) : mailbox;
}

void takeField(CollectedKeys& all, std::size_t which, std::string_view value)
{
    const bool is_first = (all.present >> which & 1) == 0;
    all.present = static_cast<std::uint8_t>(all.present | 1U << which);
    const std::string decoded = decodeWords(unfold(value));
    std::string& text = all.texts[which];
    if (!is_first)
        text += '\0';
    text += foldCase(decoded);
    if (!is_first)
        return;
    switch (static_cast<Text>(which)) {
    case Text::subject: {
        const BaseSubject subject = baseSubject(bounded(decoded));
        all.of(Text::baseSubject) = collationKey(subject.text);
        all.is_reply = subject.is_reply;
        return;
    }
    case Text::from: takeAddress(value, all.of(Text::fromMailbox), &all.of(Text::fromDisplay)); return;
    case Text::to: takeAddress(value, all.of(Text::toMailbox), &all.of(Text::toDisplay)); return;
    case Text::cc: takeAddress(value, all.of(Text::ccMailbox), nullptr); return;
    default: return;
    }
}

// RFC 5256 3, REFERENCES (1): References, or else the first id of In-Reply-To.
void takeOther(CollectedKeys& all, const Field& field)
{
    if (base::iequals(field.name, "date") && !all.has_date) {
        all.has_date = true;
        const std::string text = unfold(bounded(field.value));
        all.date = parseDate(base::trim(text));
    } else if (base::iequals(field.name, "message-id") && all.of(Text::messageId).empty()) {
        const auto ids = messageIds(field.value);
        if (!ids.empty())
            all.of(Text::messageId) = ids.front();
    } else if (base::iequals(field.name, "references") && !all.has_references) {
        const auto ids = messageIds(field.value);
        if (!ids.empty()) {
            all.has_references = true;
            all.of(Text::references) = joined(ids);
        }
    } else if (base::iequals(field.name, "in-reply-to") && all.of(Text::references).empty()) {
        const auto ids = messageIds(field.value);
        if (!ids.empty())
            all.of(Text::references) = ids.front();
    }
}

} // namespace

std::optional<Text> HeaderKeys::fieldNamed(std::string_view name)
{
    const auto* found = std::find_if(kFields.begin(), kFields.end(), [&](std::string_view f) { return base::iequals(f, name); });
    if (found == kFields.end())
        return std::nullopt;
    return static_cast<Text>(found - kFields.begin());
}

std::string_view HeaderKeys::text(Text which) const
{
    const auto at = static_cast<std::size_t>(which);
    const std::uint32_t begin = at == 0 ? 0 : ends_[at - 1];
    return std::string_view(texts_).substr(begin, ends_[at] - begin);
}

std::vector<std::string_view> HeaderKeys::references() const
{
    const std::string_view all = text(Text::references);
    return all.empty() ? std::vector<std::string_view>() : base::split(all, '\0');
}

HeaderKeys readHeaderKeys(std::string_view header)
{
    CollectedKeys all;
    eachField(header, [&all](const Field& field) {
        if (const auto known = HeaderKeys::fieldNamed(field.name))
            takeField(all, static_cast<std::size_t>(*known), field.value);
        else
            takeOther(all, field);
        return true;
    });

    HeaderKeys keys;
    std::size_t size = 0;
    for (const std::string& text : all.texts)
        size += text.size();
    keys.texts_.reserve(size);
    for (std::size_t i = 0; i < all.texts.size(); ++i) {
        keys.texts_ += all.texts[i];
        keys.ends_[i] = static_cast<std::uint32_t>(keys.texts_.size());
    }
    keys.present_ = all.present;
    keys.is_reply_ = all.is_reply;
    if (all.date) {
        keys.sent_ = std::chrono::floor<std::chrono::seconds>(all.date->time).time_since_epoch().count();
        const auto local = all.date->time + std::chrono::minutes{all.date->offset_minutes};
        keys.sent_day_ = std::chrono::floor<std::chrono::days>(local).time_since_epoch().count();
    }
    return keys;
}

} // namespace postfach::mail
