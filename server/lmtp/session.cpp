#include "server/lmtp/session.h"
#include "server/base/id.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/lmtp/commands.h"
#include "server/net/cross_protocol.h"
#include "server/net/sessions.h"

#include <utility>

namespace postfach::lmtp {

Session::Session(net::Strand& strand, const Poco::Net::StreamSocket& socket, const Context& c) : stream(strand, socket), context(c) {}

void Session::reply(std::string_view line)
{
    stream.write(line);
    stream.write("\r\n");
}

void Session::setDeadline() { stream.strand().deadline(std::chrono::steady_clock::now() + context.idle); }

net::Task<> Session::dispatch(std::string_view text)
{
    const auto blank = text.find(' ');
    const std::string verb(text.substr(0, blank));
    std::string argument(base::trim(blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1)));
    const auto* command = findCommand(verb);
    if (command == nullptr)
        throw BadCommand("500 5.5.1 unknown command");
    if (command->needs_greeting && client_name.empty())
        throw BadCommand("503 5.5.1 LHLO first");
    co_await command->run(*this, std::move(argument));
}

net::Task<> Session::command(std::string text)
{
    try {
        co_await dispatch(text);
    } catch (const BadCommand& bad) {
        reply(bad.what());
        ++bad_commands_;
    } catch (const Reply& said) {
        reply(said.what());
    } catch (const store::Error& failure) {
        base::logError("lmtp", "the store failed a command", {{"reason", failure.what()}});
        reply("451 4.3.0 not possible now, try again later");
    } catch (const net::SessionOver&) {
        throw;
    } catch (const std::exception& bug) {
        const auto reference = base::newReference();
        base::logError("lmtp", "command failed", {{"reason", bug.what()}, {"reference", reference}});
        reply("451 4.3.0 internal error, reference " + reference);
        leaving = true;
    }
    stream.strand().record().state(transaction.open ? "transaction" : client_name.empty() ? "connected" : "ready");
    if (bad_commands_ >= base::limits::kBadCommandsAfterLogin) {
        reply("421 4.7.0 too many bad commands");
        leaving = true;
    }
}

net::Task<> Session::loop()
{
    reply("220 " + context.server_name + " Postfach LMTP ready");
    while (!leaving) {
        setDeadline();
        std::string text(co_await stream.line(base::limits::kLmtpLine));
        if (std::exchange(first_, false) && net::looksLikeHttp(text)) {
            reply("421 4.7.0 this is LMTP, not HTTP");
            break;
        }
        co_await command(std::move(text));
        if (start_tls) {
            start_tls = false;
            co_await stream.flush();
            setDeadline();
            co_await stream.startTls(context.tls.current(), "lmtp"); // no protocol of that name is registered: any that is asked for is refused
            client_name.clear(); // RFC 3207 4.2: nothing said in the clear counts
            transaction = Transaction{};
        }
        co_await stream.drain();
    }
}

net::Task<> Session::run()
{
    bool said = false;
    try {
        co_await loop();
        said = true;
    } catch (const net::PeerGone&) {
        // the client left; what was not answered is not ours
    } catch (const net::LineTooLong&) {
        reply("500 5.5.2 line too long");
        said = true;
    } catch (const net::DeadlinePassed&) {
        reply("421 4.4.2 waited too long for a command");
        said = true;
    } catch (const net::ShuttingDown& told) {
        reply("421 4.3.2 " + std::string(told.what()));
        said = true;
    }
    if (said)
        co_await stream.close();
}

net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context)
{
    Session session(strand, socket, context);
    co_await session.run();
}

} // namespace postfach::lmtp
