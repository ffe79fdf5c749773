#include "server/imap/names.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/errors.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/writer.h"

namespace postfach::imap {

std::string mailboxFromWire(std::string_view wire)
{
    auto name = fromModifiedUtf7(wire);
    if (!name || name->empty() || name->size() > base::limits::kMailboxName)
        throw No("CANNOT", "That is not a mailbox name");
    return std::move(*name);
}

std::string mailboxArgument(Parser& args) { return mailboxFromWire(args.mailbox()); }

void putMailbox(std::string& out, std::string_view name) { putAstring(out, toModifiedUtf7(name)); }

} // namespace postfach::imap
