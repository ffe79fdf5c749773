// Service: quarantine, and what is not to be found again.
#include "admin/answering.h"
#include "admin/api/json.h"
#include "admin/quarantine_zip.h"
#include "admin/service.h"
#include "scanner/client.h"
#include "server/base/hash.h"
#include "server/base/text.h"
#include "server/delivery/received.h"
#include "server/delivery/release_request.h"
#include "server/delivery/understand.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/structure.h"

#include <algorithm>

namespace postfach::admin {
namespace {

constexpr std::size_t kFieldsShown = 200, kPartsShown = 500, kTextShown = 1'000;

std::string subjectOf(std::int64_t id) { return "quarantined message " + std::to_string(id); }

std::string shown(std::string_view text)
{
    return base::printable(base::trim(mail::decodeWords(mail::unfold(text.substr(0, 4 * kTextShown)))), kTextShown);
}

std::vector<QuarantinedMail::Field> headersOf(std::string_view message, bool& whole)
{
    std::vector<QuarantinedMail::Field> headers;
    mail::eachField(message, [&](const mail::Field& field) {
        if (headers.size() >= kFieldsShown) {
            whole = false;
            return false;
        }
        headers.push_back({base::printable(field.name, 100), shown(field.value)});
        return true;
    });
    return headers;
}

// RFC 9051 6.4.5: a multipart that is a message's own body has no number of its own, a single body is part 1.
std::vector<std::string> sectionsOf(const mail::Structure& structure)
{
    std::vector<std::string> sections(structure.parts.size());
    for (std::size_t i = 0; i < structure.parts.size(); ++i) {
        const auto& part = structure.parts[i];
        const std::string prefix = sections[i].empty() ? "" : sections[i] + '.';
        for (std::size_t n = 0; n < part.children.size(); ++n)
            sections[part.children[n]] = part.kind == mail::Part::Kind::message ? sections[i] : prefix + std::to_string(n + 1);
    }
    return sections;
}

std::vector<QuarantinedMail::Part> partsOf(std::string_view message, bool& whole)
{
    const auto structure = mail::parseStructure(message);
    const auto sections = sectionsOf(structure);
    whole = whole && !structure.truncated && structure.parts.size() <= kPartsShown;
    std::vector<QuarantinedMail::Part> parts;
    for (std::size_t i = 0; i < std::min(structure.parts.size(), kPartsShown); ++i) {
        const auto& part = structure.parts[i];
        QuarantinedMail::Part one;
        one.section = sections[i];
        one.type = base::printable(part.type + '/' + part.subtype, 200);
        one.name = base::printable(mail::fileName(part), 200);
        one.encoding = base::printable(part.encoding, 40);
        one.size = part.bodySize();
        if (part.kind == mail::Part::Kind::leaf)
            one.sha256 = base::hex(base::sha256(mail::decodeTransfer(part.encoding, part.body(message))));
        parts.push_back(std::move(one));
    }
    return parts;
}

std::string contentHash(std::string_view message) { return base::hex(base::sha256(delivery::withoutOwnHead(message))); }

// The finding as a verdict names it: without the word that entries have before it.
std::string findingOf(const store::Quarantined& entry)
{
    const std::string word = entry.reason + ": ";
    return entry.signature.starts_with(word) ? entry.signature.substr(word.size()) : entry.signature;
}

std::string_view wordFor(store::Allowance::Kind kind) { return kind == store::Allowance::Kind::content ? "content" : "signature"; }

std::string targetOf(const store::Quarantined& entry) { return entry.address + '/' + std::to_string(entry.id.value); }
std::string targetOf(const store::Allowance& allowance) { return std::string(wordFor(allowance.kind)) + '/' + allowance.what; }

Poco::JSON::Object::Ptr allowanceJson(const store::Allowance& allowance)
{
    auto out = object();
    out->set("expires", dateOrNull(allowance.expires));
    return out;
}

store::Quarantined requireQuarantined(store::ReadTx& tx, std::int64_t id)
{
    auto found = tx.quarantined(store::QuarantineId{id});
    if (!found)
        throw Problem(404, "not_found", "There is no quarantined message " + std::to_string(id) + ".");
    return *std::move(found);
}

bool isSha256(std::string_view text)
{
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return base::isDigit(c) || (c >= 'a' && c <= 'f'); });
}

} // namespace

std::vector<store::Quarantined> Service::quarantine(const QuarantineWish& wish, const store::Page& page)
{
    return answering("quarantine", [&] {
        const auto tx = context_.store.read();
        store::QuarantineFilter filter = wish.filter;
        if (!wish.account.empty())
            filter.account = require(*tx, wish.account).id;
        return tx->quarantine(filter, page);
    });
}

store::Quarantined Service::quarantined(std::int64_t id)
{
    return answering("quarantine", [&] { return requireQuarantined(*context_.store.read(), id); });
}

