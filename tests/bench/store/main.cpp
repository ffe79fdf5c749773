// bench_store: mails into the store alone, with full durability: no protocol, no MIME, no scanner. Each writer has an account of its own
// and waits for its commit, as a delivery does; one line of JSON at the end.
//
//   bench_store --folder DIR --writers N --mails N
#include "server/base/clock.h"
#include "server/mail/summary.h"
#include "server/store/store.h"
#include "tests/bench/load/mail.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {
using namespace postfach;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kSize = 5 * 1024;

struct Mail {
    std::string text, summary;
};

std::vector<Mail> mails(std::size_t count)
{
    std::vector<Mail> made;
    made.reserve(count);
    for (std::size_t number = 0; number < count; ++number) {
        std::string text = load::mail(number, kSize);
        std::string summary = mail::serialize(mail::summarize(text));
        made.push_back({std::move(text), std::move(summary)});
    }
    return made;
}

void put(store::Store& store, store::MailboxId mailbox, const Mail& mail, base::Time now)
{
    const auto body = store.prepareBody(mail.text);
    store.writeAndWait([&](store::WriteTx& tx) {
        store::NewMessage message;
        message.body = tx.addBody(*body, mail.summary);
        message.internal_date = now;
        tx.append(mailbox, message);
    });
}

double rate(const std::string& folder, std::size_t writers, std::size_t count)
{
    const base::SystemClock clock;
    const auto store = store::openSqliteStore({folder, '/', false}, clock);
    std::vector<store::MailboxId> inboxes;
    store->writeAndWait([&](store::WriteTx& tx) {
        for (std::size_t number = 0; number < writers; ++number)
            inboxes.push_back(tx.findMailbox(tx.createAccount({"writer" + std::to_string(number) + "@office.test", "", {}, 0}), "INBOX")->id);
    });
    const std::vector<Mail> all = mails(count);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    const auto begun = SteadyClock::now();
    std::vector<std::thread> threads;
    for (std::size_t number = 0; number < writers; ++number)
        threads.emplace_back([&, number] {
            try {
                for (std::size_t at = next++; at < all.size(); at = next++)
                    put(*store, inboxes[number], all[at], clock.now());
            } catch (const std::exception&) {
                failed = true;
            }
        });
    for (auto& thread : threads)
        thread.join();
    if (failed)
        throw std::runtime_error("the store did not take a mail");
    return static_cast<double>(count) / std::chrono::duration<double>(SteadyClock::now() - begun).count();
}
} // namespace

int main(int count, char** words)
{
    try {
        std::map<std::string, std::string> given;
        for (int i = 1; i + 1 < count; i += 2)
            given[words[i]] = words[i + 1];
        std::printf("{\"rate\": %.1f}\n", rate(given.at("--folder"), std::stoul(given.at("--writers")), std::stoul(given.at("--mails"))));
    } catch (const std::exception& error) {
        std::printf("{\"error\": \"%s\"}\n", error.what());
        return 1;
    }
    return 0;
}
