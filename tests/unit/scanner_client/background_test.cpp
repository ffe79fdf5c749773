// Scans that nobody waits for, and what is told of the inside of a content.
#include "tests/unit/scanner_client/support.h"

#include "scanner/wire.h"
#include "server/base/hash.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <mutex>

using namespace postfach;
using namespace postfach::scanner;
using namespace postfach::scanner::test;
using namespace std::chrono_literals;

namespace {

Content inBackground(const std::string& mail)
{
    Content content;
    content.pieces.push_back(mail);
    content.background = true;
    return content;
}

std::future<Verdict> begin(Scanning& scanning, Content content)
{
    const auto promise = std::make_shared<std::promise<Verdict>>();
    scanning.client().scan(std::move(content), [promise](Verdict verdict) { promise->set_value(std::move(verdict)); });
    return promise->get_future();
}

// The layers of a verdict that have this size: the first bytes of their SHA-256.
std::vector<std::uint64_t> inside(const Verdict& verdict, std::size_t size)
{
    std::vector<std::uint64_t> found;
    for (std::size_t at = 0; at + wire::kLayer <= verdict.inner.size(); at += wire::kLayer) {
        std::uint32_t of_layer = 0;
        std::memcpy(&of_layer, verdict.inner.data() + at, sizeof of_layer);
        if (of_layer == size) {
            std::memcpy(&found.emplace_back(), verdict.inner.data() + at + 20, 8);
        }
    }
    return found;
}

std::uint64_t firstOf(const std::string& bytes)
{
    const auto digest = base::sha256(bytes);
    std::uint64_t first = 0;
    std::memcpy(&first, digest.data(), sizeof first);
    return first;
}

} // namespace

TEST_CASE("a scan in the background has its turn when nobody else waits", "[scanner][background]")
{
    Scanning scanning([](Options& options) { options.workers = 1; });
    REQUIRE(scanning.untilReady());
    const int worker = scanning.workers().front();
    ::kill(worker, SIGSTOP); // so that all of them come before the first is done
    std::mutex mutex;
    std::string order;
    std::vector<std::future<void>> all;
    const auto start = [&](char name, bool background) {
        const auto done = std::make_shared<std::promise<void>>();
        all.push_back(done->get_future());
        Content content = inBackground(plain(std::string("Good morning, ") + name));
        content.background = background;
        scanning.client().scan(std::move(content), [&, name, done](const Verdict&) {
            {
                const std::lock_guard lock(mutex);
                order += name;
            }
            done->set_value();
        });
    };
    for (const char name : {'a', 'b', 'c'})
        start(name, true);
    start('X', false);
    start('Y', false);
    ::kill(worker, SIGCONT);
    for (auto& one : all)
        one.get();
    CHECK(order.find('X') < order.find('b')); // at most the one that was in the worker's hands was earlier
    CHECK(order.find('X') < order.find('Y'));
    CHECK(order.find('Y') < order.find('b'));
    CHECK(order.find('b') < order.find('c'));
}

TEST_CASE("a scan in the background gives way to one that has waited, and has its verdict later", "[scanner][background]")
{
    Scanning scanning([](Options& options) {
        options.workers = 1;
        options.deadline = 40s;
    });
    REQUIRE(scanning.untilReady());
    ::kill(scanning.workers().front(), SIGSTOP);
    auto slow = begin(scanning, inBackground(plain("Nobody waits.")));
    CHECK(slow.wait_for(300ms) == std::future_status::timeout); // it is in the worker's hands
    auto verdict = scanning.start({plain("Somebody waits.")});
    REQUIRE(verdict.wait_for(20s) == std::future_status::ready);
    CHECK(verdict.get().kind == Kind::clean);
    REQUIRE(slow.wait_for(20s) == std::future_status::ready);
    CHECK(slow.get().kind == Kind::clean);
}

TEST_CASE("the inside of a content is told by sizes and hashes, or not at all when it is too much", "[scanner][layers]")
{
    Scanning scanning;
    const std::string program = "The content of an attachment, as it is.";
    const auto verdict = scanning.scan(attach("a.bin", program));
    CHECK(verdict.kind == Kind::clean);
    CHECK(inside(verdict, program.size()) == std::vector<std::uint64_t>{firstOf(program)});
    const auto zipped = scanning.scan(attach("a.zip", zip("inner.bin", program)));
    CHECK(inside(zipped, program.size()) == std::vector<std::uint64_t>{firstOf(program)});

    std::string many = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 400; ++i)
        many += "--b\r\nContent-Type: application/octet-stream\r\n\r\npart number " + std::to_string(i) + "\r\n";
    CHECK(scanning.scan(many + "--b--\r\n").inner.empty());
}
