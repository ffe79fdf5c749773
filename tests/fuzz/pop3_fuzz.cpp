// A POP3 session over a socket, against a real store, from greeting to the end of the connection. What a client sends is there before
// the session begins, all of it, and then the line drops. With '!' in front the session begins in TRANSACTION, without in AUTHORIZATION.
// Every session ends, every command has one answer of the shape that RFC 1939 3 gives it, and nothing leaves the maildrop without QUIT.
#include "server/base/text.h"
#include "server/net/sessions.h"
#include "server/pop3/session.h"
#include "tests/fuzz/clients_end.h"
#include "tests/fuzz/world.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace postfach;
using fuzz::wrong;

namespace {

constexpr std::size_t kLongest = 8 * 1024; // the socket takes it at once
constexpr auto kAlice = "alice@example.org";

struct Maildrop : fuzz::World {
    Maildrop() : World(1), inbox(account(kAlice)), alice(loginOf(kAlice))
    {
        context = std::make_unique<pop3::Context>(pop3::Context{*store, *auth, *tls, "mail.example.org"});
    }
    ~Maildrop() { scheduler.stop(); }
    std::uint32_t count() { return store->view(inbox)->now().count(); }
    void fill()
    {
        const std::string head = "Subject: fuzz\r\n\r\n";
        for (const std::string& mail : {head + "one\r\n.\r\n..two\r\n", head + "bare\n.\n.lf", std::string(), std::string(".\r\n.\r\n"),
                 head + std::string(70000, '.') + "\r\n.\r\n"})
            append(inbox, mail);
    }

    const store::MailboxId inbox;
    const auth::Login alice;
    std::unique_ptr<pop3::Context> context;
};

// The first line of what is left; it is taken off.
std::string_view statusLine(std::string_view& left)
{
    const std::size_t end = left.find('\n');
    if (end == std::string_view::npos || end == 0 || left[end - 1] != '\r')
        wrong("an answer has no line end");
    const std::string_view line = left.substr(0, end - 1);
    if (!line.starts_with("+OK ") && !line.starts_with("-ERR "))
        wrong("an answer is neither +OK nor -ERR");
    if (line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos)
        wrong("an answer's line holds what breaks it");
    left.remove_prefix(end + 1);
    return line;
}

bool manyLines(std::string_view command)
{
    const auto blank = command.find(' ');
    const std::string verb = base::upper(command.substr(0, blank));
    const bool bare = blank == std::string_view::npos || base::trim(command.substr(blank)).empty();
    return verb == "RETR" || verb == "TOP" || verb == "CAPA" || (bare && (verb == "LIST" || verb == "UIDL" || verb == "LANG"));
}

// In TRANSACTION: login, greeting, then one answer for each command, and a last word at most.
void checkAnswers(std::string_view heard, std::string_view said)
{
    if (!statusLine(heard).starts_with("+OK") || !statusLine(heard).starts_with("+OK"))
        wrong("no greeting");
    while (!heard.empty() && said.find('\n') != std::string_view::npos) {
        const std::size_t end = said.find('\n');
        std::string_view command = said.substr(0, end);
        if (command.ends_with('\r'))
            command.remove_suffix(1);
        said.remove_prefix(end + 1);
        if (statusLine(heard).starts_with("-ERR") || !manyLines(command))
            continue;
        if (heard.starts_with(".\r\n")) { // nothing in it
            heard.remove_prefix(3);
            continue;
        }
        const std::size_t dot = heard.find("\r\n.\r\n");
        if (dot == std::string_view::npos)
            wrong("an answer of many lines does not end");
        heard.remove_prefix(dot + 5);
    }
    if (!heard.empty() && (!statusLine(heard).starts_with("-ERR") || !heard.empty()))
        wrong("there are more answers than commands");
}

net::Task<> live(pop3::Session& session, const auth::Login* begin)
{
    if (begin != nullptr)
        co_await session.enter(*begin);
    co_await session.run(false);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static Maildrop world;
    std::string_view said(reinterpret_cast<const char*>(data), std::min(size, kLongest));
    const bool inside = said.starts_with('!');
    if (inside)
        said.remove_prefix(1);
    if (world.count() < 5)
        world.fill();
    const std::uint32_t before = world.count();

    const auto strand = std::make_shared<fuzz::ClientsEnd>(world.scheduler, "pop3", said);
    {
        pop3::Session session(*strand, strand->serversEnd(), *world.context);
        strand->attend(live(session, inside ? &world.alice : nullptr));
    }

    if (inside)
        checkAnswers(strand->heard, said);
    else if (std::string_view heard = strand->heard; !statusLine(heard).starts_with("+OK"))
        wrong("no greeting");
    if (world.count() != before && base::upper(said).find("QUIT") == std::string::npos)
        wrong("a line that dropped took mail with it");
    return 0;
}
