#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/lmtp/commands.h"
#include "server/lmtp/data_reader.h"
#include "server/mail/normalize.h"
#include "server/net/sessions.h"

#include <map>
#include <system_error>
#include <utility>

namespace postfach::lmtp {
namespace {
constexpr std::size_t kPiece = 64 * 1024;

enum class Received { whole, tooLarge, noRoom };

net::Task<Received> keep(Session& session, delivery::Spool& spool, const std::string& text)
{
    try {
        if (spool.needsDisk(text.size())) {
            auto write = [&spool, &text] { spool.append(text); };
            co_await session.stream.strand().offload(std::move(write));
        } else {
            spool.append(text);
        }
    } catch (const std::system_error& full) {
        base::logError("lmtp", "no room for a message", {{"reason", full.what()}});
        co_return Received::noRoom;
    }
    co_return Received::whole;
}

// Reads to the end of the data whatever happens: only then an answer is in its place.
net::Task<Received> receive(Session& session, delivery::Spool& spool)
{
    DataReader reader;
    mail::CrlfNormalizer normalizer;
    Received result = Received::whole;
    std::uint64_t size = 0;
    std::string raw, text;
    while (!reader.ended()) {
        const std::string_view piece = co_await session.stream.some(kPiece);
        raw.clear();
        const std::size_t taken = reader.feed(piece, raw);
        session.stream.unread(piece.size() - taken);
        session.stream.strand().deadline(std::chrono::steady_clock::now() + session.context.idle);
        if (result != Received::whole)
            continue;
        normalizer.feed(raw, text);
        if (reader.ended())
            normalizer.finish(text);
        if (size + text.size() > session.context.delivery.policy().message_size) { // as it is kept: with CRLF (RFC 1870 3)
            result = Received::tooLarge;
        } else if (reader.ended() || text.size() >= kPiece) {
            size += text.size();
            result = co_await keep(session, spool, text);
            text.clear();
        }
    }
    co_return result;
}

std::string answer(const delivery::Result& result, const std::string& recipient)
{
    using delivery::Outcome;
    switch (result.outcome) {
    case Outcome::stored:
    case Outcome::quarantined: return "250 2.0.0 <" + recipient + "> delivered"; // what was found is not the sender's business
    case Outcome::infected: return "550 5.7.1 message contains " + result.detail;
    case Outcome::refused: return "550 5.7.1 message refused by policy: " + result.detail;
    case Outcome::overQuota: return "452 4.2.2 <" + recipient + "> mailbox full";
    case Outcome::noMailbox: return "450 4.2.0 <" + recipient + "> mailbox not available";
    case Outcome::tooLarge: return "552 5.3.4 message too large";
    case Outcome::limit: return "452 4.3.1 a limit of the mailbox was met";
    case Outcome::noMessage:
    case Outcome::unavailable: break;
    }
    return result.detail.empty() ? "451 4.3.0 not taken now, try again later" : "451 4.7.0 no verdict of the scanner now, try again later";
}

// An account that several recipients lead to gets the mail once; each recipient gets an answer all the same. Of an alias with
// several targets the first that did not succeed speaks: the sender then tries again.
struct Fanout {
    delivery::Envelope envelope;
    std::vector<std::vector<std::size_t>> targets; // of each recipient: indices into envelope.accounts
};

Fanout fanOut(const Session& session)
{
    Fanout fanout;
    const auto& transaction = session.transaction;
    fanout.envelope.from = transaction.from;
    fanout.envelope.client = session.client_name + " ([" + session.stream.peerAddress() + "])";
    fanout.envelope.with = session.stream.isTls() ? "LMTPS" : "LMTP";
    std::map<store::AccountId, std::size_t> known;
    for (std::size_t i = 0; i < transaction.recipients.size(); ++i) {
        auto& targets = fanout.targets.emplace_back();
        for (const auto account : transaction.accounts[i]) {
            const auto [at, is_new] = known.emplace(account, fanout.envelope.accounts.size());
            if (is_new) {
                fanout.envelope.accounts.push_back(account);
                fanout.envelope.recipients.push_back(transaction.recipients[i]);
            }
            targets.push_back(at->second);
        }
    }
    return fanout;
}
// What answers notices goes to the administrator. False: not now.
net::Task<bool> askedForRelease(Session& session, const Transaction& transaction, delivery::Spool& spool)
{
    std::vector<std::string> tokens;
    for (const std::string& token : transaction.tokens)
        if (!token.empty())
            tokens.push_back(token);
    if (tokens.empty())
        co_return true;
    const bool taken = co_await session.context.delivery.requestRelease(session.stream.strand(), std::move(tokens), transaction.from, spool);
    co_return taken;
}
} // namespace

// DATA: one answer a recipient, in order, each only when its mail is on disk. RFC 2033 4.2.
net::Task<> cmdData(Session& session, std::string argument)
{
    if (!argument.empty())
        throw BadCommand("501 5.5.4 DATA takes no argument");
    if (session.transaction.recipients.empty())
        throw BadCommand("503 5.5.1 no valid recipients");
    const Fanout fanout = fanOut(session);
    delivery::Spool spool = session.context.delivery.newSpool(fanout.envelope);
    session.stream.strand().record().state("data");
    session.reply("354 end with a dot on a line of its own");
    const Received received = co_await receive(session, spool);

    Transaction transaction = std::exchange(session.transaction, Transaction{});
    const auto& recipients = transaction.recipients;
    if (received != Received::whole) {
        for (std::size_t i = 0; i < recipients.size(); ++i)
            session.reply(received == Received::tooLarge ? "552 5.3.4 message too large" : "452 4.3.1 no room now, try again later");
        co_return;
    }
    std::vector<delivery::Result> results;
    if (!fanout.envelope.accounts.empty())
        results = co_await session.context.delivery.deliver(session.stream.strand(), fanout.envelope, spool);
    const bool asked = co_await askedForRelease(session, transaction, spool);
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        if (!transaction.tokens[i].empty()) {
            session.reply(asked ? "250 2.0.0 <" + recipients[i] + "> delivered" : "451 4.3.0 not taken now, try again later");
            continue;
        }
        const delivery::Result* worst = nullptr;
        bool some = false;
        for (const auto target : fanout.targets[i]) {
            const auto& result = results[target];
            const bool well = result.outcome == delivery::Outcome::stored || result.outcome == delivery::Outcome::quarantined;
            some = some || well;
            if (worst == nullptr || !well)
                worst = &result;
        }
        // Coming again would give those who have it another copy each time: the sender is told once instead.
        if (some && worst->outcome == delivery::Outcome::overQuota)
            session.reply("552 5.2.2 <" + recipients[i] + "> one of the mailboxes behind it is full");
        else
            session.reply(answer(*worst, recipients[i]));
    }
}

} // namespace postfach::lmtp
