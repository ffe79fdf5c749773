#include "scanner/client.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

using namespace postfach::scanner;

TEST_CASE("the test file is found and clean mail is clean without any signatures", "[scanner]")
{
    char folder[] = "/tmp/postfach-scan-XXXXXX";
    REQUIRE(mkdtemp(folder));
    Options o;
    o.program = POSTFACH_BINARY_DIR "/postfach-scanner";
    o.run_folder = folder;
    o.signatures = std::string(folder) + "/none";
    auto client = startClient(o);
    auto ask = [&](std::string mail) {
        std::promise<Verdict> p;
        client->scan(Content{{std::move(mail)}}, [&](Verdict v) { p.set_value(v); });
        return p.get_future().get();
    };
    auto v = ask("From: a\r\n\r\n" + std::string("X5O!P%@AP[4\\PZX54(P^)7CC)7}") + "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    CHECK(v.kind == Verdict::Kind::infected);
    v = ask("From: a\r\n\r\nhello\r\n");
    CHECK(v.kind == Verdict::Kind::clean);
    auto s = client->status();
    CHECK(s.ready);
}
