// Service: second factors of accounts.
#include "admin/answering.h"
#include "admin/service.h"
#include "server/auth/totp.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {
std::string subjectOf(const std::string& address) { return "second factor of " + base::printable(address, 100); }
} // namespace

TotpState Service::totp(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        const auto found = tx->totp(require(*tx, address).id);
        return found && found->confirmed ? TotpState{found->confirmed, found->recovery_codes} : TotpState{};
    });
}

std::string Service::beginTotp(const By& by, const std::string& address)
{
    const auto secret = auth::makeTotpSecret();
    change(subjectOf(address), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        tx.beginTotp(owner.id, secret);
        notes.add("totp.begin", owner.address);
    });
    return secret;
}

std::vector<std::string> Service::confirmTotp(const By& by, const std::string& address, const std::string& code)
{
    const auto codes = context_.auth.makeRecoveryCodes(account(address).id);
    change(subjectOf(address), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        const auto begun = tx.totp(owner.id);
        if (!begun || begun->confirmed)
            throw Problem(409, begun ? "already_exists" : "not_begun",
                begun ? "The account has a second factor already." : "No second factor is being set up: POST /api/v1/me/totp begins it.");
        const auto step = auth::totpStepOf(begun->secret, code, context_.clock.now());
        if (!step)
            throw Problem(403, "wrong_code", "The code is wrong: does the clock of the authenticator go right?");
        tx.confirmTotp(owner.id, *step, codes.kept);
        notes.add("totp.enable", owner.address);
    });
    return codes.told;
}

void Service::removeTotp(const By& by, const std::string& address)
{
    change(subjectOf(address), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        tx.removeTotp(owner.id);
        notes.add("totp.remove", owner.address);
    });
}

void Service::resetTotp(const By& by, const std::string& address, bool administrator)
{
    change(subjectOf(address), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        requireAdministrator(administrator, owner.scopes, std::nullopt);
        tx.removeTotp(owner.id);
        notes.add("totp.reset", owner.address);
    });
}

} // namespace postfach::admin
