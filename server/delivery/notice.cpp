#include "server/delivery/notice.h"
#include "server/base/id.h"
#include "server/delivery/release_request.h"
#include "server/mail/compose.h"
#include "server/mail/header.h"

#include <string_view>

namespace postfach::delivery {

namespace {

mail::Draft draftOf(const std::string& server_name, const std::string& recipient, const std::string& subject, base::Time when, const char* kind)
{
    mail::Draft draft;
    draft.from_name = "Postfach";
    draft.from_address = "postmaster@" + server_name;
    draft.to_address = recipient;
    draft.subject = subject;
    draft.date = when;
    draft.message_id = kind + ("." + base::randomHex(12)) + "@" + server_name;
    draft.extra = {{"Auto-Submitted", "auto-generated"}, {"Precedence", "bulk"}};
    return draft;
}

std::string inMebibytes(std::uint64_t bytes)
{
    const std::uint64_t tenths = (bytes * 10) >> 20;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

struct Why {
    std::string_view reason, words;
};
constexpr Why kWhys[] = {
    {"encrypted", "it contains something\nencrypted that could not be checked"},
    {"limit", "it is too large or too\ndeeply nested to be checked"},
    {"timeout", "it could not be checked in\ntime"},
    {"broken", "a part of it is damaged and\ncould not be checked"},
    {"macros", "it contains a document with\nmacros"},
    {"phishing", "it looks like an attempt to\nlead you to a false web site"},
    {"attachment", "it has an attachment of a\nkind that is not let in here"},
};

std::string why(std::string_view reason)
{
    for (const Why& one : kWhys)
        if (one.reason == reason)
            return std::string(one.words);
    return "it was found to be harmful";
}

} // namespace

std::string composeNotice(const Notice& notice)
{
    const std::string sender = notice.sender.empty() ? "(no sender given)" : notice.sender;
    const std::string subject = notice.subject.empty() ? "(no subject)" : notice.subject;
    mail::Draft draft = draftOf(notice.server_name, notice.recipient, "Quarantined: " + subject, notice.received, "quarantine");
    draft.text = notice.was_delivered ? "A mail in your mailbox was taken out of it, because it is known now to be\n"
                                        "harmful. Nobody knew when it came. If you have opened it or what was\n"
                                        "attached to it, tell your administrator.\n"
                                      : "A mail to you was kept aside, because " + why(notice.reason) + ".\n";
    draft.text += "\n"
                 "From:     " + sender + "\n"
                 "Subject:  " + subject + "\n"
                 "Received: " + mail::formatDate(notice.received) + "\n"
                 "Found:    " + notice.signature + "\n"
                 "\n"
                 "Nobody can open it from here. If you do not expect it, delete this\n"
                 "notice and do nothing else. If you are sure that you need it, answer\n"
                 "this notice and say why: your administrator hears of it, can look at it\n"
                 "and release it; it then takes the place of this notice.\n";
    draft.extra.emplace_back("Reply-To", releaseAddress(notice.token, notice.recipient));
    return mail::compose(draft);
}

std::string composeQuotaNotice(const QuotaNotice& notice)
{
    const std::string percent = std::to_string(notice.percent);
    mail::Draft draft = draftOf(notice.server_name, notice.recipient, "Your mailbox is " + percent + " % full", notice.when, "quota");
    draft.text = "Your mailbox is more than " + percent + " % full.\n"
                 "\n";
    if (notice.quota != 0)
        draft.text += "Used:     " + inMebibytes(notice.used) + " of " + inMebibytes(notice.quota) + "\n";
    if (notice.quota_messages != 0)
        draft.text += "Messages: " + std::to_string(notice.messages) + " of " + std::to_string(notice.quota_messages) + "\n";
    draft.text += "\n"
                  "When it is full, mail to you is refused. To make room, delete what you\n"
                  "do not need and empty Trash, or ask your administrator for more.\n";
    return mail::compose(draft);
}

} // namespace postfach::delivery
