#include "server/mail/header.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/lines.h"

#include <algorithm>

namespace postfach::mail {

namespace {

// RFC 5322 3.6.8, and white space before the colon as its section 4.5 has it. Empty where the line is no field: an mbox "From " line,
// a line without a colon, bytes that are no name.
std::string_view fieldName(std::string_view line)
{
    std::size_t end = 0;
    while (end < line.size() && line[end] > 0x20 && line[end] < 0x7f && line[end] != ':')
        ++end;
    std::size_t colon = end;
    while (colon < line.size() && isBlank(line[colon]))
        ++colon;
    return colon < line.size() && line[colon] == ':' ? line.substr(0, end) : std::string_view();
}

} // namespace

void eachField(std::string_view header, const std::function<bool(const Field&)>& callback)
{
    int count = 0;
    for (std::size_t at = 0; at < header.size();) {
        std::size_t end = nextLine(header, at);
        const std::string_view first = header.substr(at, end - at);
        if (isLineEnd(first))
            return;
        while (end < header.size() && isBlank(header[end])) // folded: RFC 5322 2.2.3
            end = nextLine(header, end);

        const std::string_view whole = header.substr(at, end - at);
        at = end;
        const std::string_view name = fieldName(first);
        if (name.empty())
            continue;
        if (++count > base::limits::kHeaderFields)
            return;
        const std::size_t colon = whole.find(':', name.size());
        if (!callback({name, withoutLineEnd(whole.substr(colon + 1)), whole}))
            return;
    }
}

std::optional<Field> findField(std::string_view header, std::string_view name)
{
    std::optional<Field> found;
    eachField(header, [&](const Field& field) {
        if (base::iequals(field.name, name))
            found = field;
        return !found;
    });
    return found;
}

std::string fieldText(std::string_view header, std::string_view name)
{
    const std::optional<Field> field = findField(header, name);
    if (!field)
        return {};
    const std::string text = unfold(field->value.substr(0, base::limits::kHeaderField));
    return std::string(base::trim(text));
}

std::string unfold(std::string_view value)
{
    std::string out;
    out.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        std::size_t end = i;
        while (end < value.size() && value[end] != '\r' && value[end] != '\n' && value[end] != '\0')
            ++end;
        out.append(value, i, end - i);
        i = end;
        if (i == value.size())
            break;
        const char c = value[i];
        const std::size_t behind = c == '\r' && i + 1 < value.size() && value[i + 1] == '\n' ? i + 2 : i + 1;
        const bool is_fold = c != '\0' && value[behind - 1] == '\n' && behind < value.size() && isBlank(value[behind]);
        if (!is_fold)
            out += ' ';
        i = behind - 1;
    }
    return out;
}

std::vector<std::string> messageIds(std::string_view value)
{
    value = value.substr(0, base::limits::kHeaderField);
    std::vector<std::string> ids;
    std::string id;
    bool inside = false;
    for (const char c : value) {
        if (c == '<') {
            inside = true; // a second "<" begins anew: the first one was never closed
            id.clear();
        } else if (c == '>' && inside) {
            inside = false;
            if (!id.empty())
                ids.push_back(id);
        } else if (inside && !isSpace(c) && c != '\0') { // old programs fold inside an id
            id += c;
        }
    }
    return ids;
}

} // namespace postfach::mail
