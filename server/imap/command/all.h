#pragma once
// Every command's function, for the table. Each stands in the file of its name.
#include "server/imap/commands.h"

namespace postfach::imap {

net::Task<Tagged> cmdAppend(Session& session, Request& request);
net::Task<Tagged> cmdAuthenticate(Session& session, Request& request);
net::Task<Tagged> cmdCancelUpdate(Session& session, Request& request);
net::Task<Tagged> cmdCapability(Session& session, Request& request);
net::Task<Tagged> cmdCheck(Session& session, Request& request);
net::Task<Tagged> cmdClose(Session& session, Request& request);
net::Task<Tagged> cmdCompress(Session& session, Request& request);
net::Task<Tagged> cmdCopy(Session& session, Request& request);
net::Task<Tagged> cmdCreate(Session& session, Request& request);
net::Task<Tagged> cmdDelete(Session& session, Request& request);
net::Task<Tagged> cmdEnable(Session& session, Request& request);
net::Task<Tagged> cmdEsearch(Session& session, Request& request);
net::Task<Tagged> cmdExamine(Session& session, Request& request);
net::Task<Tagged> cmdExpunge(Session& session, Request& request);
net::Task<Tagged> cmdFetch(Session& session, Request& request);
net::Task<Tagged> cmdGetMetadata(Session& session, Request& request);
net::Task<Tagged> cmdGetQuota(Session& session, Request& request);
net::Task<Tagged> cmdGetQuotaRoot(Session& session, Request& request);
net::Task<Tagged> cmdId(Session& session, Request& request);
net::Task<Tagged> cmdIdle(Session& session, Request& request);
net::Task<Tagged> cmdList(Session& session, Request& request);
net::Task<Tagged> cmdLogin(Session& session, Request& request);
net::Task<Tagged> cmdLogout(Session& session, Request& request);
net::Task<Tagged> cmdLsub(Session& session, Request& request);
net::Task<Tagged> cmdMove(Session& session, Request& request);
net::Task<Tagged> cmdNamespace(Session& session, Request& request);
net::Task<Tagged> cmdNoop(Session& session, Request& request);
net::Task<Tagged> cmdNotify(Session& session, Request& request);
net::Task<Tagged> cmdRename(Session& session, Request& request);
net::Task<Tagged> cmdReplace(Session& session, Request& request);
net::Task<Tagged> cmdSearch(Session& session, Request& request);
net::Task<Tagged> cmdSelect(Session& session, Request& request);
net::Task<Tagged> cmdSetMetadata(Session& session, Request& request);
net::Task<Tagged> cmdSetQuota(Session& session, Request& request);
net::Task<Tagged> cmdSort(Session& session, Request& request);
net::Task<Tagged> cmdStarttls(Session& session, Request& request);
net::Task<Tagged> cmdStatus(Session& session, Request& request);
net::Task<Tagged> cmdStore(Session& session, Request& request);
net::Task<Tagged> cmdSubscribe(Session& session, Request& request);
net::Task<Tagged> cmdThread(Session& session, Request& request);
net::Task<Tagged> cmdUnauthenticate(Session& session, Request& request);
net::Task<Tagged> cmdUnselect(Session& session, Request& request);
net::Task<Tagged> cmdUnsubscribe(Session& session, Request& request);

} // namespace postfach::imap
