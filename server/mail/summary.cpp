#include "server/mail/summary.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace postfach::mail {

namespace {

constexpr std::size_t kTopHeader = 8 * 1024;

// Several fields of one name are no longer mail (RFC 5322 3.6), but they come: addresses count as one list, texts as the first.
void addAddresses(std::vector<Address>& list, std::string_view value)
{
    const auto most = static_cast<std::size_t>(base::limits::kAddresses);
    if (list.size() >= most)
        return;
    std::vector<Address> more = parseAddresses(value);
    if (list.size() + more.size() > most) {
        more.resize(most - list.size());
        bool in_group = false; // a group that is cut still gets its end
        for (const Address& address : more)
            in_group = address.isGroupStart() || (in_group && !address.isGroupEnd());
        if (more.back().isGroupStart())
            more.pop_back();
        else if (in_group)
            more.back() = Address{};
    }
    std::move(more.begin(), more.end(), std::back_inserter(list));
}

void setText(std::optional<std::string>& text, std::string_view value)
{
    if (text)
        return;
    const std::string unfolded = unfold(value.substr(0, base::limits::kHeaderField));
    text = std::string(base::trim(unfolded));
}

struct AddressField {
    std::string_view name;
    std::vector<Address> Envelope::*list;
};
constexpr std::array<AddressField, 6> kAddressFields{{{"from", &Envelope::from},
                                                      {"sender", &Envelope::sender},
                                                      {"reply-to", &Envelope::reply_to},
                                                      {"to", &Envelope::to},
                                                      {"cc", &Envelope::cc},
                                                      {"bcc", &Envelope::bcc}}};
struct TextField {
    std::string_view name;
    std::optional<std::string> Envelope::*text;
};
constexpr std::array<TextField, 4> kTextFields{{{"date", &Envelope::date},
                                                {"subject", &Envelope::subject},
                                                {"in-reply-to", &Envelope::in_reply_to},
                                                {"message-id", &Envelope::message_id}}};

Envelope readEnvelope(std::string_view header)
{
    Envelope envelope;
    eachField(header, [&](const Field& field) {
        for (const TextField& known : kTextFields)
            if (base::iequals(field.name, known.name))
                setText(envelope.*known.text, field.value);
        for (const AddressField& known : kAddressFields)
            if (base::iequals(field.name, known.name))
                addAddresses(envelope.*known.list, field.value);
        return true;
    });
    return envelope;
}

} // namespace

const Envelope* Summary::envelopeOf(std::uint32_t root_part) const
{
    const auto found = std::lower_bound(envelopes.begin(), envelopes.end(), root_part,
                                        [](const auto& entry, std::uint32_t part) { return entry.first < part; });
    return found != envelopes.end() && found->first == root_part ? &found->second : nullptr;
}

Summary summarize(std::string_view message)
{
    Summary summary;
    summary.structure = parseStructure(message);
    summary.size = message.size();
    const std::vector<Part>& parts = summary.structure.parts;
    for (std::uint32_t i = 0; i < parts.size(); ++i)
        if (i == 0 || parts[static_cast<std::size_t>(parts[i].parent)].kind == Part::Kind::message)
            summary.envelopes.emplace_back(i, readEnvelope(parts[i].header(message)));

    const std::string_view header = parts.front().header(message);
    summary.header_size = static_cast<std::uint32_t>(header.size());
    if (header.size() <= kTopHeader)
        summary.top_header = std::string(header);
    summary.preview = preview(message, summary.structure);
    if (const auto& written = summary.envelope().date)
        if (const auto date = parseDate(*written))
            summary.sent = base::toMillis(date->time);
    return summary;
}

} // namespace postfach::mail
