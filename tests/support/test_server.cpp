#include "tests/support/test_server.h"
#include "server/auth/auth.h"
#include "server/base/metrics.h"
#include "server/mail/summary.h"
#include "server/store/store.h"
#include "tests/support/paths.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>

namespace postfach::test {
namespace {
// Hashing costs 20 ms and more under sanitizers; the same password need not be hashed for every test of a program.
const store::Credentials& credentialsFor(const std::string& password)
{
    static std::map<std::string, store::Credentials> known;
    const auto found = known.find(password);
    return found != known.end() ? found->second : known.emplace(password, auth::Authenticator::makeCredentials(password)).first->second;
}
} // namespace

TemporaryFolder::TemporaryFolder()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "postfach-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("no temporary folder");
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TestServer::TestServer(Settings settings) : settings_(std::move(settings))
{
    start();
    if (settings_.accounts && !settings_.demo)
        for (const auto* address : {"alice@example.org", "bob@example.org"})
            addAccount(address);
}

TestServer::~TestServer() = default;

base::Config TestServer::config() const
{
    base::Config config;
    for (const auto* service : {"imap", "imaps", "pop3", "pop3s", "lmtp", "admin"})
        config.set(std::string(service) + ".port", "0");
    config.set("listen.address", "127.0.0.1");
    config.set("server.name", "mail.example.org");
    config.set("auth.plaintext", "always");
    config.set("scanner.signatures", folder_.path() + "/signatures");
    config.set("scanner.program", postfach::test::buildFolder() + "/postfach-scanner");
    config.set("scanner.workers", "1");
    for (const auto& [key, value] : settings_.config)
        config.set(key, value);
    return config;
}

void TestServer::configure(const std::string& key, const std::string& value) { settings_.config.emplace_back(key, value); }
void TestServer::reload() { appliance_->reload(); }

void TestServer::start()
{
    appliance::Options options;
    options.config = config();
    options.reread = [this] { return config(); };
    options.look_every = std::chrono::milliseconds(20);
    options.data = folder_.path() + "/data";
    options.demo = settings_.demo;
    options.lmtp_idle = settings_.lmtp_idle;
    options.login_timeout = settings_.login_timeout;
    options.imap_progress = settings_.imap_progress;
    options.rescan_look = settings_.rescan_look;
    options.imap_messages_at_once = settings_.imap_messages_at_once;
    options.clock = &clock_;
    options.wrap_store = settings_.wrap_store;
    options.say = [this](const std::string& line) { said_.push_back(line); };
    if (!settings_.real_scanner)
        options.start_scanner = [this](const scanner::Options&) {
            auto fake = std::make_unique<FakeScanner>();
            scanner_ = fake.get();
            return fake;
        };
    appliance_ = std::make_unique<appliance::Appliance>(std::move(options));
    appliance_->start();
}

void TestServer::restart()
{
    appliance_.reset();
    start();
}

void TestServer::addAccount(const std::string& address, const std::string& password, std::uint64_t quota)
{
    store::NewAccount account;
    account.address = address;
    account.name = address.substr(0, address.find('@'));
    account.quota = quota;
    account.credentials = credentialsFor(password);
    store().writeAndWait([&account](store::WriteTx& tx) { tx.createAccount(account); });
}

ImapClient TestServer::imap(const std::string& user)
{
    auto client = connect<ImapClient>("imap");
    client.line();
    const auto answer = client.talk("LOGIN " + user + " secret").back();
    if (answer.rfind("OK", 0) != 0)
        throw std::runtime_error("LOGIN: " + answer);
    return client;
}

Pop3Client TestServer::pop3(const std::string& user)
{
    auto client = connect<Pop3Client>("pop3");
    client.line();
    client.talk("USER " + user);
    const auto answer = client.talk("PASS secret");
    if (answer.rfind("+OK", 0) != 0)
        throw std::runtime_error("PASS: " + answer);
    return client;
}

LmtpClient TestServer::lmtp()
{
    auto client = connect<LmtpClient>("lmtp");
    client.line();
    return client;
}

std::string sampleMessage(int number, const std::string& text)
{
    return "From: Bob <bob@example.org>\r\nTo: alice@example.org\r\nSubject: message " + std::to_string(number)
         + "\r\nDate: Sun, 1 Mar 2026 09:30:00 +0000\r\nMessage-ID: <" + std::to_string(number) + "@example.org>\r\n\r\n" + text;
}

void TestServer::fill(int count, const std::string& mailbox)
{
    std::vector<std::unique_ptr<store::PreparedBody>> bodies;
    std::vector<std::string> summaries;
    for (int n = 1; n <= count; ++n) {
        const auto message = sampleMessage(n);
        bodies.push_back(store().prepareBody(message));
        summaries.push_back(mail::serialize(mail::summarize(message)));
    }
    store().writeAndWait([&](store::WriteTx& tx) {
        const auto account = tx.findAccount("alice@example.org");
        const auto target = tx.findMailbox(account->id, mailbox);
        for (std::size_t i = 0; i < bodies.size(); ++i) {
            store::NewMessage fresh;
            fresh.body = tx.addBody(*bodies[i], summaries[i]);
            fresh.internal_date = clock_.now();
            tx.append(target->id, fresh);
        }
    });
}

std::uint64_t metric(const std::string& name)
{
    const std::string text = base::prometheusText();
    const auto at = text.find("\n" + name + " ");
    if (at == std::string::npos)
        throw std::runtime_error("no metric " + name);
    return std::stoull(text.substr(at + name.size() + 2));
}

} // namespace postfach::test
