#pragma once
// What a client wants to hear of unasked: NOTIFY's arguments. RFC 5465 8.
#include "server/imap/enabled.h"
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/mailbox_filter.h"
#include "server/imap/syntax/parser.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace postfach::imap {

struct BadEvent : std::runtime_error { BadEvent() : runtime_error("event is not known") {} }; // -> NO [BADEVENT (...)]
inline constexpr std::string_view kNotifyEvents =
    "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

struct NotifyEvents {
    bool messages = false;              // MessageNew and MessageExpunge: only together (5)
    bool flags = false;
    bool names = false, subscriptions = false;
    bool metadata = false, server_metadata = false;
    std::optional<FetchItems> of_new;   // what is fetched of a new message unasked; of the selected mailbox only
};

struct NotifyGroup {
    MailboxFilter filter;
    NotifyEvents events;
};

struct NotifyWish {
    bool status = false;                // begin with a STATUS of each mailbox
    NotifyEvents selected;              // of the mailbox that is selected
    bool delayed = false;               // SELECTED-DELAYED: no EXPUNGE between commands
    std::vector<NotifyGroup> groups;    // of the others
};

NotifyWish parseNotify(Parser& args);   // behind the command's name; NONE is a wish for nothing

} // namespace postfach::imap
