#include "server/imap/session.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/imap/fetch_new.h"
#include "server/imap/refusal.h"
#include "server/imap/syntax/sequence_set.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"
#include "server/net/sessions.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

namespace postfach::imap {

namespace limits = base::limits;

namespace {

base::Gauge g_sessions{"postfach_imap_sessions", "IMAP connections now"};
base::Counter g_commands{"postfach_imap_commands_total", "IMAP commands answered"};
base::Counter g_bad_commands{"postfach_imap_bad_commands_total", "IMAP commands answered BAD"};

struct Counted {
    Counted() { g_sessions.add(1); }
    ~Counted() { g_sessions.add(-1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
};

// A browser that was led to our port: its body must not be read as commands (THREATS 27).
bool looksLikeHttp(std::string_view line)
{
    constexpr std::array<std::string_view, 9> kVerbs{
        "GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "CONNECT ", "DELETE ", "PATCH ", "TRACE "};
    for (const std::string_view verb : kVerbs)
        if (line.starts_with(verb))
            return line.find(" HTTP/") != std::string_view::npos || line.substr(verb.size()).starts_with("/");
    return false;
}

} // namespace

Session::Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& context, bool implicit_tls) :
    strand_(strand), context_(context), stream_(strand, socket), implicit_tls_(implicit_tls)
{
}

// --- the connection

net::Task<> Session::run()
{
    const Counted counted;
    std::string goodbye;
    bool gone = false;
    try {
        strand_.deadline(std::chrono::steady_clock::now() + limits::kLoginTimeout);
        if (implicit_tls_)
            co_await startTls();
        untagged("OK [CAPABILITY " + capabilities() + "] " + context_.server_name + " Postfach is ready");
        greeted_ = true;
        co_await serveCommands();
    } catch (const net::PeerGone&) {
        gone = true;
    } catch (const net::DeadlinePassed&) {
        goodbye = account_ ? "Nothing was heard from you for too long" : "Log in sooner";
    } catch (const net::ShuttingDown& told) {
        goodbye = told.what();
        goodbye.front() = base::asciiUpper(goodbye.front());
    } catch (const net::LineTooLong&) {
        goodbye = "The line is too long";
    } catch (const net::BadCompression&) {
        goodbye = "What you sent is not DEFLATE";
    } catch (const Bye& bye) {
        goodbye = bye.what();
    } catch (const std::exception& error) {
        base::logError("imap", "session failed", {{"address", stream_.peerAddress()}, {"reason", error.what()}});
        goodbye = "Internal error";
    }
    view_.reset();
    if (gone)
        co_return;
    if (greeted_ && !goodbye.empty())
        untagged("BYE " + goodbye);
    try {
        co_await stream_.close();
    } catch (const std::exception&) { // the last words did not get through; nobody is left to tell
    }
}

net::Task<> Session::startTls()
{
    const auto tls = context_.tls.current();
    co_await stream_.startTls(tls, "imap");
    bad_commands_ = 0;
    enabled_ = {};
}

net::Task<> Session::serveCommands()
{
    bool last = false;
    bool first = true;
    while (!last) {
        if (notifier_)
            co_await tellBetweenCommands();
        Request request;
        std::exception_ptr refused;
        const Limits bounds = limits();
        try {
            co_await readRequest(stream_, bounds, request);
        } catch (const Bad&) {
            refused = std::current_exception();
        }
        if (std::exchange(first, false) && looksLikeHttp(request.text))
            throw Bye("This is a mail server");
        if (refused) {
            stream_.write((request.tag.empty() ? "*" : request.tag) + ' ' + refusalOf(refused, "").text + "\r\n");
            countBad();
            continue;
        }
        co_await execute(request, last);
        if (account_)
            stillAlive();
    }
}

net::Task<> Session::execute(Request& request, bool& last)
{
    Tagged tagged("");
    std::exception_ptr error;
    const Command* command = nullptr;
    bool bad = false;
    try {
        parseName(request);
        command = findCommand(request.name);
        if (command == nullptr)
            throw BadSyntax("Unknown command");
        requireState(*command);
        running_ = &request;
        told_progress_ = std::chrono::steady_clock::now();
        tagged = co_await command->run(*this, request);
    } catch (...) {
        error = std::current_exception();
    }
    running_ = nullptr;
    g_commands.add();
    if (error) {
        const Refusal refusal = refusalOf(error, command ? command->name : std::string_view());
        tagged = Tagged(refusal.text);
        bad = refusal.bad;
    }
    if (request.message)
        co_await discardMessages(request);
    if (command && command->numbering != Numbering::silent && (view_ || notifier_))
        co_await tellNewsOrLog(command->numbering >= Numbering::shifts, command->numbering == Numbering::expunges, command->name);
    if (!tagged.text.empty())
        stream_.write((request.tag.empty() ? "*" : request.tag) + ' ' + tagged.text + "\r\n");
    if (bad)
        countBad();
    else if (account_)
        bad_commands_ = 0;
    if (!tagged.bye.empty())
        throw Bye(tagged.bye);
    if (told_)
        co_await readSelected();
    if (view_ && view_->gone())
        throw Bye("The selected mailbox was deleted");
    last = tagged.last;
}

// After a refused APPEND: what the client sends without waiting is on its way, literal after literal. Up to twice what would have
// been taken is read away; more than that ends the connection.
net::Task<> Session::discardMessages(Request& request)
{
    std::uint64_t most = 2 * std::max(context_.messageSize(), limits::kAppendInAll);
    while (request.message) {
        const Literal literal = *std::exchange(request.message, std::nullopt);
        if (literal.waits)
            co_return; // it was told no, and sends nothing
        if (literal.size / 2 > context_.messageSize() || literal.size > most)
            throw Bye("[TOOBIG] The message is too large");
        most -= literal.size;
        std::uint64_t left = literal.size;
        while (left > 0) {
            const std::string_view piece = co_await stream_.some(static_cast<std::size_t>(left));
            left -= piece.size();
            stillAlive();
        }
        co_await readOn(stream_, request);
    }
}

// What ends the session goes on; a store that cannot say the news now is logged, and they are said later.
net::Task<> Session::tellNewsOrLog(bool numbers_may_move, bool unasked, std::string_view command)
{
    std::exception_ptr error;
    try {
        co_await tellNews(numbers_may_move, unasked);
        co_await tellOthers();
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        refusalOf(error, command);
}

// RFC 5465 3.1: to who asked for it, news come while no command is running, until the client says something.
net::Task<> Session::tellBetweenCommands()
{
    for (;;) {
        co_await tellNewsOrLog(!notifier_->delaysExpunge(), false, "NOTIFY");
        if (view_ && view_->gone())
            throw Bye("The selected mailbox was deleted");
        const std::uint32_t came = co_await stream_.input(net::kNews);
        if ((came & net::kReadable) != 0)
            co_return;
    }
}

net::Task<Notifier::Account> Session::readAccount()
{
    const store::AccountId id = account_->id;
    const bool metadata = notifier_->watchesMetadata();
    auto look = [id, metadata](store::ReadTx& tx) {
        Notifier::Account now{tx.mailboxes(id), tx.subscriptions(id), {}};
        if (!metadata)
            return now;
        now.annotations[0] = tx.annotations(id, store::MailboxId{});
        for (const store::Mailbox& mailbox : now.mailboxes)
            now.annotations[mailbox.id.value] = tx.annotations(id, mailbox.id);
        return now;
    };
    co_return co_await reading(strand_, store(), std::move(look));
}

Notifier::Telling Session::telling() const
{
    return {enabled_, context_.store.delimiter(), view_ ? std::optional(view_->id()) : std::nullopt};
}

net::Task<> Session::notify(NotifyWish wish)
{
    notifier_ = std::make_unique<Notifier>(std::move(wish));
    // Watching begins before the first look, so that no news fall between the two.
    notifier_->watch(store(), account_->id, [strand = &strand_] { strand->wake(net::kNews); });
    if (!notifier_->watchesOthers())
        co_return;
    const Notifier::Account now = co_await readAccount();
    co_await send(notifier_->begin(now, telling()));
}

net::Task<> Session::tellOthers()
{
    if (!notifier_ || !notifier_->watchesOthers() || !notifier_->takeDue())
        co_return;
    const Notifier::Account now = co_await readAccount();
    co_await send(notifier_->news(now, telling()));
}

void Session::ownChange(const std::string& name)
{
    if (!notifier_)
        return;
    notifier_->own(name);
    const char delimiter = store().delimiter(); // the levels above were made or have changed with it
    for (std::size_t at = name.rfind(delimiter); at != std::string::npos && at > 0; at = name.rfind(delimiter, at - 1))
        notifier_->own(name.substr(0, at));
}

void Session::requireState(const Command& command) const
{
    switch (command.state) {
    case State::any: return;
    case State::notAuthenticated:
        if (account_)
            throw BadSyntax("Already logged in");
        return;
    case State::authenticated:
        if (!account_)
            throw BadSyntax("Log in first");
        return;
    case State::selected:
        if (!account_)
            throw BadSyntax("Log in first");
        if (!view_)
            throw BadSyntax("Select a mailbox first");
        return;
    }
}

void Session::countBad()
{
    g_bad_commands.add();
    if (++bad_commands_ >= (account_ ? limits::kBadCommandsAfterLogin : limits::kBadCommandsBeforeLogin))
        throw Bye("Too many bad commands");
}

Limits Session::limits() const
{
    // Before login the longest honest command is a LOGIN with two literals.
    if (!account_)
        return {limits::kLineBeforeLogin, limits::kLiteralBeforeLogin, limits::kLineBeforeLogin + 2 * limits::kLiteralBeforeLogin,
            false};
    return {limits::kLineAfterLogin, limits::kLiteralAfterLogin, limits::kCommandAfterLogin, true};
}

void Session::stillAlive() { strand_.deadline(std::chrono::steady_clock::now() + limits::kImapIdleTimeout); }

net::Task<> Session::progress(std::uint64_t done, std::uint64_t goal)
{
    const net::SteadyTime now = std::chrono::steady_clock::now();
    if (running_ == nullptr || now - told_progress_ < context_.progress_every || done >= goal)
        co_return;
    told_progress_ = now;
    stillAlive();
    untagged("OK [INPROGRESS (\"" + running_->tag + "\" " + std::to_string(done) + ' ' + std::to_string(goal) + ")] Still at it");
    co_await stream_.flush();
}

void Session::requireFewEnough(std::size_t messages) const
{
    const std::uint32_t most = context_.messages_at_once;
    if (messages > most)
        throw No("MESSAGELIMIT " + std::to_string(most), "Name at most " + std::to_string(most) + " messages at once");
}

// --- speaking

void Session::untagged(std::string_view text)
{
    stream_.write("* ");
    stream_.write(text);
    stream_.write("\r\n");
}

net::Task<> Session::send(std::string text)
{
    constexpr std::size_t kPiece = 32 * 1024;
    for (std::size_t at = 0; at < text.size(); at += kPiece) {
        stream_.write(std::string_view(text).substr(at, kPiece));
        co_await stream_.drain();
    }
}

bool Session::canStartTls() const { return !stream_.isProtected() && context_.tls.current() != nullptr; }

bool Session::mayLogin() const { return context_.authenticator.mayLogin(stream_.isProtected(), stream_.peerIsLoopback()); }

// --- who, and which mailbox

net::Task<Tagged> Session::logIn(std::string user, std::string password)
{
    strand_.record().loginBegins();
    auth::Attempt attempt(std::move(user), std::move(password), "imap", stream_.peerAddress(), stream_.isProtected());
    const auth::Login login = co_await context_.authenticator.login(strand_, std::move(attempt));
    co_return welcome(login);
}

Tagged Session::welcome(const auth::Login& login)
{
    using enum auth::Login::Result;
    switch (login.result) {
    case ok: break;
    case disabled: return Tagged("NO [CONTACTADMIN] The account is disabled");
    case unavailable: return Tagged("NO [UNAVAILABLE] Nobody can be let in now; try again later");
    case wrong: {
        Tagged tagged("NO [AUTHENTICATIONFAILED] Name or password is wrong");
        if (++login_failures_ >= limits::kLoginFailures)
            tagged.bye = "Too many failed logins";
        return tagged;
    }
    }
    if (!strand_.record().loggedIn(login.account.address, login.app_password))
        return Tagged("NO [LIMIT] The account has too many connections; end some and try again");
    account_ = {login.account.id, login.account.address};
    showState();
    bad_commands_ = 0;
    stillAlive();
    return Tagged::ok("CAPABILITY " + capabilities(), "Welcome");
}

View& Session::writableView()
{
    if (view_->readOnly())
        throw No("READ-ONLY", "The mailbox was opened with EXAMINE");
    return *view_;
}

void Session::select(std::unique_ptr<View> view)
{
    // What is recent here is taken from the others; EXAMINE only looks (RFC 3501 6.3.2), and sees all that nobody took.
    const store::Uid recent_from = view->mailbox().recent_from;
    if (view->readOnly())
        view->addRecent(view->shared()->recentFrom(recent_from), store::Uid{0xffffffff});
    else
        takeRecent(*view, recent_from);
    search_updates_.reset();
    view_ = std::move(view);
    strand_.record().about(view_->mailbox().name);
    showState();
}

void Session::selectAfterAnswer(store::Mailbox mailbox, bool read_only)
{
    told_ = std::make_unique<Told>(Told{std::move(mailbox), read_only});
}

// SELECT has said what the mailbox's row knows. The messages are read now, and what was committed between the two is news:
// the numbers are those of the row.
net::Task<> Session::readSelected()
{
    Told told = std::move(*std::exchange(told_, nullptr));
    co_await stream_.flush();
    struct Read {
        std::shared_ptr<store::MailboxView> shared;
        store::Snapshot before;
    };
    auto read = [&store = store(), &row = told.mailbox] {
        Read now{store.view(row.id), {}};
        now.before = now.shared->now();
        if (now.before.highestModseq() == row.highest_modseq)
            return now;
        std::vector<store::Uid> expunged;
        for (const auto& [uid, modseq] : store.read()->expungedSince(row.id, row.highest_modseq))
            expunged.push_back(uid);
        now.before = earlier(now.before, expunged, row.uid_next, row.highest_modseq);
        return now;
    };
    Read now;
    std::exception_ptr error;
    try {
        now = co_await strand_.offload(std::move(read));
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        throw Bye(refusalOf(error, "SELECT").text.substr(3)); // without its NO: it was said that all is well
    if (now.before.count() != told.mailbox.exists)
        throw Bye("[UNAVAILABLE] The mailbox changed while it was opened; connect again");
    select(std::make_unique<View>(std::move(told.mailbox), std::move(now.shared), told.read_only, std::move(now.before)));
}

bool Session::unselect()
{
    search_updates_.reset();
    const bool had = std::exchange(view_, nullptr) != nullptr;
    if (had)
        strand_.record().about({});
    showState();
    return had;
}

void Session::showState(const char* doing)
{
    strand_.record().state(doing != nullptr ? doing : view_ ? "selected" : account_ ? "authenticated" : "connected");
}

// --- flags and news

bool Session::knowsKeywords(const store::Flags& flags) const
{
    const std::size_t known = keywords_.size();
    const bool bits_known = known >= store::Flags::kKeywordBits || (flags.bits >> (store::Flags::kFirstKeywordBit + known)) == 0;
    return bits_known && (flags.more.empty() || flags.more.back() < known);
}

net::Task<> Session::loadKeywords()
{
    const store::AccountId id = account_->id;
    const std::size_t known = keywords_.size(); // none ever goes or changes its place
    auto names = [id, known](store::ReadTx& tx) { return tx.keywords(id, known); };
    std::vector<std::string> more = co_await reading(strand_, store(), std::move(names));
    const std::string told = flagNames();
    keywords_.insert(keywords_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    if (view_ && flagNames() != told)
        tellFlags(view_->readOnly());
}

// Those behind the bound are not named, nor do they have to be: \* says that more can be used (RFC 9051 7.1), and FLAGS need not
// name them all (7.3.5).
std::string Session::flagNames() const
{
    std::string names = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
    for (const std::string& keyword : keywords_) {
        if (names.size() + keyword.size() >= base::limits::kFlagsTold)
            break;
        names += ' ' + keyword;
    }
    return names;
}

void Session::tellFlags(bool read_only)
{
    const std::string names = flagNames();
    untagged("FLAGS (" + names + ")");
    if (read_only)
        untagged("OK [PERMANENTFLAGS ()] No flag can be changed");
    else
        untagged("OK [PERMANENTFLAGS (" + names + " \\*)] Flags are kept");
}

void Session::putFetchFlags(std::string& out, store::Uid uid, const store::Flags& flags) const
{
    out += "FLAGS ";
    putFlags(out, flags, !enabled_.rev2 && view_->isRecent(uid), keywords_);
}

void Session::putFetchBegin(std::string& out, std::uint32_t number, store::Uid uid) const
{
    if (enabled_.uidonly) // RFC 9586 3.3
        out.append("* UIDFETCH ").append(std::to_string(uid.value)).append(" (");
    else
        out.append("* ").append(std::to_string(number)).append(" FETCH (");
}

void Session::putChanged(std::string& out, const News::Changed& changed, bool with_uid) const
{
    putFetchBegin(out, changed.number, changed.uid);
    if (with_uid && !enabled_.uidonly)
        out += "UID " + std::to_string(changed.uid.value) + ' ';
    putFetchFlags(out, changed.uid, changed.flags);
    if (enabled_.condstore)
        out += " MODSEQ (" + std::to_string(changed.modseq) + ')';
    out += ")\r\n";
}

void Session::tellHighestModseq()
{
    if (view_)
        untagged("OK [HIGHESTMODSEQ " + std::to_string(view_->newest().highestModseq()) + "] Highest");
}

Tagged Session::okExpunged(const std::string& text) const
{
    if (!enabled_.qresync)
        return Tagged::ok(text);
    return Tagged::ok("HIGHESTMODSEQ " + std::to_string(view_->newest().highestModseq()), text);
}

void Session::requireUids(bool by_uid) const
{
    if (enabled_.uidonly && !by_uid)
        throw Bad("UIDREQUIRED", "You enabled UIDONLY; use the UID form of the command");
}

// \Recent goes to one session only: the first to take it (RFC 3501 2.3.2). No news wait for a disk: it is written down with
// the next commit, and what a crash forgets is recent once more.
void Session::takeRecent(View& view, store::Uid from)
{
    const auto [first, behind] = view.shared()->takeRecent(from);
    if (first == behind)
        return;
    view.addRecent(first, behind);
    const store::MailboxId id = view.id();
    const store::Uid up_to = behind;
    store().writeLater([id, up_to](store::WriteTx& tx) { tx.recentTaken(id, up_to); });
}

void Session::putExpunged(std::string& out, const News& news) const
{
    if (!enabled_.qresync && !enabled_.uidonly) {
        for (const News::Expunged& gone : news.expunged)
            out += "* " + std::to_string(gone.number) + " EXPUNGE\r\n";
        return;
    }
    // RFC 7162 3.2.10
    std::vector<std::uint32_t> uids;
    for (auto gone = news.expunged.rbegin(); gone != news.expunged.rend(); ++gone)
        uids.push_back(gone->uid.value);
    if (!uids.empty())
        out.append("* VANISHED ").append(formatSet(uids)).append("\r\n");
}

net::Task<> Session::tellNews(bool numbers_may_move, bool unasked)
{
    if (!view_ || view_->gone())
        co_return;
    const bool wants_messages = !notifier_ || unasked || notifier_->ofSelected().messages;
    if (!wants_messages)
        co_return;
    if (!view_->readOnly() && view_->hasArrivals())
        takeRecent(*view_, view_->numbered().uidNext());
    const store::Snapshot before = search_updates_ ? view_->numbered() : store::Snapshot();
    News news = view_->takeNews(numbers_may_move, enabled_.condstore);
    if (notifier_ && !unasked && !notifier_->ofSelected().flags)
        news.changed.clear();
    bool all_known = true;
    for (const News::Changed& changed : news.changed)
        all_known = all_known && knowsKeywords(changed.flags);
    if (!all_known) {
        // The numbers have moved already: what else may fail, the client must hear of them. Unknown names are left out.
        try {
            co_await loadKeywords();
        } catch (const store::Error& error) {
            base::logWarning("imap", "keywords not read", {{"account", account_->address}, {"reason", error.what()}});
        }
    }

    std::string out;
    if (search_updates_ && !news.expunged.empty())
        out = search_updates_->gone(before, view_->numbered());
    putExpunged(out, news);
    if (news.exists) {
        out += "* " + std::to_string(*news.exists) + " EXISTS\r\n";
        if (!enabled_.rev2) // RFC 9051 appendix E, 5
            out += "* " + std::to_string(view_->recent()) + " RECENT\r\n";
    }
    for (const News::Changed& changed : news.changed)
        putChanged(out, changed, enabled_.qresync || enabled_.rev2 || notifier_); // RFC 7162 3.2.4, RFC 5465 5.1
    // MODSEQs above that of an EXPUNGE which waits: a client that is cut off now must not believe it has seen it (RFC 7162 3.2).
    if (enabled_.qresync && view_->waits())
        out += "* OK [HIGHESTMODSEQ " + std::to_string(view_->numbered().highestModseq()) + "] Up to here\r\n";
    co_await send(std::move(out));
    if (search_updates_)
        co_await tellSearchUpdates();
    if (!news.exists || !notifier_ || !notifier_->ofSelected().of_new)
        co_return;
    FetchItems items = *notifier_->ofSelected().of_new;
    const IndexRange added{news.first_new, *news.exists};
    co_await fetchNew(*this, std::move(items), added);
}

SearchUpdates& Session::searchUpdates()
{
    if (!search_updates_)
        search_updates_ = std::make_unique<SearchUpdates>();
    return *search_updates_;
}

net::Task<> Session::tellSearchUpdates() { co_await search_updates_->tell(*this); }

// --- the door

net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context, bool implicit_tls)
{
    Session session(strand, socket, context, implicit_tls);
    co_await session.run();
}

} // namespace postfach::imap
