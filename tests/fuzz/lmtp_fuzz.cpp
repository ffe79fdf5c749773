// An LMTP session over a socket, against a real store and the delivery door, from greeting to the end of the connection. What a client
// sends is there before the session begins, all of it, and then the line drops. Every session ends, every line of it is a reply, and a
// mail that was said to be delivered is there, once.
#include "server/base/text.h"
#include "server/delivery/delivery.h"
#include "server/lmtp/session.h"
#include "server/net/sessions.h"
#include "tests/fuzz/clients_end.h"
#include "tests/fuzz/world.h"
#include "tests/support/fake_scanner.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace postfach;
using fuzz::wrong;

namespace {

constexpr std::size_t kLongest = 16 * 1024; // the socket takes it at once
constexpr int kFresh = 500;                 // sessions, then alice's account is made anew
constexpr auto kAlice = "alice@example.org";

struct Door : fuzz::World {
    Door() : World(2)
    {
        delivery::Policy policy;
        policy.server_name = "mail.example.org";
        policy.spool_folder = folder;
        policy.message_size = 4'000;
        delivery = std::make_unique<delivery::Delivery>(*store, scanner, clock, policy);
        context = std::make_unique<lmtp::Context>(lmtp::Context{*store, *delivery, *tls, "mail.example.org"});
    }
    ~Door() { scheduler.stop(); }

    void begin()
    {
        if (sessions++ % kFresh != 0)
            return;
        inbox = renewed(kAlice);
    }
    std::uint32_t count() { return store->view(inbox)->now().count(); }

    test::FakeScanner scanner;
    std::unique_ptr<delivery::Delivery> delivery;
    std::unique_ptr<lmtp::Context> context;
    store::MailboxId inbox;
    int sessions = 0;
};

// How many mails were said to be delivered. All recipients are alice, who has each once, whatever names it came to.
std::uint32_t checkReplies(std::string_view heard)
{
    if (!heard.starts_with("220 "))
        wrong("no greeting");
    std::uint32_t delivered = 0;
    bool is_first = false;
    while (!heard.empty()) {
        const std::size_t end = heard.find("\r\n");
        if (end == std::string_view::npos)
            wrong("a reply has no line end", heard);
        const std::string_view line = heard.substr(0, end);
        heard.remove_prefix(end + 2);
        const bool numbered = line.size() > 4 && line[0] >= '2' && line[0] <= '5' && base::isDigit(line[1]) && base::isDigit(line[2]);
        if (!numbered || (line[3] != ' ' && line[3] != '-') || line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
            wrong("a line is no reply", line);
        if (line == "220 2.0.0 begin TLS now") // an alert follows: nobody shakes hands here
            break;
        if (line.starts_with("354 "))
            is_first = true;
        else if (is_first && line.starts_with("250 2.0.0 <") && line.ends_with("> delivered")) {
            ++delivered;
            is_first = false;
        }
    }
    return delivered;
}

net::Task<> live(lmtp::Session& session) { co_await session.run(); }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static Door world;
    const std::string_view said(reinterpret_cast<const char*>(data), std::min(size, kLongest));
    world.begin();
    const std::uint32_t before = world.count();

    const auto strand = std::make_shared<fuzz::ClientsEnd>(world.scheduler, "lmtp", said);
    {
        lmtp::Session session(*strand, strand->serversEnd(), *world.context);
        strand->attend(live(session));
    }

    if (checkReplies(strand->heard) != world.count() - before)
        wrong("what was said to be delivered and what is there differ", strand->heard);
    return 0;
}
