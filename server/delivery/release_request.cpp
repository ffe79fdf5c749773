#include "server/delivery/release_request.h"
#include "server/base/id.h"
#include "server/base/json_text.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/delivery/inner.h"
#include "server/mail/header.h"
#include "server/mail/summary.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace postfach::delivery {
namespace {
constexpr std::string_view kBefore = "release+";
constexpr std::size_t kToken = 32; // hexadecimal digits
} // namespace

std::string newReleaseToken() { return base::randomHex(kToken / 2); }

std::string releaseAddress(std::string_view token, std::string_view recipient)
{
    const auto at = recipient.rfind('@');
    return std::string(kBefore) + std::string(token) + std::string(at == std::string_view::npos ? std::string_view() : recipient.substr(at));
}

std::string_view releaseToken(std::string_view address)
{
    const std::string_view local = address.substr(0, address.rfind('@'));
    if (!base::istartsWith(local, kBefore) || local.size() != kBefore.size() + kToken)
        return {};
    const std::string_view token = local.substr(kBefore.size());
    const bool digits = std::all_of(token.begin(), token.end(), [](char c) { return base::isDigit(c) || (c >= 'a' && c <= 'f'); });
    return digits ? token : std::string_view();
}

Request requestIn(std::string_view message)
{
    Request request;
    request.counts = true;
    mail::eachField(message, [&](const mail::Field& field) {
        if (base::iequals(field.name, "Auto-Submitted") && !base::istartsWith(base::trim(field.value), "no"))
            request.counts = false;
        return request.counts;
    });
    if (request.counts)
        request.words = inOneLine(mail::summarize(message).preview, kRequestWords);
    return request;
}

void recordRequest(store::WriteTx& tx, store::QuarantineId id, std::string_view words)
{
    tx.askForRelease(id, words);
    const store::Quarantined entry = tx.quarantined(id).value();
    if (entry.asked == tx.now())
        tx.addEvent({"quarantine.asked", entry.address,
                     base::jsonObject({{"id", id.value}, {"signature", entry.signature}, {"sender", entry.sender}, {"subject", entry.subject},
                                       {"words", entry.asked_words}})});
}

net::Task<bool> Delivery::requestRelease(net::Strand& strand, std::vector<std::string> tokens, std::string from, Spool& message)
{
    Request request;
    auto reading = [&request, &message, &from] {
        request = requestIn(message.view());
        request.counts = request.counts && !from.empty(); // else a bounce
    };
    try {
        co_await strand.offload(std::move(reading));
        if (!request.counts)
            co_return true;
        std::function<void(store::WriteTx&)> work = [&tokens, &request](store::WriteTx& tx) {
            for (const std::string& token : tokens)
                for (const store::Quarantined& entry : tx.quarantineBehind(token))
                    recordRequest(tx, entry.id, request.words);
        };
        co_await inner_->write(strand, std::move(work));
    } catch (const store::Error& error) {
        base::logError("delivery", "an answer to a notice was not taken", {{"reason", error.what()}});
        co_return false;
    } catch (const std::system_error& error) {
        base::logError("delivery", "an answer to a notice was not taken", {{"reason", error.what()}});
        co_return false;
    }
    base::logInfo("delivery", "a recipient asks for what is in quarantine", {{"from", from}, {"words", request.words}});
    co_return true;
}

} // namespace postfach::delivery
