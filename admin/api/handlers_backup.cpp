// Backups and what comes back from them.
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "server/base/text.h"

#include <algorithm>
#include <filesystem>

namespace postfach::admin::handle {
namespace {

Response accepted(const Task& task)
{
    auto response = Response::json(202, toJson(task));
    response.headers.emplace_back("Location", "/api/v1/tasks/" + task.id);
    return response;
}

bool isName(const std::string& text)
{
    return !text.empty() && text.size() <= 100 && text.front() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
        return base::isDigit(c) || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z') || c == '-' || c == '_' || c == '.';
    });
}

// Through the local socket a backup may go anywhere its owner says. From the network it goes to a configured folder or below
// DIR/backups: a token must not choose where this process writes files.
std::string allowedFolder(Service& service, const Call& call, std::string folder)
{
    if (call.who.local || folder.empty() || folder == service.context().backup.folder || folder == service.context().copy.folder)
        return folder;
    if (!isName(folder))
        throw Problem(422, "invalid_field", "The field \"folder\" must be a name of letters, digits, '.', '-' and '_': "
                                            "it is made below DIR/backups.");
    return (std::filesystem::absolute(service.context().data_folder) / "backups" / folder).string();
}

Poco::JSON::Object::Ptr backupJson(const FoundBackup& found)
{
    auto out = object();
    out->set("folder", found.folder);
    out->set("id", found.info.id);
    out->set("created", found.info.problem.empty() ? Poco::Dynamic::Var(base::rfc3339(found.info.created)) : Poco::Dynamic::Var());
    out->set("accounts", found.info.accounts);
    out->set("messages", found.info.messages);
    out->set("bytes", found.info.bytes);
    out->set("written", found.info.written);
    out->set("missing", found.info.missing);
    out->set("problem", found.info.problem.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(found.info.problem));
    return out;
}
} // namespace

Response listBackups(Service& service, const Call& call)
{
    auto all = service.backups();
    const auto span = spanOf(call);
    const auto folder = call.parameter("folder"), state = wordOf(call, "state", {"whole", "damaged"});
    std::erase_if(all, [&](const FoundBackup& b) {
        return (!folder.empty() && b.folder != folder && std::filesystem::path(b.folder).filename() != folder)
               || (!state.empty() && (b.info.problem.empty() && b.info.missing == 0) != (state == "whole")) || !span.has(b.info.created);
    });
    return sortedList<FoundBackup>(
        call, all,
        {{"folder", [](const FoundBackup& b) { return b.folder; }},
         {"created", [](const FoundBackup& b) { return sortable(b.info.created); }},
         {"bytes", [](const FoundBackup& b) { return sortable(b.info.bytes); }}},
        [](const FoundBackup& b) { return b.folder + "\n" + b.info.id; }, [](const FoundBackup& b) { return backupJson(b); });
}

Response postBackup(Service& service, const Call& call)
{
    auto fields = call.fields();
    BackupWish wish;
    wish.folder = allowedFolder(service, call, fields.text("folder", 4000).value_or(""));
    const bool configured = wish.folder.empty() || wish.folder == service.context().backup.folder;
    const auto keep = fields.number("keep");
    const auto check = fields.text("verify").value_or("");
    fields.finish();
    if (keep && *keep > 100'000)
        throw Problem(422, "invalid_field", "The field \"keep\" may be 0 (all) to 100000.");
    wish.keep = keep ? static_cast<unsigned>(*keep) : configured ? service.context().backup.keep : 0;
    if (check == "none")
        wish.check = store::BackupCheck::none;
    else if (check == "new")
        wish.check = store::BackupCheck::fresh;
    else if (!check.empty() && check != "all")
        throw Problem(422, "invalid_field", "The field \"verify\" may be all, new or none.");
    return accepted(service.createBackup(call.who.by, std::move(wish)));
}

Response postRestore(Service& service, const Call& call)
{
    auto fields = call.fields();
    store::MailRestore wanted;
    wanted.folder = allowedFolder(service, call, fields.text("folder", 4000).value_or(""));
    wanted.id = fields.text("snapshot", 100).value_or("");
    wanted.account = fields.text("account").value_or("");
    wanted.mailbox = fields.text("mailbox", 4000).value_or("");
    wanted.to = fields.text("to", 4000).value_or("");
    const auto uid = fields.number("uid");
    fields.finish();
    if (wanted.account.empty())
        throw Problem(422, "invalid_field", "The field \"account\" is missing.");
    if (uid && (*uid == 0 || *uid > 0xFFFFFFFF || wanted.mailbox.empty()))
        throw Problem(422, "invalid_field", "The field \"uid\" is a UID, and wants the field \"mailbox\".");
    wanted.uid = store::Uid{static_cast<std::uint32_t>(uid.value_or(0))};
    return accepted(service.restoreMail(call.who.by, std::move(wanted)));
}

} // namespace postfach::admin::handle
