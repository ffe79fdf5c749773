#include "server/pop3/session.h"
#include "server/base/id.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/net/cross_protocol.h"
#include "server/net/sessions.h"
#include "server/pop3/commands.h"

#include <memory>
#include <utility>

namespace postfach::pop3 {

Session::Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& c) : stream(strand, socket), context(c) {}

void Session::ok(std::string_view text)
{
    stream.write("+OK ");
    stream.write(text);
    stream.write("\r\n");
}

void Session::say(std::string_view english, std::initializer_list<std::uint64_t> numbers) { ok(worded(*language, english, numbers)); }

void Session::line(std::string_view text)
{
    stream.write(text);
    stream.write("\r\n");
}

void Session::error(std::string_view english, std::string_view tail)
{
    stream.write("-ERR ");
    stream.write(worded(*language, english));
    if (!tail.empty())
        stream.write(" ");
    stream.write(tail);
    stream.write("\r\n");
}

bool Session::mayLogin() const { return context.authenticator.mayLogin(stream.isProtected(), stream.peerIsLoopback()); }

void Session::setDeadline()
{
    stream.strand().deadline(std::chrono::steady_clock::now() + (maildrop_ ? base::limits::kPop3IdleTimeout : context.login_timeout));
}

net::Task<> Session::login(std::string name, std::string password)
{
    if (!mayLogin())
        throw Refusal("[AUTH] logging in needs TLS: use STLS or the TLS port");
    stream.strand().record().loginBegins();
    auth::Attempt attempt(std::move(name), std::move(password), "pop3", stream.peerAddress(), stream.isProtected());
    auth::Login login = co_await context.authenticator.login(stream.strand(), std::move(attempt));
    co_await enter(std::move(login));
}

net::Task<> Session::enter(auth::Login login)
{
    switch (login.result) {
    case auth::Login::Result::ok: break;
    case auth::Login::Result::unavailable: throw Refusal("[SYS/TEMP] logging in is not possible now, try again later");
    case auth::Login::Result::disabled: throw Refusal("[AUTH] this account may not use POP3");
    case auth::Login::Result::codeWanted: // no mail program is asked for one
    case auth::Login::Result::wrong:
        leaving = ++failed_logins_ >= base::limits::kLoginFailures;
        throw Refusal("[AUTH] wrong user name or password");
    }
    account_ = login.account.address;
    const store::AccountId id = login.account.id;
    OpenMaildrops::Place place = context.open_maildrops->take(login.account.id, login.account.pop3_in_force.exclusive.value_or(false));
    if (!place)
        throw Refusal("[IN-USE] another session has this maildrop, and it is set to one at a time");
    auto open = [this, account = std::move(login.account)] { return Maildrop::open(context.store, account); };
    Maildrop drop = co_await stream.strand().offload(std::move(open));
    net::SessionRecord& record = stream.strand().record();
    if (!record.loggedIn(account_, login.app_password))
        throw Refusal("[SYS/TEMP] the account has too many connections, end some and try again");
    maildrop_.emplace(std::move(drop));
    place_ = std::move(place);
    if (context.reads != nullptr)
        reads_ = std::make_unique<delivery::ReadLog::Session>(
            *context.reads, store::Reader{id, store::Reader::Protocol::pop3, record.address(), record.info().client});
    record.state("transaction");
    say("logged in, # messages (# octets)", {maildrop_->live(), maildrop_->liveBytes()});
}

void Session::handOut(const store::Message& message, bool header_only)
{
    if (context.withheld != nullptr && context.withheld->has(context.store, maildrop().mailbox(), message))
        throw Refusal("[SYS/PERM] that message was found to be harmful and is in quarantine");
    if (reads_ && !header_only)
        reads_->note(message.body);
}

net::Task<> Session::dispatch(std::string_view text)
{
    // Everything is copied: the line's bytes go at the next read.
    const auto blank = text.find(' ');
    const std::string verb(text.substr(0, blank));
    std::string argument(blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1));
    if (!base::iequals(verb, "PASS")) // a password may end in a space, a number may not
        argument = std::string(base::trim(argument));
    const auto* command = findCommand(verb);
    if (command == nullptr)
        throw BadCommand("unknown command");
    if ((command->states & (maildrop_ ? kTransaction : kAuthorization)) == 0)
        throw BadCommand(maildrop_ ? "you are logged in already" : "log in first");
    co_await command->run(*this, std::move(argument));
}

net::Task<> Session::command(std::string text)
{
    // The one catch of a command. Nothing waits in a catch: what must be said is queued.
    try {
        co_await dispatch(text);
    } catch (const BadCommand& bad) {
        error(bad.what());
        ++bad_commands_;
    } catch (const Refusal& refusal) {
        error(refusal.what());
    } catch (const store::Error& failure) {
        const auto reference = base::newReference();
        base::logError("pop3", "the store failed a command", {{"reason", failure.what()}, {"account", account_}, {"reference", reference}});
        error("[SYS/TEMP] not possible now, reference", reference);
    } catch (const net::SessionOver&) {
        throw;
    } catch (const net::LineTooLong&) { // the client's answer in AUTH
        throw;
    } catch (const std::exception& bug) {
        const auto reference = base::newReference();
        base::logError("pop3", "command failed", {{"reason", bug.what()}, {"account", account_}, {"reference", reference}});
        error("[SYS/PERM] internal error, reference", reference);
        leaving = true; // an answer may be half out
    }
    using namespace base::limits;
    if (!leaving && bad_commands_ >= (maildrop_ ? kBadCommandsAfterLogin : kBadCommandsBeforeLogin)) {
        error("too many bad commands");
        leaving = true;
    }
}

net::Task<> Session::loop()
{
    ok(context.server_name + " Postfach POP3 ready");
    while (!leaving) {
        if (maildrop_) // before login only run()'s deadline counts: a word every 59 seconds holds no place for ever
            setDeadline();
        std::string text(co_await stream.line(base::limits::kLineBeforeLogin));
        if (std::exchange(first_, false) && net::looksLikeHttp(text)) {
            error("this is POP3, not HTTP");
            break;
        }
        co_await command(std::move(text));
        if (start_tls) {
            start_tls = false;
            co_await stream.flush();
            co_await stream.startTls(context.tls.current(), "pop3");
            user.clear();
            language = &languages().front(); // RFC 2595 4: what was said in the clear is forgotten
        }
        co_await stream.drain();
    }
}

net::Task<> Session::run(bool implicit_tls)
{
    bool said = false; // last words are queued
    try {
        setDeadline();
        if (implicit_tls)
            co_await stream.startTls(context.tls.current(), "pop3");
        co_await loop();
        said = true;
    } catch (const net::PeerGone&) {
        // the client left
    } catch (const net::LineTooLong&) {
        error("line too long");
        said = true;
    } catch (const net::DeadlinePassed&) {
        error("[SYS/TEMP] waited too long for a command");
        said = true;
    } catch (const net::ShuttingDown& told) {
        error("[SYS/TEMP] " + std::string(told.what()));
        said = true;
    }
    // A line that dropped deletes nothing; that a message was read is still true.
    if (maildrop_ && maildrop_->hasWork(false)) {
        auto drop = std::make_shared<Maildrop>(std::move(*maildrop_));
        context.store.write([drop](store::WriteTx& tx) { drop->close(tx, false); }, [](std::exception_ptr) {});
    }
    maildrop_.reset();
    place_ = {}; // before the last words: who reads them may come again at once
    if (said)
        co_await stream.close();
}

net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context, bool implicit_tls)
{
    Session session(strand, socket, context);
    co_await session.run(implicit_tls);
}

} // namespace postfach::pop3
