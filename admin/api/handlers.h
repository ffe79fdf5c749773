#pragma once
// The handlers of the routes, by resource. Each reads: take apart, ask the service, answer.
#include "admin/api/routes.h"

namespace postfach::admin::handle {

Response signedOut(const Call& call, Response response); // of what ended the session that asks: a browser drops its cookie
void requireProof(const Call& call); // Problem 403 when a browser has not proven the account's password (Proof::password)
std::optional<base::Time> expiryOf(Fields& fields); // the field "expires" of several bodies; null and absent: never

// --- for mail programs that set themselves up
Response mozillaConfig(Service&, const Call&);
Response outlookDiscover(Service&, const Call&);
Response outlookDiscoverJson(Service&, const Call&);
Response appleConfig(Service&, const Call&);
Response paccConfig(Service&, const Call&);
Response getDomainDns(Service&, const Call&);

// --- what an account's owner does himself
Response getMe(Service&, const Call&);
Response putMyPassword(Service&, const Call&);
Response listMyAppPasswords(Service&, const Call&);
Response postMyAppPassword(Service&, const Call&);
Response deleteMyAppPassword(Service&, const Call&);
Response listMySessions(Service&, const Call&);
Response deleteMySession(Service&, const Call&);
Response listMyQuarantine(Service&, const Call&);
Response askForMine(Service&, const Call&);
Response listMyDeleted(Service&, const Call&);
Response restoreMyDeleted(Service&, const Call&);

Response listLogins(Service&, const Call&);
Response listMyLogins(Service&, const Call&);
Response getMyTotp(Service&, const Call&);
Response beginMyTotp(Service&, const Call&);
Response confirmMyTotp(Service&, const Call&);
Response removeMyTotp(Service&, const Call&);
Response resetTotp(Service&, const Call&);

// --- browsers
Response signIn(Service&, const Call&);
Response getSignedIn(Service&, const Call&);
Response signOut(Service&, const Call&);
Response listMyWebSessions(Service&, const Call&);
Response deleteMyWebSession(Service&, const Call&);

Response getMailbox(Service&, const Call&);
// What reaches into a mailbox whose owner is an administrator wants the scope admin, or the owner: Problem 403.
void requireRankOver(Service&, const Call&); // the account in values[0]
Response putMailbox(Service&, const Call&);
Response patchMailbox(Service&, const Call&);
Response deleteMailbox(Service&, const Call&);
Response getSnapshot(Service&, const Call&);
Response postOffice(Service&, const Call&);

Response home(Service&, const Call&);
Response healthz(Service&, const Call&);
Response readyz(Service&, const Call&);
Response metrics(Service&, const Call&);
Response openApiDocument(Service&, const Call&);
Response docs(Service&, const Call&);
Response server(Service&, const Call&);

Response listDomains(Service&, const Call&);
Response getDomain(Service&, const Call&);
Response putDomain(Service&, const Call&);
Response patchDomain(Service&, const Call&);
Response deleteDomain(Service&, const Call&);

Response listAccounts(Service&, const Call&);
Response getAccount(Service&, const Call&);
Response putAccount(Service&, const Call&);
Response patchAccount(Service&, const Call&);
Response deleteAccount(Service&, const Call&);

Response listAppPasswords(Service&, const Call&);
Response postAppPassword(Service&, const Call&);
Response deleteAppPassword(Service&, const Call&);
Response listBans(Service&, const Call&);
Response deleteBans(Service&, const Call&);

Response listMailboxes(Service&, const Call&);
Response listMessages(Service&, const Call&);
Response getMessage(Service&, const Call&);
Response postMessage(Service&, const Call&);

Response listAliases(Service&, const Call&);
Response getAlias(Service&, const Call&);
Response putAlias(Service&, const Call&);
Response deleteAlias(Service&, const Call&);

Response listTokens(Service&, const Call&);
Response postToken(Service&, const Call&);
Response deleteToken(Service&, const Call&);
Response rotateToken(Service&, const Call&);

Response sessionList(Service&, const Call&, net::Sessions::Filter filter); // `sort` and the filters of the call besides
Response listSessions(Service&, const Call&);
Response getSession(Service&, const Call&);
Response deleteSession(Service&, const Call&);

Response quarantineList(Service&, const Call&, QuarantineWish wish); // as sessionList()
Response listQuarantine(Service&, const Call&);
Response getQuarantined(Service&, const Call&);
Response inspectQuarantined(Service&, const Call&);
Response downloadQuarantined(Service&, const Call&);
Response deleteQuarantined(Service&, const Call&);
Response releaseQuarantined(Service&, const Call&);
Response getExposure(Service&, const Call&);
Response listAllowances(Service&, const Call&);
Response putAllowance(Service&, const Call&);
Response deleteAllowance(Service&, const Call&);
Response getSignatures(Service&, const Call&);
Response putSignatures(Service&, const Call&);
Response deleteSignatures(Service&, const Call&);

Response listDeleted(Service&, const Call&);
Response restoreDeleted(Service&, const Call&);
Response forgetDeleted(Service&, const Call&);

Response getScans(Service&, const Call&);
Response postScan(Service&, const Call&);
Response deletePass(Service&, const Call&);
Response confirmFinding(Service&, const Call&);
Response dismissFinding(Service&, const Call&);
Response postCheck(Service&, const Call&);
Response listBackups(Service&, const Call&);
Response postBackup(Service&, const Call&);
Response postRestore(Service&, const Call&);
Response getTask(Service&, const Call&);
Response listTasks(Service&, const Call&);
Response cancelTask(Service&, const Call&);

Response getStatistics(Service&, const Call&);
Response listAudit(Service&, const Call&);
Response verifyAudit(Service&, const Call&);
Response getEvents(Service&, const Call&);

Response listWebhooks(Service&, const Call&);
Response getWebhook(Service&, const Call&);
Response putWebhook(Service&, const Call&);
Response deleteWebhook(Service&, const Call&);
Response listWebhookAttempts(Service&, const Call&);

} // namespace postfach::admin::handle
