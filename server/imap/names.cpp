#include "server/imap/names.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/errors.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/writer.h"

namespace postfach::imap {

std::string mailboxFromWire(std::string_view wire, const Enabled& enabled)
{
    std::optional<std::string> name;
    if (!enabled.utf8Strings())
        name = fromModifiedUtf7(wire);
    else if (base::isUtf8(wire))
        name = wire;
    else if (enabled.utf8)
        throw BadSyntax("That is not UTF-8"); // RFC 6855 3: such a string is no syntax
    if (!name || name->empty() || name->size() > base::limits::kMailboxName)
        throw No("CANNOT", "That is not a mailbox name");
    return std::move(*name);
}

std::string mailboxArgument(Parser& args, const Enabled& enabled) { return mailboxFromWire(args.mailbox(), enabled); }

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
