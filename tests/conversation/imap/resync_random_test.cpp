// Clients that keep a mailbox while they are away: each knows it by UID from nothing but what it was told, is cut off at random
// and comes back with QRESYNC. What it holds then must be what the store holds.
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace postfach::test;
using namespace postfach;

namespace {

using FlagSet = std::set<std::string>;

std::optional<std::uint64_t> numberBehind(const std::string& line, const std::string& word)
{
    const auto at = line.find(word);
    return at == std::string::npos ? std::nullopt : std::optional(std::stoull(line.substr(at + word.size())));
}

FlagSet flagsIn(const std::string& line)
{
    const auto open = line.find("FLAGS (") + 7;
    std::istringstream words(line.substr(open, line.find(')', open) - open));
    FlagSet flags;
    for (std::string word; words >> word;)
        if (word != "\\Recent")
            flags.insert(word);
    return flags;
}

class Away {
public:
    Away(TestServer& server, bool uidonly) : server_(server), uidonly_(uidonly) { comeBack(); }

    void comeBack()
    {
        client_.emplace(server_.imap());
        client_->talk(uidonly_ ? "ENABLE QRESYNC UIDONLY" : "ENABLE QRESYNC");
        if (highest_ == 0)
            talk("SELECT INBOX");
        else
            talk("SELECT INBOX (QRESYNC (" + std::to_string(validity_) + ' ' + std::to_string(highest_) + "))");
        // What came it was told of as a number only (EXISTS): it asks for all behind those it asked for before.
        talk("UID FETCH " + std::to_string(asked_to_ + 1) + ":* (UID FLAGS)");
        asked_to_ = known_.empty() ? asked_to_ : std::max(asked_to_, known_.rbegin()->first);
    }

    void talk(const std::string& command) { hear(client_->talk(command)); }
    void cutOff() { client_->hangUp(); }
    const std::map<std::uint32_t, FlagSet>& known() const { return known_; }
    std::optional<std::uint32_t> anyUid(std::mt19937& random) const
    {
        if (known_.empty())
            return std::nullopt;
        return std::next(known_.begin(), static_cast<std::ptrdiff_t>(random() % known_.size()))->first;
    }
    // Its own silent change it makes itself.
    void store(std::uint32_t uid, const std::string& flag, bool add)
    {
        const auto lines = client_->talk("UID STORE " + std::to_string(uid) + (add ? " +FLAGS.SILENT (" : " -FLAGS.SILENT (") + flag + ")");
        if (const auto entry = known_.find(uid); entry != known_.end())
            add ? static_cast<void>(entry->second.insert(flag)) : static_cast<void>(entry->second.erase(flag));
        hear(lines);
    }

private:
    void hear(const Lines& lines)
    {
        std::uint64_t seen = highest_;
        std::optional<std::uint64_t> said;
        for (const std::string& line : lines) {
            INFO("heard " << line);
            if (const auto modseq = numberBehind(line, "[HIGHESTMODSEQ "))
                said = modseq;
            if (const auto validity = numberBehind(line, "[UIDVALIDITY "))
                validity_ = *validity;
            if (line.starts_with("* VANISHED "))
                vanish(line.substr(line.rfind(' ') + 1));
            const auto uid = uidonly_ ? numberBehind(line, "* UIDFETCH ") : numberBehind(line, "(UID ");
            if (!uid)
                continue;
            if (line.find("FLAGS (") != std::string::npos)
                known_[static_cast<std::uint32_t>(*uid)] = flagsIn(line);
            if (const auto modseq = numberBehind(line, "MODSEQ ("))
                seen = std::max(seen, *modseq);
        }
        highest_ = said.value_or(seen); // at the command's end only: what came before it may have been cut off
    }

    void vanish(const std::string& set)
    {
        std::istringstream ranges(set);
        for (std::string range; std::getline(ranges, range, ',');) {
            const auto colon = range.find(':');
            const auto first = std::stoul(range), last = colon == std::string::npos ? first : std::stoul(range.substr(colon + 1));
            known_.erase(known_.lower_bound(static_cast<std::uint32_t>(first)), known_.upper_bound(static_cast<std::uint32_t>(last)));
        }
    }

    TestServer& server_;
    const bool uidonly_;
    std::optional<ImapClient> client_;
    std::map<std::uint32_t, FlagSet> known_;
    std::uint64_t highest_ = 0, validity_ = 0;
    std::uint32_t asked_to_ = 0;
};

std::map<std::uint32_t, FlagSet> truth(ImapClient& client)
{
    std::map<std::uint32_t, FlagSet> all;
    client.talk("NOOP");
    for (const std::string& line : client.talk("UID FETCH 1:* (UID FLAGS)"))
        if (const auto uid = numberBehind(line, "(UID "))
            all[static_cast<std::uint32_t>(*uid)] = flagsIn(line);
    return all;
}

void shake(unsigned seed)
{
    TestServer server;
    server.fill(8);
    auto judge = server.imap();
    judge.select();
    std::vector<ImapClient> others;
    for (int i = 0; i < 2; ++i) {
        others.push_back(server.imap());
        others.back().select();
    }
    std::vector<Away> travellers;
    travellers.emplace_back(server, false);
    travellers.emplace_back(server, true);
    std::mt19937 random(seed);
    const auto any = [&random](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    const std::vector<std::string> names{"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "blue"};

    for (int step = 0; step < 500; ++step) {
        const auto choice = any(12);
        Away& traveller = travellers[any(2)];
        ImapClient& other = others[any(2)];
        const std::string flag = names[any(names.size())];
        const auto uid = traveller.anyUid(random);
        INFO("seed " << seed << " step " << step << " choice " << choice);
        if (choice < 2)
            server.fill(1 + static_cast<int>(any(2)));
        else if (choice < 5 && uid)
            other.talk("UID STORE " + std::to_string(*uid) + (any(2) == 0 ? " +FLAGS (" : " -FLAGS (") + flag + ")");
        else if (choice == 5)
            other.talk("EXPUNGE");
        else if (choice == 6 && uid)
            traveller.store(*uid, flag, any(2) == 0);
        else if (choice == 7 && uid)
            traveller.talk("UID FETCH " + std::to_string(*uid) + " (UID FLAGS MODSEQ)");
        else if (choice == 8)
            traveller.talk(any(2) == 0 ? "NOOP" : "UID EXPUNGE 1:*");
        else if (choice == 9)
            traveller.talk("UID SEARCH UNSEEN");
        else if (choice == 10 && uid)
            other.talk("UID MOVE " + std::to_string(*uid) + " Archive");
        else {
            traveller.cutOff();
            traveller.comeBack();
            REQUIRE(traveller.known() == truth(judge));
        }
    }
    for (Away& traveller : travellers) {
        traveller.comeBack();
        REQUIRE(traveller.known() == truth(judge));
    }
}

} // namespace

TEST_CASE("who comes back with QRESYNC holds what the server holds", "[imap][qresync][numbering]") { shake(20260311); }
TEST_CASE("who comes back with QRESYNC holds it, another order of events", "[imap][qresync][numbering]") { shake(19990101); }
TEST_CASE("who comes back with QRESYNC holds it, a third", "[imap][qresync][numbering]") { shake(20110911); }
