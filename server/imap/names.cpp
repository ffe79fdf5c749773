#include "server/imap/names.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/errors.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/writer.h"
#include "server/mail/decode.h"
#include "server/store/names.h"

namespace postfach::imap {

namespace {

std::string required(std::optional<std::string> name)
{
    if (!name || name->empty() || name->size() > base::limits::kMailboxName)
        throw No("CANNOT", "That is not a mailbox name");
    return std::move(*name);
}

std::optional<std::string> agreed(std::string_view wire, const Enabled& enabled)
{
    if (!enabled.utf8Strings())
        return fromModifiedUtf7(wire);
    if (base::isUtf8(wire))
        return std::string(wire);
    if (enabled.utf8)
        throw BadSyntax("That is not UTF-8"); // RFC 6855 3: such a string is no syntax
    return std::nullopt;
}

} // namespace

// Nothing with 8 bits is modified UTF-7, so the two cannot be taken for one another.
std::optional<std::string> patternFromWire(std::string_view wire, const Enabled& enabled)
{
    if (!base::isAscii(wire) && base::isUtf8(wire))
        return std::string(wire);
    return agreed(wire, enabled);
}

std::string mailboxFromWire(std::string_view wire, const Enabled& enabled) { return required(patternFromWire(wire, enabled)); }

void namesFromWire(MailboxFilter& filter, const Enabled& enabled, char delimiter)
{
    for (std::string& name : filter.names)
        name = store::inboxInCapitals(mail::composed(mailboxFromWire(name, enabled)), delimiter);
}

std::string newMailboxArgument(Parser& args, const Enabled& enabled) { return required(agreed(args.mailbox(), enabled)); }

std::string mailboxArgument(Parser& args, const Enabled& enabled) { return mailboxFromWire(args.mailbox(), enabled); }

bool isOtherName(std::string_view given, std::string_view kept)
{
    return given != kept && !(kept == "INBOX" && base::iequals(given, kept));
}

void putMailbox(std::string& out, std::string_view name, const Enabled& enabled)
{
    if (!enabled.utf8Strings())
        return putAstring(out, toModifiedUtf7(name));
    if (base::isAscii(name))
        putAstring(out, name);
    else
        putUtf8String(out, name);
}

} // namespace postfach::imap
