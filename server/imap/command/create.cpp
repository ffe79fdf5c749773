#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/listing.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <algorithm>
#include <array>

namespace postfach::imap {
namespace {

// The attributes of RFC 6154 a mailbox may be created for; \All and \Flagged are views over others, which we have not.
constexpr std::array<std::string_view, 5> kUses{"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};

// " (USE (\Trash))", RFC 6154 3. One use a mailbox.
std::string specialUse(Parser& args)
{
    args.expect('(');
    if (!args.tryWord("USE"))
        throw BadSyntax("Only USE may stand there");
    args.space();
    args.expect('(');
    std::string use;
    while (!args.tryChar(')')) {
        args.expect('\\');
        const std::string wanted = "\\" + args.atom();
        const auto known = std::find_if(kUses.begin(), kUses.end(), [&](std::string_view k) { return base::iequals(k, wanted); });
        if (known == kUses.end() || !use.empty())
            throw No("USEATTR", "A mailbox cannot have that use");
        use = *known;
        args.trySpace();
    }
    args.expect(')');
    return use;
}

} // namespace

// RFC 9051 6.3.4, RFC 6154 3, RFC 8474 4.2 (MAILBOXID).
net::Task<Tagged> cmdCreate(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    std::string name = newMailboxArgument(args, session.enabled());
    std::string use;
    if (args.trySpace() && !args.atEnd())
        use = specialUse(args);
    args.end();
    // A delimiter at the end declares that names below will come; they need no declaration here.
    if (name.size() > 1 && name.back() == session.store().delimiter())
        name.pop_back();

    const store::AccountId account = session.account().id;
    store::Mailbox made;
    auto work = [&name, &use, &made, account](store::WriteTx& tx) {
        if (!use.empty())
            for (const store::Mailbox& mailbox : tx.mailboxes(account))
                if (mailbox.special_use == use)
                    throw No("USEATTR", "Another mailbox has that use");
        made = *tx.mailbox(tx.createMailbox(account, name, use));
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    session.ownChange(made.name);
    session.stream().write(renamedLine(name, made.name, "", session.store().delimiter(), session.enabled()));
    co_return Tagged::ok("MAILBOXID (" + made.object_id + ")", "CREATE completed");
}

} // namespace postfach::imap
