// Logins: connect (with --tls a full handshake each), LOGIN, LOGOUT, --count times in all by --clients (1) at once.
#include "tests/bench/load/modes.h"

#include <memory>

namespace postfach::load {
namespace {

class Logins {
public:
    Logins(Loop& loop, const Options& options)
        : loop_(loop), accounts_(accounts(options)), left_(static_cast<std::size_t>(options.number("count", 100))), running_(0)
    {
        for (long at = 0; at < options.number("clients", 1); ++at)
            clients_.push_back(std::make_unique<Client>(loop, endpoint(options)));
        for (std::size_t at = 0; at < clients_.size(); ++at)
            clients_[at]->on_end = [this, at](const std::string& why) { ended(at, why); };
        opened_.resize(clients_.size());
        answered_.resize(clients_.size());
    }

    void run()
    {
        const std::size_t count = left_;
        const Clock::time_point began = Clock::now();
        for (std::size_t at = 0; at < clients_.size() && left_ > 0; ++at)
            start(at);
        loop_.until([this] { return running_ == 0 && left_ == 0; }, std::chrono::seconds(600));
        Figures().rate("rate", static_cast<double>(count), Clock::now() - began).times("login", times_).print();
    }

private:
    void start(std::size_t at)
    {
        const Account& account = accounts_[left_-- % accounts_.size()];
        ++running_;
        Client& client = *clients_[at];
        opened_[at] = Clock::now();
        answered_[at] = false;
        client.again();
        imapLogin(client, account, [this, at, &client] {
            times_.add(Clock::now() - opened_[at]);
            answered_[at] = true;
            client.send("t LOGOUT\r\n"); // what comes now ends with the connection
        });
    }

    void ended(std::size_t at, const std::string& why)
    {
        if (!answered_[at])
            throw Failed("the connection ended before the login was answered: " + why);
        --running_;
        if (left_ > 0)
            loop_.post([this, at] {
                if (left_ > 0)
                    start(at);
            });
    }

    Loop& loop_;
    const std::vector<Account> accounts_;
    std::size_t left_, running_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<Clock::time_point> opened_;
    std::vector<bool> answered_;
    Samples times_;
};

} // namespace

void login(Loop& loop, const Options& options)
{
    Logins(loop, options).run();
}

} // namespace postfach::load
