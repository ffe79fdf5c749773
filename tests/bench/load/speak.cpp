#include "tests/bench/load/speak.h"

namespace postfach::load {

Endpoint endpoint(const Options& options)
{
    Endpoint found;
    found.port = static_cast<std::uint16_t>(options.number("port", 0));
    if (found.port == 0)
        throw Failed("--port is missing");
    found.tls = options.is("tls");
    return found;
}

std::vector<Account> accounts(const Options& options)
{
    const std::vector<std::string> addresses = options.list("user"), passwords = options.list("password");
    if (passwords.size() != 1 && passwords.size() != addresses.size())
        throw Failed("--password: one for all, or one for each --user");
    std::vector<Account> found;
    for (std::size_t at = 0; at < addresses.size(); ++at)
        found.push_back({addresses[at], passwords[passwords.size() == 1 ? 0 : at]});
    return found;
}

void imapLogin(Client& client, const Account& account, std::function<void()> then)
{
    client.await(Answer::greeting(), [&client, account, then = std::move(then)] {
        client.ask("t LOGIN \"" + account.address + "\" \"" + account.password + "\"\r\n", Answer::tagged(), then);
    });
}

void pop3Login(Client& client, const Account& account, std::function<void()> then)
{
    client.await(Answer::told(), [&client, account, then = std::move(then)] {
        client.ask("USER " + account.address + "\r\n", Answer::told(), [&client, account, then] {
            client.ask("PASS " + account.password + "\r\n", Answer::told(), then);
        });
    });
}

void lmtpHello(Client& client, std::function<void()> then)
{
    client.await(Answer::told(), [&client, then = std::move(then)] {
        client.ask("LHLO bench.test\r\n", Answer::hello(), then);
    });
}

void lmtpDeliver(Client& client, const std::vector<std::string>& recipients, std::string stuffed, std::function<void()> about,
                 std::function<void()> then)
{
    std::string envelope = "MAIL FROM:<sender@elsewhere.test>\r\n";
    for (const std::string& recipient : recipients)
        envelope += "RCPT TO:<" + recipient + ">\r\n";
    envelope += "DATA\r\n";
    const unsigned count = static_cast<unsigned>(recipients.size());
    client.ask(envelope, Answer::told(count + 2),
               [&client, count, stuffed = std::move(stuffed), about = std::move(about), then = std::move(then)] {
                   if (about)
                       about();
                   client.ask(stuffed, Answer::told(count), then);
               });
}

} // namespace postfach::load
