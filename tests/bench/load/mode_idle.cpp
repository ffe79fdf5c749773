// IMAP sessions in IDLE: --count of them, the first --watchers (1) on the first account, the others spread over the rest.
// On standard input: "deliver N" sends N mails by LMTP (--lmtp PORT) to the first account, one after the other, and says how
// long it took from the mail's last byte on its way to EXISTS at a watcher and at the last one; "each" sends one mail to all
// accounts and waits until every session heard of it.
#include "tests/bench/load/crowd.h"
#include "tests/bench/load/mail.h"
#include "tests/bench/load/modes.h"

#include <algorithm>
#include <ctime>

namespace postfach::load {
namespace {

class Idlers {
public:
    Idlers(Loop& loop, const Options& options)
        : loop_(loop), accounts_(accounts(options)), watchers_(static_cast<std::size_t>(options.number("watchers", 1))),
          crowd_(loop, options, endpoint(options), [this](Client& client, std::size_t at, std::function<void()> begun) { begin(client, at, std::move(begun)); }),
          number_(static_cast<unsigned long>(std::time(nullptr)) * 100000)
    {
        if (options.is("lmtp")) {
            Endpoint to;
            to.port = static_cast<std::uint16_t>(options.number("lmtp", 0));
            sender_ = std::make_unique<Client>(loop, to);
        }
    }

    void run()
    {
        const Clock::time_point began = Clock::now();
        crowd_.gather();
        if (sender_) {
            bool greeted = false;
            lmtpHello(*sender_, [&greeted] { greeted = true; });
            sender_->open();
            loop_.until([&greeted] { return greeted; }, std::chrono::seconds(30));
        }
        Figures().set("ready", static_cast<double>(crowd_.size())).rate("sessions_per_s", static_cast<double>(crowd_.size()), Clock::now() - began).print();
        for (std::string line = loop_.command(); !line.empty() && line != "quit"; line = loop_.command()) {
            if (line.rfind("deliver ", 0) == 0)
                deliver(std::stoul(line.substr(8)));
            else if (line == "each")
                each();
            else
                throw Failed("not understood: " + line);
        }
    }

private:
    std::size_t accountOf(std::size_t session) const
    {
        if (session < watchers_ || accounts_.size() == 1)
            return 0;
        return 1 + (session - watchers_) % (accounts_.size() - 1);
    }

    void begin(Client& client, std::size_t at, std::function<void()> begun)
    {
        imapLogin(client, accounts_[accountOf(at)], [this, &client, begun = std::move(begun)] {
            client.ask("t SELECT INBOX\r\n", Answer::tagged(), [this, &client, begun] {
                client.ask("t IDLE\r\n", Answer::goAhead(), [this, &client, begun] {
                    hear(client);
                    begun();
                });
            });
        });
    }

    void hear(Client& client)
    {
        client.await(Answer::exists(), [this, &client] {
            ++heard_;
            told_.add(Clock::now() - sent_);
            hear(client);
        });
    }

    // One mail; waits for `wanted` sessions. Returns how long the last of them waited.
    Clock::duration send(const std::vector<std::string>& recipients, std::size_t wanted)
    {
        bool answered = false;
        heard_ = 0;
        lmtpDeliver(*sender_, recipients, stuffed(mail(number_++, 5120)), [this] { sent_ = Clock::now(); },
                    [this, &answered] { answered = true; answer_.add(Clock::now() - sent_); });
        loop_.until([this, &answered, wanted] { return answered && heard_ >= wanted; }, std::chrono::seconds(60));
        return Clock::now() - sent_;
    }

    void deliver(std::size_t count)
    {
        if (!sender_)
            throw Failed("--lmtp is missing");
        told_ = Samples();
        answer_ = Samples();
        Samples last;
        const std::size_t wanted = std::min(watchers_, crowd_.size());
        for (std::size_t at = 0; at < count; ++at)
            last.add(send({accounts_.front().address}, wanted));
        Figures().times("exists", told_).times("last", last).times("answer", answer_).print();
    }

    void each()
    {
        if (!sender_)
            throw Failed("--lmtp is missing");
        std::vector<std::string> recipients;
        for (const Account& account : accounts_)
            recipients.push_back(account.address);
        told_ = Samples();
        answer_ = Samples();
        Samples last;
        last.add(send(recipients, crowd_.size()));
        Figures().times("exists", told_).times("last", last).times("answer", answer_).print();
    }

    Loop& loop_;
    const std::vector<Account> accounts_;
    const std::size_t watchers_;
    Crowd crowd_;
    std::unique_ptr<Client> sender_;
    unsigned long number_;
    std::size_t heard_ = 0;
    Clock::time_point sent_{};
    Samples told_, answer_;
};

} // namespace

void idle(Loop& loop, const Options& options)
{
    Idlers(loop, options).run();
}

} // namespace postfach::load
