// An IMAP session over a socket, against a real store, from greeting to the end of the connection. What a client sends is there before
// the session begins, all of it, and then the line drops. The first byte says where the session begins: nothing of those below, not
// logged in; '!' logged in; '@' with INBOX selected; '#' with IMAP4rev2 and QRESYNC besides; '%' with UIDONLY; '&' in the middle of IDLE,
// a search kept up to date and NOTIFY. Every session ends, every line of an answer has a shape that the grammar knows, and nobody
// sees a byte of the other account.
#include "server/base/text.h"
#include "server/imap/session.h"
#include "server/net/sessions.h"
#include "tests/fuzz/clients_end.h"
#include "tests/fuzz/world.h"
#include "tests/support/fake_scanner.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace postfach;
using fuzz::wrong;

namespace {

constexpr std::size_t kLongest = 8 * 1024; // the socket takes it at once
constexpr int kFresh = 200;                // sessions, then alice's account is made anew
constexpr auto kAlice = "alice@example.org", kBob = "bob@example.org";
constexpr std::string_view kBobsOwn = "what only bob may read";

struct Office : fuzz::World {
    Office() : World(2)
    {
        append(account(kBob), "Subject: bob\r\n\r\n" + std::string(kBobsOwn) + "\r\n");
        delivery::Policy policy;
        policy.server_name = "mail.example.org";
        policy.spool_folder = folder;
        policy.message_size = 100'000;
        delivery = std::make_unique<delivery::Delivery>(*store, scanner, clock, policy);
        context = std::make_unique<imap::Context>(imap::Context{*store, *auth, *delivery, *tls, clock, "mail.example.org"});
    }
    ~Office() { scheduler.stop(); }

    void begin()
    {
        if (sessions++ % kFresh != 0)
            return;
        const store::MailboxId inbox = renewed(kAlice);
        for (const std::string& mail : {
                 std::string("From: a@example.org\r\nTo: =?utf-8?Q?=C3=A9?= <b@x>\r\nSubject: one\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n"),
                 std::string("Subject: Re: one\r\nReferences: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
                             "Content-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b\r\n"
                             "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--b--\r\n"),
                 std::string(), std::string(20'000, 'x') + std::string("\0\r\n\x80\n.", 6)})
            append(inbox, mail);
        alice = loginOf(kAlice);
    }

    test::FakeScanner scanner;
    auth::Login alice;
    std::unique_ptr<delivery::Delivery> delivery;
    std::unique_ptr<imap::Context> context;
    std::uint64_t sessions = 0;
};

// What is said before the fuzzer's own words.
std::string beginning(char state)
{
    switch (state) {
    case '@': return "p SELECT INBOX\r\n";
    case '#': return "p ENABLE IMAP4rev2 QRESYNC\r\np SELECT INBOX\r\n";
    case '%': return "p ENABLE QRESYNC UIDONLY\r\np SELECT INBOX\r\n";
    case '&':
        return "p SELECT INBOX\r\np SEARCH RETURN (UPDATE(UID BODY[]) SAVE ALL) UNSEEN\r\np NOTIFY SET (selected (MessageNew (UID) MessageExpunge "
               "FlagChange)) (personal (MessageNew MessageExpunge MailboxName))\r\np IDLE\r\n";
    default: return "";
    }
}

// One response with its literals; it is taken off. `line`: what stands outside of them.
std::string takeResponse(std::string_view& left)
{
    std::string line;
    for (;;) {
        const std::size_t end = left.find("\r\n");
        if (end == std::string_view::npos)
            wrong("a response has no line end", left);
        const std::string_view piece = left.substr(0, end);
        if (piece.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
            wrong("a response holds what breaks it", piece);
        line += piece;
        left.remove_prefix(end + 2);
        const std::size_t open = piece.rfind('{');
        if (open == std::string_view::npos || !piece.ends_with('}'))
            return line;
        const std::string_view digits = piece.substr(open + 1, piece.size() - open - 2);
        if (digits.empty() || digits.size() > 8 || !std::all_of(digits.begin(), digits.end(), base::isDigit))
            return line;
        const std::size_t bytes = std::stoul(std::string(digits));
        if (bytes > left.size())
            wrong("a literal is longer than what was said", line);
        left.remove_prefix(bytes);
    }
}

void checkAnswers(std::string_view heard)
{
    if (!takeResponse(heard).starts_with("* OK [CAPABILITY "))
        wrong("no greeting");
    while (!heard.empty()) {
        const std::string line = takeResponse(heard);
        if (line.starts_with("* ") || line.starts_with("+ "))
            continue;
        const std::string_view behind = std::string_view(line).substr(std::min(line.find(' '), line.size()));
        if (!behind.starts_with(" OK ") && !behind.starts_with(" NO ") && !behind.starts_with(" BAD "))
            wrong("a response is neither tagged nor untagged", line);
    }
}

net::Task<> live(imap::Session& session, const auth::Login* begin)
{
    if (begin != nullptr)
        session.welcome(*begin);
    co_await session.run();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static Office world;
    std::string_view words(reinterpret_cast<const char*>(data), std::min(size, kLongest));
    const char state = words.empty() ? ' ' : words.front();
    const bool inside = std::string_view("!@#%&").find(state) != std::string_view::npos;
    if (inside)
        words.remove_prefix(1);
    const std::string said = beginning(state) + std::string(words);
    world.begin();

    const auto strand = std::make_shared<fuzz::ClientsEnd>(world.scheduler, "imap", said);
    {
        imap::Session session(*strand, strand->serversEnd(), *world.context, false);
        strand->attend(live(session, inside ? &world.alice : nullptr));
    }

    if (strand->heard.find(kBobsOwn) != std::string::npos)
        wrong("bob's mail was read", strand->heard);
    const std::string loud = base::upper(words);
    if (loud.find("COMPRESS") == std::string::npos && loud.find("STARTTLS") == std::string::npos)
        checkAnswers(strand->heard);
    return 0;
}
