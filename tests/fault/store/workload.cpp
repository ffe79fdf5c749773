#include "tests/fault/store/workload.h"

#include "server/base/hash.h"
#include "server/base/text.h"

#include <algorithm>
#include <sstream>

namespace postfach::test {

using namespace store;

namespace {
const std::string kAddress = "alice@example.org";

std::string noise(std::size_t size, std::mt19937_64& random)
{
    std::string bytes(size, '\0');
    for (char& c : bytes)
        c = static_cast<char>(random());
    return bytes;
}
} // namespace

void Workload::begin()
{
    store_.writeAndWait([](WriteTx& tx) {
        tx.createAccount({kAddress, "Alice", {}, 0});
        tx.createAccount({"bob@example.org", "Bob", {}, 0});
    });
}

// Small and compressible, small and not, as a file; now and then what was sent before.
std::string Workload::content()
{
    if (!sent_.empty() && below(5) == 0)
        return sent_[below(sent_.size())];
    const std::string head = "Subject: mail " + std::to_string(++serial_) + "\r\n\r\n";
    std::string text;
    switch (below(6)) {
    case 0: text = head + noise(140'000 + below(60'000), random_); break; // a file
    case 1: text = head + noise(1 + below(9'000), random_); break;
    default:
        text = head;
        for (std::uint64_t lines = below(80); lines > 0; --lines)
            text += "all the same " + std::to_string(lines) + "\r\n";
    }
    sent_.push_back(text);
    return text;
}

MailboxId Workload::anyMailbox(ReadTx& tx, bool own)
{
    auto all = tx.mailboxes(tx.findAccount(kAddress)->id);
    if (own)
        std::erase_if(all, [](const Mailbox& m) { return m.name[0] != 'x'; });
    else if (below(2) == 0)
        return tx.findMailbox(all.front().account, "INBOX")->id; // where the mail is
    return all.empty() ? MailboxId{} : all[below(all.size())].id;
}

std::vector<Uid> Workload::anyUids(MailboxId mailbox)
{
    const Snapshot now = store_.view(mailbox)->now();
    std::vector<Uid> uids;
    for (std::uint32_t i = 0; i < now.count(); ++i)
        if (below(3) == 0)
            uids.push_back(now.uidAt(i));
    return uids;
}

void Workload::deliver()
{
    const auto body = store_.prepareBody(content());
    const bool both = below(4) == 0, aside = below(8) == 0;
    Flags flags;
    flags.bits = below(2);
    const auto tx = store_.read();
    const MailboxId where = anyMailbox(*tx);
    store_.writeAndWait([&](WriteTx& w) {
        const BodyId id = w.addBody(*body, "summary");
        if (aside) {
            NewQuarantine entry;
            entry.account = w.findAccount(kAddress)->id;
            entry.body = id;
            entry.signature = "Test";
            w.addQuarantine(entry);
        } else
            w.append(where, {id, flags, w.now(), below(6) == 0 ? "uidl-" + std::to_string(serial_) : ""});
        if (both)
            w.append(w.findMailbox(w.findAccount("bob@example.org")->id, "INBOX")->id, {id, {}, w.now(), ""});
    });
}

void Workload::step()
{
    const std::uint64_t what = below(20);
    if (what < 9)
        return deliver();
    const auto tx = store_.read();
    const AccountId account = tx->findAccount(kAddress)->id;
    const MailboxId from = anyMailbox(*tx);
    if (what < 12) {
        const auto uids = anyUids(from);
        const auto how = static_cast<FlagChange>(below(3));
        const std::string keyword = "word" + std::to_string(below(80));
        const std::uint64_t bits = below(32);
        store_.writeAndWait([&](WriteTx& w) {
            Flags flags;
            flags.bits = bits;
            flags.addKeyword(w.keyword(account, keyword));
            w.changeFlags(from, uids, how, flags);
        });
    } else if (what < 14) {
        const auto uids = anyUids(from);
        store_.writeAndWait([&](WriteTx& w) { w.expunge(from, uids); });
    } else if (what < 16) {
        const auto uids = anyUids(from);
        const MailboxId to = anyMailbox(*tx);
        const bool copy = what == 14;
        store_.writeAndWait([&](WriteTx& w) { copy ? w.copy(from, uids, to) : w.move(from, uids, to); });
    } else if (what == 16) {
        const std::string name = "x" + std::to_string(++serial_) + (below(2) == 0 ? "/below" : "");
        store_.writeAndWait([&](WriteTx& w) { w.createMailbox(account, name); });
    } else if (const MailboxId own = anyMailbox(*tx, true); own && what == 17) {
        const std::string to = "x" + std::to_string(++serial_) + "-renamed";
        store_.writeAndWait([&](WriteTx& w) { w.renameMailbox(account, w.mailbox(own)->name, to); });
    } else if (own && what == 18) {
        try {
            store_.writeAndWait([&](WriteTx& w) { w.deleteMailbox(account, w.mailbox(own)->name); });
        } catch (const Error& e) {
            if (e.kind != Error::Kind::notEmpty) // it has children: nothing happens
                throw;
        }
    } else if (const auto aside = tx->quarantine({}); !aside.empty()) {
        const QuarantineId id = aside[below(aside.size())].id;
        const bool back = below(2) == 0;
        store_.writeAndWait([&](WriteTx& w) {
            if (back)
                w.releaseQuarantine(id);
            else
                w.deleteQuarantine(id);
        });
    } else
        deliver();
}

std::string everythingIn(Store& store)
{
    const auto tx = store.read();
    std::ostringstream out;
    for (const Account& account : tx->accounts({})) {
        out << account.address << " used " << account.used << " messages " << account.messages << '\n';
        for (const std::string& keyword : tx->keywords(account.id))
            out << ' ' << keyword;
        out << '\n';
        for (const Mailbox& m : tx->mailboxes(account.id)) {
            out << m.name << " id " << m.id.value << " validity " << m.uid_validity << " next " << m.uid_next.value << " modseq "
                << m.highest_modseq << " exists " << m.exists << '/' << m.unseen << '/' << m.deleted << " size " << m.size << '\n';
            const Snapshot now = store.view(m.id)->now();
            for (std::uint32_t i = 0; i < now.count(); ++i) {
                const Message message = now.at(i);
                out << "  " << message.uid.value << ' ' << message.modseq << ' ' << message.bits;
                for (const auto more : now.flags(i).more)
                    out << '+' << more;
                out << ' ' << message.size << ' ' << tx->uidl(m.id, message.uid) << ' '
                    << base::hex(base::sha256(tx->body(message.body))) << ' ' << tx->summary(message.body) << '\n';
            }
            for (const auto& [uid, modseq] : tx->expungedSince(m.id, 0))
                out << "  gone " << uid.value << ' ' << modseq << '\n';
        }
    }
    for (const Quarantined& q : tx->quarantine({}))
        out << "quarantined " << q.id.value << ' ' << base::hex(base::sha256(tx->body(q.body))) << '\n';
    return out.str();
}

} // namespace postfach::test
