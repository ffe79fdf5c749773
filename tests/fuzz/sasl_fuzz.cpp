// A SASL exchange as a stranger leads it, against a real store with one account. The first line names the mechanism, each further
// one is a line of the client: as it is, or, after ':', a message to be put in base64 with the server's nonce for every '%'.
// Nobody enters but by the account's password, no answer breaks the line it stands in, and every exchange ends.
#include "server/auth/auth.h"
#include "server/auth/sasl.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/net/sessions.h"
#include "server/store/store.h"
#include "tests/fuzz/hasty_strand.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

using namespace postfach;

namespace {

constexpr auto kAlice = "alice@example.org";

struct World {
    World()
    {
        base::configureLog(2, base::LogFormat::text, base::LogLevel::error);
        std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-sasl-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            std::abort();
        folder = pattern;
        store = store::openSqliteStore({folder, '/', false}, clock);
        store->writeAndWait([](store::WriteTx& tx) {
            tx.createDomain("example.org");
            store::NewAccount alice;
            alice.address = kAlice;
            alice.credentials = auth::Authenticator::makeCredentials("secret");
            tx.createAccount(alice);
        });
        auth = std::make_unique<auth::Authenticator>(*store, clock, auth::PlaintextPolicy::always, [this] { return steady += std::chrono::seconds(1); });
    }
    ~World()
    {
        scheduler.stop();
        auth.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }
    std::string folder;
    base::FakeClock clock;
    net::SteadyTime steady{std::chrono::hours(1000)}; // the guard's: most of what it refuses costs no hash
    net::Scheduler scheduler{1, 1};
    std::unique_ptr<store::Store> store;
    std::unique_ptr<auth::Authenticator> auth;
};

[[noreturn]] void wrong(const char* what)
{
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

std::string replaced(std::string_view line, const std::string& nonce)
{
    if (!line.starts_with(':'))
        return std::string(line);
    std::string message;
    for (const char c : line.substr(1))
        message += c == '%' ? nonce : c == '|' ? std::string(1, '\0') : std::string(1, c);
    return base::base64(message);
}

net::Task<> lead(net::Strand& strand, auth::SaslExchange& exchange, const std::vector<std::string_view>& lines, std::string mechanism)
{
    std::string nonce;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        std::optional<std::string> line(replaced(lines[i], nonce));
        if (i == 1 && lines[i] == "-")
            line.reset();
        auth::SaslTurn turn = co_await exchange.step(strand, std::move(line));
        if (turn.kind == auth::SaslTurn::Kind::done && turn.login.result == auth::Login::Result::ok
            && (turn.login.account.address != kAlice || mechanism.starts_with("SCRAM")))
            wrong("somebody is in without the password");
        if (turn.kind != auth::SaslTurn::Kind::challenge)
            co_return;
        const auto challenge = base::unbase64(turn.challenge);
        if (!challenge || turn.challenge.find_first_of("\r\n") != std::string::npos)
            wrong("a challenge is no base64");
        if (challenge->starts_with("r="))
            nonce = challenge->substr(2, challenge->find(',') - 2);
        if (i > 4)
            wrong("an exchange does not end");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static World world;
    const std::string input(reinterpret_cast<const char*>(data), size);
    const auto lines = base::split(input, '\n');
    const std::string mechanism = base::upper(lines[0]);
    auth::SaslPeer peer("imap", "192.0.2.9", true, std::string(32, 'x'));
    const auto exchange = auth::SaslExchange::begin(*world.auth, mechanism, std::move(peer));
    if (!exchange)
        return 0;
    const auto strand = std::make_shared<fuzz::HastyStrand>(world.scheduler, "imap");
    const auto task = lead(*strand, *exchange, lines, mechanism);
    task.handle().resume();
    if (!task.handle().done())
        wrong("an exchange waits for nobody");
    task.handle().promise().take();
    return 0;
}