QuarantinedMail Service::inspectQuarantined(std::int64_t id)
{
    const auto entry = quarantined(id);
    const std::string message = answering(subjectOf(id), [&] { return context_.store.read()->body(entry.body); });
    QuarantinedMail mail;
    mail.headers = headersOf(message, mail.whole);
    mail.parts = partsOf(message, mail.whole);
    mail.content = contentHash(message);
    return mail;
}

std::string Service::quarantinedZip(const By& by, std::int64_t id)
{
    const auto entry = quarantined(id);
    const std::string message = answering(subjectOf(id), [&] { return context_.store.read()->body(entry.body); });
    note(by, "quarantine.download", targetOf(entry), toJson(entry));
    return lockedZip("quarantine-" + std::to_string(id) + ".eml", message, entry.created);
}

void Service::releaseQuarantined(const By& by, std::int64_t id, const ReleaseWish& wish)
{
    const auto entry = quarantined(id);
    std::optional<store::Allowance> allowance;
    if (wish.never_again) {
        const bool by_content = *wish.never_again == store::Allowance::Kind::content;
        if (!by_content && scanner::namesOthers({scanner::Class::infected, entry.signature}))
            throw Problem(422, "invalid_field", "So much was found in this message that one name does not stand for it: allow its content.");
        const std::string what =
            by_content ? answering(subjectOf(id), [&] { return contentHash(context_.store.read()->body(entry.body)); }) : findingOf(entry);
        allowance = store::Allowance{*wish.never_again, what, {}, wish.expires, by.actor};
    }
    change(subjectOf(id), by, [&](store::WriteTx& tx, Notes& notes) {
        auto after = object();
        if (wish.to) {
            const auto to = require(tx, *wish.to);
            tx.copyFromQuarantine(store::QuarantineId{id}, to.id);
            after->set("to", to.address);
        } else {
            tx.releaseQuarantine(store::QuarantineId{id});
            tx.addEvent({"quarantine.released", entry.address, text(toJson(entry))});
        }
        notes.add(wish.to ? "quarantine.copy" : "quarantine.release", targetOf(entry), toJson(entry), wish.to ? after : nullptr);
        if (allowance) {
            tx.putAllowance(*allowance);
            notes.add("allowance.add", targetOf(*allowance), nullptr, allowanceJson(*allowance));
        }
    });
}

void Service::askForRelease(const By& by, const std::string& account, std::int64_t id, const std::string& words)
{
    const auto entry = quarantined(id);
    if (entry.address != account) // somebody else's is none
        throw Problem(404, "not_found", "There is no " + subjectOf(id) + ".");
    change(subjectOf(id), by, [&](store::WriteTx& tx, Notes& notes) {
        delivery::recordRequest(tx, entry.id, delivery::inOneLine(words, delivery::kRequestWords));
        notes.add("quarantine.ask", targetOf(entry));
    });
}

void Service::deleteQuarantined(const By& by, std::int64_t id)
{
    change(subjectOf(id), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto entry = requireQuarantined(tx, id);
        tx.deleteQuarantine(store::QuarantineId{id});
        notes.add("quarantine.delete", targetOf(entry), toJson(entry));
        tx.addEvent({"quarantine.deleted", entry.address, text(toJson(entry))});
    });
}

// --- what is not to be found again

std::vector<store::Allowance> Service::allowances()
{
    return answering("allowance", [&] { return context_.store.read()->allowances(); });
}

store::Allowance Service::putAllowance(const By& by, store::Allowance allowance)
{
    if (allowance.kind == store::Allowance::Kind::content && !isSha256(allowance.what))
        throw Problem(422, "invalid_name", "A content is named by its SHA-256: 64 digits of 0-9 and a-f.");
    if (allowance.what.empty() || allowance.what.size() > 250 || base::printable(allowance.what, 250) != allowance.what)
        throw Problem(422, "invalid_name", "A signature is named by 1 to 250 bytes of text.");
    if (allowance.expires && *allowance.expires <= context_.clock.now())
        throw Problem(422, "invalid_field", "The field \"expires\" must be a time that is still to come.");
    allowance.author = by.actor;
    change("allowance", by, [&](store::WriteTx& tx, Notes& notes) {
        allowance.created = tx.now();
        tx.putAllowance(allowance);
        notes.add("allowance.add", targetOf(allowance), nullptr, allowanceJson(allowance));
    });
    return allowance;
}

void Service::removeAllowance(const By& by, store::Allowance::Kind kind, const std::string& what)
{
    change("allowance", by, [&](store::WriteTx& tx, Notes& notes) {
        tx.removeAllowance(kind, what);
        notes.add("allowance.remove", std::string(wordFor(kind)) + '/' + what);
    });
}

} // namespace postfach::admin
