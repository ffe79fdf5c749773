#include "server/delivery/notice.h"
#include "server/base/id.h"
#include "server/mail/compose.h"
#include "server/mail/header.h"

namespace postfach::delivery {

std::string composeNotice(const Notice& notice)
{
    const std::string sender = notice.sender.empty() ? "(no sender given)" : notice.sender;
    const std::string subject = notice.subject.empty() ? "(no subject)" : notice.subject;
    mail::Draft draft;
    draft.from_name = "Postfach";
    draft.from_address = "postmaster@" + notice.server_name;
    draft.to_address = notice.recipient;
    draft.subject = "Quarantined: " + subject;
    draft.date = notice.received;
    draft.message_id = "quarantine." + base::randomHex(12) + "@" + notice.server_name;
    draft.extra = {{"Auto-Submitted", "auto-generated"}, {"Precedence", "bulk"}};
    draft.text = "A mail to you was kept aside, because it was found to be harmful.\n"
                 "\n"
                 "From:     " + sender + "\n"
                 "Subject:  " + subject + "\n"
                 "Received: " + mail::formatDate(notice.received) + "\n"
                 "Found:    " + notice.signature + "\n"
                 "\n"
                 "Nobody can open it from here. If you do not expect it, delete this\n"
                 "notice and do nothing else. If you are sure that you need it, ask your\n"
                 "administrator, who can look at it and release it; it then takes the\n"
                 "place of this notice.\n";
    return mail::compose(draft);
}

} // namespace postfach::delivery
