#include "server/appliance/demo.h"
#include "server/auth/auth.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/mail/compose.h"

#include <chrono>

namespace postfach::appliance {
namespace {
using namespace std::chrono_literals;

struct DemoMail {
    const char* to;
    const char* from_name;
    const char* from;
    const char* subject;
    const char* text;
    std::chrono::minutes age;
};

constexpr DemoMail kMails[] = {
    {"alice@example.org", "Postfach", "postmaster@example.org", "Welcome to Postfach",
     "Hello Alice,\n\nthis mailbox lives on the server: what you read, answer or file away here looks the\n"
     "same from every client. Delete something and it waits in Trash.\n\n"
     "Try it: open the mailbox with two clients at once and mark this mail.\n",
     3h},
    {"alice@example.org", "Bob", "bob@example.org", "Lunch on Thursday?",
     "Hi Alice,\n\nthe new place round the corner has opened. Thursday at noon?\n\nBob\n", 2h},
    {"alice@example.org", "Zoë Müller", "zoe@example.com", "Grüße aus Köln – Angebot über 3 Stühle",
     "Guten Tag,\n\nanbei wie besprochen die Preise: drei Stühle zu je 89 €.\n\nViele Grüße\nZoë Müller\n", 90min},
    {"bob@example.org", "Postfach", "postmaster@example.org", "Welcome to Postfach",
     "Hello Bob,\n\nyour mail is here over IMAP and POP3. A POP3 client may leave it on the server.\n", 3h},
    {"bob@example.org", "Alice", "alice@example.org", "Re: Lunch on Thursday?", "Gladly! See you there.\n\nAlice\n", 1h},
};
} // namespace

std::vector<DemoAccount> makeDemoOffice(store::Store& store, delivery::Delivery& delivery, const base::Clock& clock, std::uint64_t quota)
{
    std::vector<DemoAccount> accounts;
    if (!store.read()->domains(store::Page{}).empty())
        return accounts;
    for (const auto& [address, name] : {std::pair{"alice@example.org", "Alice"}, std::pair{"bob@example.org", "Bob"}}) {
        DemoAccount account{address, base::randomPassword(12)};
        store::NewAccount fresh;
        fresh.address = address;
        fresh.name = name;
        fresh.quota = quota;
        fresh.credentials = auth::Authenticator::makeCredentials(account.password);
        store.writeAndWait([&fresh](store::WriteTx& tx) { tx.createAccount(fresh); });
        accounts.push_back(std::move(account));
    }
    for (const auto& mail : kMails) {
        mail::Draft draft;
        draft.from_name = mail.from_name;
        draft.from_address = mail.from;
        draft.to_address = mail.to;
        draft.subject = mail.subject;
        draft.text = mail.text;
        draft.date = clock.now() - mail.age;
        draft.message_id = base::randomHex(12) + "@example.org";
        delivery::AppendItem item;
        item.internal_date = draft.date;
        const auto account = store.read()->findAccount(mail.to);
        const auto result = delivery.import(*account, "INBOX", item, mail::compose(draft));
        if (result.outcome != delivery::Outcome::stored)
            base::logWarning("demo", "sample mail not stored", {{"subject", mail.subject}});
    }
    return accounts;
}

} // namespace postfach::appliance
