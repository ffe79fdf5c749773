#include "server/imap/session.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/imap/refusal.h"
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
base::Counter g_abandoned{"postfach_imap_abandoned_total", "SEARCH, SORT and THREAD that ended early because their client had gone"};

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
        strand_.deadline(std::chrono::steady_clock::now() + context_.login_timeout);
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
    strand_.record().client({}); // what ID said
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
        beginRound(0, 1);
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
    if (rounds_ > 1) {
        constexpr std::uint64_t kRound = 1'000'000;
        done = round_ * kRound + done * kRound / goal;
        goal = rounds_ * kRound;
    }
    untagged("OK [INPROGRESS (\"" + running_->tag + "\" " + std::to_string(done) + ' ' + std::to_string(goal) + ")] Still at it");
    co_await stream_.flush();
}

net::Task<> Session::lookAround(std::uint64_t done, std::uint64_t goal)
{
    stillAlive();
    bool gone = stream_.peerHasLeft();
    try {
        if (!gone)
            co_await progress(done, goal);
    } catch (const net::PeerGone&) {
        gone = true;
    }
    if (gone) {
        g_abandoned.add();
        throw net::PeerGone("the client left before its answer");
    }
    if (strand_.turnDue())
        co_await strand_.turn();
}

void Session::beginRound(std::uint64_t round, std::uint64_t rounds)
{
    round_ = round;
    rounds_ = rounds;
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
    case codeWanted: // no mail program is asked for one
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

bool Session::mayHandOut(const store::Message& message)
{
    if (context_.withheld != nullptr && context_.withheld->has(store(), view().mailbox().id, message))
        return false;
    if (context_.reads == nullptr)
        return true;
    if (!reads_) {
        const auto about = strand_.record().info();
        reads_ = std::make_unique<delivery::ReadLog::Session>(
            *context_.reads, store::Reader{account_->id, store::Reader::Protocol::imap, about.address, about.client});
    }
    reads_->note(message.body);
    return true;
}

// RFC 8437 4.1: all that a session has goes, but TLS, what ID said of the client, and how often it gave a wrong password.
void Session::logOut()
{
    view_.reset();
    search_updates_.reset();
    decoded_.reset();
    told_.reset();
    notifier_.reset();
    keywords_.clear();
    enabled_ = {};
    reads_.reset();
    account_.reset();
    bad_commands_ = 0;
    strand_.record().about({});
    strand_.record().loggedOut();
    showState();
    strand_.deadline(std::chrono::steady_clock::now() + context_.login_timeout);
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
    decoded_.reset();
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
    decoded_.reset();
    const bool had = std::exchange(view_, nullptr) != nullptr;
    if (had)
        strand_.record().about({});
    showState();
    return had;
}

std::unique_ptr<DecodedPart> Session::takeDecoded(store::BodyId body, std::uint64_t begin)
{
    std::unique_ptr<DecodedPart> part = std::move(decoded_);
    return part && part->is(body, begin) ? std::move(part) : nullptr;
}

void Session::keepDecoded(std::unique_ptr<DecodedPart> part)
{
    if (part->mayStay(limits::kDecodedParts))
        decoded_ = std::move(part);
}

void Session::showState(const char* doing)
{
    strand_.record().state(doing != nullptr ? doing : view_ ? "selected" : account_ ? "authenticated" : "connected");
}

// --- the door

net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context, bool implicit_tls)
{
    Session session(strand, socket, context, implicit_tls);
    co_await session.run();
}

} // namespace postfach::imap
