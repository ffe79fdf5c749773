#pragma once
// One IMAP connection: greeting, states (RFC 9051 3), the loop over commands, the one catch a command, and what commands
// share: who is logged in, which mailbox is selected, what the client must be told. Belongs to its strand.
//
// Invariants: a view exists only while somebody is logged in; nothing is told of a mailbox but through tellNews(); a
// literal that was announced and not read is read away (or the connection ends) before the next command is looked for.
#include "server/delivery/delivery.h"
#include "server/imap/commands.h"
#include "server/imap/decoded_part.h"
#include "server/imap/enabled.h"
#include "server/imap/errors.h"
#include "server/imap/notifier.h"
#include "server/imap/search_updates.h"
#include "server/imap/service.h"
#include "server/imap/view.h"
#include "server/net/stream.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

class Session {
public:
    Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& context, bool implicit_tls);
    net::Task<> run();

    // --- for commands
    const Context& context() const { return context_; }
    net::Strand& strand() { return strand_; }
    net::Stream& stream() { return stream_; }
    store::Store& store() { return context_.store; }

    void untagged(std::string_view text); // "* text CRLF"
    net::Task<> send(std::string text);   // whole lines; in pieces, waiting for room between them
    // The running command is at `done` of `goal`: said at most every Context::progress_every, RFC 9585.
    net::Task<> progress(std::uint64_t done, std::uint64_t goal);
    // The same between the steps of work that nobody needs once the client has gone, which ends it: PeerGone. Others get their turn.
    net::Task<> lookAround(std::uint64_t done, std::uint64_t goal);
    // The running command works in so many rounds, each of which counts as much; this one (from 0) begins. What the client hears of is
    // one work, whose goal stays the same.
    void beginRound(std::uint64_t round, std::uint64_t rounds);
    // RFC 9738: NO [MESSAGELIMIT] for more messages than one command may touch.
    void requireFewEnough(std::size_t messages) const;
    void stillAlive();                    // long work goes on: the idle deadline is pushed back

    std::string capabilities() const; // capabilities.cpp
    Enabled& enabled() { return enabled_; }
    bool canStartTls() const;
    bool mayLogin() const;
    [[gnu::noinline]] net::Task<> startTls(); // what was said in the clear is forgotten

    net::Task<Tagged> logIn(std::string user, std::string password);
    Tagged welcome(const auth::Login& login); // or not: the words for every outcome
    const delivery::Delivery::Owner& account() const { return *account_; }
    bool mayHandOut(const store::Message& message); // more than its header, and notes it; false: it was taken into quarantine
    void logOut(); // UNAUTHENTICATE: of the account nothing is left, and the time to log in begins anew

    bool hasView() const { return view_ != nullptr; }
    View& view() { return *view_; }
    View& writableView(); // NO [READ-ONLY] after EXAMINE
    void select(std::unique_ptr<View> view);
    void selectAfterAnswer(store::Mailbox mailbox, bool read_only); // large and cold: told by its row, read once that is said
    bool unselect();                                                // true: there was one
    void takeRecent(View& view, store::Uid from);                   // what arrived since, as far as no other session has it
    void showState(const char* doing = nullptr); // to who lists sessions; a literal, or the protocol's own state

    // Tells what others did to the selected mailbox, as far as NOTIFY lets it. `unasked`: also to who wants no news.
    net::Task<> tellNews(bool numbers_may_move, bool unasked = false);
    net::Task<> tellOthers();                // and to other mailboxes: who asked for it by NOTIFY
    net::Task<> notify(NotifyWish wish);
    void ownChange(const std::string& name); // a mailbox this client made, renamed, deleted or subscribed to: no news to it

    SearchUpdates& searchUpdates(); // of the selected mailbox

    std::unique_ptr<DecodedPart> takeDecoded(store::BodyId body, std::uint64_t begin); // null: that one was not kept
    void keepDecoded(std::unique_ptr<DecodedPart> part);                               // as far as all sessions together may

    // The account's keywords by index, as this session last saw them.
    const std::vector<std::string>& keywords() const { return keywords_; }
    bool knowsKeywords(const store::Flags& flags) const;
    net::Task<> loadKeywords(); // and tells FLAGS and PERMANENTFLAGS when they changed under a selected mailbox
    void setKeywords(std::vector<std::string> names) { keywords_ = std::move(names); }
    void tellFlags(bool read_only);                                                        // "* FLAGS (...)" and PERMANENTFLAGS
    void putFetchFlags(std::string& out, store::Uid uid, const store::Flags& flags) const; // "FLAGS (\Seen ...)"
    // How an answer about a message begins, and what news of its flags say, as far as this client enabled it.
    void putFetchBegin(std::string& out, std::uint32_t number, store::Uid uid) const; // "* 3 FETCH (", "* UIDFETCH 17 ("
    void putChanged(std::string& out, const News::Changed& changed, bool with_uid) const; // the whole line
    // The client has used CONDSTORE (RFC 7162 3.1); the first time it is told the highest MODSEQ of what is selected.
    void enableCondstore();
    Tagged okExpunged(const std::string& text) const; // with HIGHESTMODSEQ for who has enabled QRESYNC, RFC 7162 3.2.7
    void requireUids(bool by_uid) const; // BAD [UIDREQUIRED] for sequence numbers after ENABLE UIDONLY

private:
    std::string flagNames(bool changeable_only = false) const;
    void putExpunged(std::string& out, const News& news) const;
    net::Task<> serveCommands();
    net::Task<> execute(Request& request, bool& last);
    // Not inlined: clang would keep the frames of what waits seldom inside the frames of what waits always.
    [[gnu::noinline]] net::Task<> discardMessages(Request& request);
    [[gnu::noinline]] net::Task<> readSelected();
    [[gnu::noinline]] net::Task<> tellNewsOrLog(bool numbers_may_move, bool unasked, std::string_view command);
    [[gnu::noinline]] net::Task<> tellBetweenCommands();
    [[gnu::noinline]] net::Task<std::vector<std::uint32_t>> tellSearchUpdates(IndexRange fresh, const FetchItems* of_new);
    net::Task<Notifier::Account> readAccount();
    Notifier::Telling telling() const;
    void requireState(const Command& command) const;
    void countBad();
    Limits limits() const;

    net::Strand& strand_;    // outlives the session
    const Context& context_; // outlives the session
    net::Stream stream_;
    const bool implicit_tls_;
    bool greeted_ = false;
    Enabled enabled_;
    std::optional<delivery::Delivery::Owner> account_; // set: logged in
    std::unique_ptr<delivery::ReadLog::Session> reads_; // of this login, once there is something to note
    std::unique_ptr<View> view_;            // set: selected
    struct Told {
        store::Mailbox mailbox;
        bool read_only;
    };
    std::unique_ptr<Told> told_; // by selectAfterAnswer(), until the answer is on its way
    std::unique_ptr<Notifier> notifier_;  // set: NOTIFY was used
    std::unique_ptr<DecodedPart> decoded_; // the last that was read in pieces
    std::unique_ptr<SearchUpdates> search_updates_; // set: SEARCH RETURN (UPDATE) was used; goes with the view
    std::vector<std::string> keywords_;
    const Request* running_ = nullptr;    // while a command runs
    net::SteadyTime told_progress_{};     // when it was told of last, or began
    std::uint64_t round_ = 0, rounds_ = 1; // of the running command
    int bad_commands_ = 0, login_failures_ = 0;
};

} // namespace postfach::imap
