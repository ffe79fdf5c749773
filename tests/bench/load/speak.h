#pragma once
// How a session begins, in each protocol; then() when it has.
#include "tests/bench/load/client.h"
#include "tests/bench/load/options.h"

#include <functional>
#include <string>

namespace postfach::load {

struct Account {
    std::string address, password;
};

Endpoint endpoint(const Options& options);                     // --port, --tls
std::vector<Account> accounts(const Options& options);         // --user A,B… and --password, one for all or one for each

void imapLogin(Client& client, const Account& account, std::function<void()> then);
void pop3Login(Client& client, const Account& account, std::function<void()> then);
void lmtpHello(Client& client, std::function<void()> then);
// One transaction with one or more recipients; then() when the last of them has its answer. about(): the data goes out now.
void lmtpDeliver(Client& client, const std::vector<std::string>& recipients, std::string stuffed, std::function<void()> about,
                 std::function<void()> then);

} // namespace postfach::load
