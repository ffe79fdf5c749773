#pragma once
// What a transaction changed, as those need it who hear of it after the commit.
#include "server/store/sqlite/reading.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace postfach::store::sqlite {

struct MessageChange {
    enum class Kind : std::uint8_t { append, flags, expunge } kind;
    MessageRow row; // for expunge only its UID counts
};

struct MailboxChange {
    MailboxId id;
    AccountId account;
    Uid uid_next{1};     // as they are after the change
    ModSeq modseq = 0;
    bool gone = false;
    std::vector<MessageChange> messages; // in order
};

class Changes {
public:
    MailboxChange& of(MailboxId id, AccountId account)
    {
        const auto [at, fresh] = index_.try_emplace(id, mailboxes.size());
        if (fresh)
            mailboxes.push_back({id, account, Uid{1}, 0, false, {}});
        return mailboxes[at->second];
    }
    void touch(AccountId account)
    {
        if (std::find(accounts.begin(), accounts.end(), account) == accounts.end())
            accounts.push_back(account);
    }
    void add(Changes&& later)
    {
        for (MailboxChange& change : later.mailboxes) {
            MailboxChange& mine = of(change.id, change.account);
            mine.uid_next = change.uid_next;
            mine.modseq = change.modseq;
            mine.gone = mine.gone || change.gone;
            if (mine.messages.empty())
                mine.messages = std::move(change.messages);
            else
                for (MessageChange& message : change.messages)
                    mine.messages.push_back(std::move(message));
        }
        accounts.insert(accounts.end(), later.accounts.begin(), later.accounts.end());
        dropped_files.insert(dropped_files.end(), later.dropped_files.begin(), later.dropped_files.end());
        bodies += later.bodies;
        logins = logins || later.logins;
        events = events || later.events;
    }

    std::vector<MailboxChange> mailboxes;
    std::vector<AccountId> accounts;          // whose list of mailboxes (or account row) changed; may repeat after add()
    std::vector<base::Sha256> dropped_files;  // their rows are gone
    std::int64_t bodies = 0;                  // rows of body, more or fewer
    bool events = false;                      // the journal has more
    bool logins = false;                      // who may log in, or how: Store::accountsVersion

private:
    std::unordered_map<MailboxId, std::size_t> index_;
};

} // namespace postfach::store::sqlite
