// The command line against a running server, in this process: what it prints, what it changes, how it exits.
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace postfach::test;
namespace fs = std::filesystem;

namespace {
std::string login(TestServer& server, const std::string& user, const std::string& password)
{
    auto imap = server.connect<ImapClient>("imap");
    imap.line();
    return imap.talk("LOGIN " + user + " \"" + password + "\"").back().substr(0, 2);
}
} // namespace

TEST_CASE("A command line that cannot be meant exits 2 and says what can", "[admin][cli]")
{
    for (const auto& words : std::vector<std::vector<std::string>>{{}, {"frobnicate"}, {"domain"}, {"domain", "frobnicate"}, {"domain", "add"},
                                                                   {"domain", "add", "a", "b"}, {"domain", "list", "--frobnicate"}, {"account", "add", "a@b", "--quota"},
                                                                   {"account", "add", "a@b", "--quota", "much", "--data", "/nowhere"}, {"domain", "list", "--quota", "5"},
                                                                   {"domain", "list", "--json=yes"}, {"import", "x.mbox", "--data", "/nowhere"}, {"token", "create", "x", "--data", "/x"}}) {
        std::string line;
        for (const auto& word : words)
            line += word + " ";
        INFO(line);
        const auto run = command(words);
        CHECK(run.status == 2);
        CHECK(run.out.empty());
        CHECK_FALSE(run.err.empty());
    }
    CHECK(command({"domain", "frobnicate"}).err.find("add, list, remove") != std::string::npos);
    CHECK(command({"domain", "list"}).err.find("--data") != std::string::npos);
}

TEST_CASE("--help teaches, for everything, with exit status 0", "[admin][cli]")
{
    CHECK(command({"--help"}).out.find("account add ADDRESS") != std::string::npos);
    CHECK(command({"--version"}).out == "postfach " POSTFACH_VERSION "\n");
    CHECK(command({"account", "list", "--version"}).status == 2);
    CHECK(command({"help"}).status == 0);
    CHECK(command({"account", "--help"}).out.find("account disable") != std::string::npos);
    const auto run = command({"account", "add", "-h"});
    CHECK(run.status == 0);
    CHECK(run.out.find("--password-stdin") != std::string::npos);
    CHECK(run.out.find("Example") != std::string::npos);
}

TEST_CASE("Where no server runs the exit status is 3", "[admin][cli]")
{
    TemporaryFolder folder;
    for (const auto& words : std::vector<std::vector<std::string>>{{"domain", "list"}, {"healthcheck"}, {"backup", "create", folder.path() + "/b"}, {"scan", "status"}}) {
        auto all = words;
        all.insert(all.end(), {"--data", folder.path()});
        CHECK(command(all).status == 3);
    }
}

TEST_CASE("The word that tells serve from the rest is found behind options", "[admin][cli]")
{
    const auto word = [](std::vector<std::string> words) {
        std::vector<char*> argv;
        for (auto& w : words)
            argv.push_back(w.data());
        return postfach::admin::commandWord(static_cast<int>(argv.size()), argv.data()).value_or("none");
    };
    CHECK(word({"postfach"}) == "none");
    CHECK(word({"postfach", "serve"}) == "serve");
    CHECK(word({"postfach", "--data", "serve", "-D", "a=b", "--demo", "serve"}) == "serve");
    CHECK(word({"postfach", "--data=x", "--json", "domain", "serve"}) == "domain");
    CHECK(word({"postfach", "--help"}) == "none");
}

TEST_CASE("An account lives and ends on the command line", "[admin][cli][accounts]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    const auto run = [&](std::vector<std::string> words, const std::string& input = {}) {
        words.insert(words.end(), {"--data", data});
        return command(std::move(words), input);
    };
    struct stat info {};
    REQUIRE(::stat((data + "/run/admin.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    CHECK(run({"account", "show", "carol@new.example"}).status == 1);
    CHECK(run({"account", "add", "not an address"}).status == 1);
    CHECK(run({"account", "add", "carol@new.example", "--password-stdin"}, "").status == 2);

    // Options may stand before the words; the domain is made with the account.
    auto added = command({"--data", data, "--json", "account", "add", "--quota=1MiB", "carol@new.example"});
    REQUIRE(added.status == 0);
    CHECK(added.object()->getValue<int>("quota") == 1048576);
    CHECK(login(server, "carol@new.example", added.object()->getValue<std::string>("password")) == "OK");
    added = run({"account", "add", "carol@new.example"});
    CHECK(added.status == 1);
    CHECK(added.err.find("exists already") != std::string::npos);

    CHECK(run({"account", "password", "carol@new.example", "--password-stdin"}, "new secret\r\nsecond line\n").status == 0);
    CHECK(login(server, "carol@new.example", "new secret") == "OK");
    const auto made_up = run({"account", "password", "carol@new.example"});
    const auto at = made_up.out.find("password: ");
    REQUIRE(at != std::string::npos);
    CHECK(login(server, "carol@new.example", made_up.out.substr(at + 10, made_up.out.find('\n', at) - at - 10)) == "OK");

    CHECK(run({"account", "disable", "carol@new.example"}).status == 0);
    CHECK(run({"account", "show", "carol@new.example", "--json"}).object()->getValue<bool>("enabled") == false);
    CHECK(run({"account", "enable", "carol@new.example"}).status == 0);
    CHECK(run({"account", "change", "carol@new.example"}).status == 2);
    CHECK(run({"account", "change", "carol@new.example", "--name", "Carol", "--services", "imap"}).status == 0);
    const auto table = run({"account", "list"});
    CHECK(table.out.find("ADDRESS") == 0);
    CHECK(table.out.find("carol@new.example") != std::string::npos);
    CHECK(run({"account", "list", "--json"}).list()->size() == 3);
    CHECK(run({"domain", "list", "--json"}).list()->size() == 2);
    CHECK(run({"domain", "remove", "new.example"}).status == 1);
    CHECK(run({"account", "remove", "carol@new.example"}).status == 0);
    CHECK(run({"domain", "remove", "new.example"}).status == 0);
    CHECK(run({"domain", "add", "localhost"}).status == 0);
    CHECK(run({"domain", "add", "localhost"}).status == 1);

    CHECK(run({"alias", "add", "info@example.org", "alice@example.org", "bob@example.org"}).status == 0);
    CHECK(run({"alias", "list", "--json"}).list()->size() == 1);
    CHECK(run({"alias", "remove", "info@example.org"}).status == 0);
    CHECK(run({"alias", "list", "--json"}).out == "[]\n");
}

TEST_CASE("A token made on the command line opens the HTTP API", "[admin][cli][tokens]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    auto made = command({"token", "create", "monitoring", "--scope", "read,scan", "--data", data});
    REQUIRE(made.status == 0);
    made.out.pop_back();
    CHECK(Http(server, made.out).get("/api/v1/accounts").status == 200);
    CHECK(Http(server, made.out).get("/api/v1/tokens").status == 403);
    CHECK(command({"token", "create", "x", "--scope", "root", "--data", data}).status == 1);
    CHECK(command({"token", "list", "--json", "--data", data}).list()->size() == 2);
    CHECK(command({"token", "remove", "monitoring", "--data", data}).status == 0);
    CHECK(Http(server, made.out).get("/api/v1/accounts").status == 401);
}

TEST_CASE("What is exported and imported again is the same mail", "[admin][cli][import][export]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    TemporaryFolder folder;
    server.fill(3);
    auto imap = server.imap();
    imap.select();
    imap.talk("STORE 2 +FLAGS (\\Seen \\Flagged $Label1)");
    imap.talk("CREATE Work/2026");
    imap.append("Work/2026", "Subject: odd\r\n\r\nbare\nline and \xFF bytes");
    const auto target = folder.path() + "/out";
    CHECK(command({"export", "--account", "nobody@example.org", target, "--data", data}).status == 1);
    const auto exported = command({"export", "--account", "alice@example.org", target, "--data", data, "--json"});
    REQUIRE(exported.status == 0);
    CHECK(exported.object()->getValue<int>("exported") == 4);
    CHECK(command({"export", "--account", "alice@example.org", target, "--data", data}).status == 1); // not into what is there

    CHECK(command({"import", "--account", "bob@example.org", folder.path() + "/nothing", "--data", data}).status == 1);
    const auto imported = command({"import", "--account", "bob@example.org", target, "--data", data, "--json"});
    REQUIRE(imported.status == 0);
    CHECK(imported.object()->getValue<int>("imported") == 4);
    auto bob = server.imap("bob@example.org");
    bob.select();
    CHECK(bob.talk("FETCH 2 BODY.PEEK[]") == imap.talk("FETCH 2 BODY.PEEK[]"));
    CHECK(bob.talk("SEARCH SEEN FLAGGED KEYWORD $Label1").front() == "* SEARCH 2");
    CHECK(bob.talk("FETCH 3 INTERNALDATE") == imap.talk("FETCH 3 INTERNALDATE"));
    bob.select("Work/2026");
    CHECK(bob.talk("FETCH 1 RFC822.SIZE").front() != "");
    CHECK(bob.talk("STATUS Work/2026 (MESSAGES)").front() == "* STATUS Work/2026 (MESSAGES 1)");
}

TEST_CASE("A mailbox whose name no file may have is exported and imported under its name", "[admin][cli][import][export]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    TemporaryFolder folder;
    const std::vector<std::string> names = {"Back\\slash", "50%5C", "cur", "Work/.hidden", "a b\\\\c"};
    for (const auto& name : names) {
        server.store().writeAndWait([&](auto& tx) { tx.createMailbox(tx.findAccount("alice@example.org")->id, name); });
        server.fill(2, name);
    }
    const auto target = folder.path() + "/out";
    CHECK(command({"export", "--account", "alice@example.org", target, "--data", data, "--json"}).object()->getValue<int>("exported") == 10);
    const auto one = folder.path() + "/one";
    const auto only = command({"export", "--account", "alice@example.org", "--mailbox", names[0], one, "--data", data, "--json"});
    CHECK(only.object()->getValue<int>("exported") == 2);
    CHECK(command({"import", "--account", "bob@example.org", target, "--data", data, "--json"}).object()->getValue<int>("imported") == 10);
    const auto tx = server.store().read();
    const auto bob = tx->findAccount("bob@example.org")->id;
    for (const auto& name : names) {
        INFO(name);
        const auto mailbox = tx->findMailbox(bob, name);
        REQUIRE(mailbox);
        CHECK(mailbox->exists == 2);
    }
}

TEST_CASE("An mbox with an infected message is imported without it", "[admin][cli][import][quarantine]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    TemporaryFolder folder;
    const auto mbox = folder.path() + "/old.mbox";
    std::ofstream(mbox) << "From a@b Mon Nov 23 12:00:00 2020\nSubject: fine\nStatus: RO\n\n>From the start\n\nFrom e@f Mon Nov 23 12:00:00 2020\nSubject: bad\n\n"
                        << eicar() << "\n\n";
    const auto run = command({"import", mbox, "--account", "alice@example.org", "--mailbox", "Old", "--data", data});
    CHECK(run.status == 0);
    CHECK(run.out == "1 imported, 1 quarantined\n");
    auto imap = server.imap();
    imap.select("Old");
    CHECK(imap.talk("SEARCH SEEN SUBJECT fine ON 23-Nov-2020").front() == "* SEARCH 1");
    CHECK(imap.talk("FETCH 1 BODY.PEEK[TEXT]").front() == "* 1 FETCH (BODY[TEXT] {16}\r\nFrom the start\r\n)");

    const auto list = command({"quarantine", "list", "--json", "--data", data}).list();
    REQUIRE(list->size() == 1);
    const auto id = list->getObject(0)->get("id").convert<std::string>();
    CHECK(command({"quarantine", "show", id, "--data", data}).out.find("alice@example.org") != std::string::npos);
    CHECK(command({"quarantine", "release", "4711", "--data", data}).status == 1);
    CHECK(command({"quarantine", "delete", id, "--data", data}).status == 0);
    CHECK(command({"quarantine", "list", "--data", data, "--json"}).out == "[]\n");
}

TEST_CASE("What was deleted is listed and restored", "[admin][cli][deleted]")
{
    TestServer server;
    server.fill(2);
    const std::string data = server.data() + "/data";
    CHECK(command({"deleted", "list", "--data", data}).status == 2); // whose?
    auto pop3 = server.pop3();
    pop3.talk("DELE 2");
    pop3.talk("QUIT");
    CHECK(command({"deleted", "list", "--account", "alice@example.org", "--mailbox", "Sent", "--json", "--data", data}).out == "[]\n");
    const auto list = command({"deleted", "list", "--account", "alice@example.org", "--mailbox", "INBOX", "--json", "--data", data}).list();
    REQUIRE(list->size() == 1);
    const auto id = list->getObject(0)->get("id").convert<std::string>();
    CHECK(command({"deleted", "restore", id, "--account", "bob@example.org", "--data", data}).status == 1);
    CHECK(command({"deleted", "restore", id, "--account", "alice@example.org", "--data", data}).out == "message " + id + " restored into INBOX\n");
    CHECK(command({"deleted", "restore", id, "--account", "alice@example.org", "--data", data}).status == 1);
}

TEST_CASE("A subject cannot steer the administrator's terminal", "[admin][cli][quarantine]")
{
    TestServer server;
    server.lmtp().deliver({"alice@example.org"}, "Subject: =?utf-8?q?=1B]0;owned=07=C2=9B2J?=\r\n\r\n" + eicar() + "\r\n");
    const auto run = command({"quarantine", "list", "--data", server.data() + "/data"});
    CHECK(run.out.find('\x1B') == std::string::npos);
    CHECK(run.out.find('\x07') == std::string::npos);
    CHECK(run.out.find("\xC2\x9B") == std::string::npos);
    CHECK(run.out.find("owned") != std::string::npos);
}

TEST_CASE("Scan, health, check and backup work through the socket", "[admin][cli]")
{
    TestServer server;
    const auto data = server.data() + "/data";
    TemporaryFolder folder;
    server.fill(2);
    CHECK(command({"healthcheck", "--data", data}).out == "ready\n");
    server.scanner().available = false;
    CHECK(command({"healthcheck", "--data", data}).status == 1);
    server.scanner().available = true;
    CHECK(command({"scan", "status", "--json", "--data", data}).object()->getValue<bool>("ready"));
    CHECK(command({"scan", "run", "--data", data}).status == 0);
    CHECK(server.scanner().reloads == 1);
    CHECK(command({"check", "--data", data}).status == 0);
    const auto backup = folder.path() + "/monday";
    REQUIRE(command({"backup", "create", backup, "--data", data}).status == 0);
    REQUIRE(command({"backup", "create", backup, "--data", data}).status == 0); // beside the first
    CHECK(command({"backup", "create", data, "--data", data}).status == 1);    // never over something else
    CHECK(command({"backup", "create", backup, "--verify", "some", "--data", data}).status == 1);
    CHECK(command({"backup", "create", backup, "--keep", "many", "--data", data}).status == 2);
    CHECK(command({"backup", "create", "--data", data}).status == 1);          // no folder is configured
    const auto two = command({"backup", "list", backup, "--json"}).list();
    REQUIRE(two->size() == 2);
    CHECK(command({"backup", "create", backup, "--keep", "2", "--json", "--data", data}).object()->getValue<std::string>("state") == "done");
    CHECK(command({"backup", "list", backup, "--json"}).list()->size() == 2);
    CHECK(command({"backup", "list", folder.path() + "/none"}).status == 1);
    CHECK(command({"backup", "verify", backup, "--snapshot", two->getObject(0)->getValue<std::string>("id")}).status == 1); // it went
    CHECK(command({"backup", "verify", backup, "--snapshot", two->getObject(1)->getValue<std::string>("id")}).status == 0);
    CHECK(command({"backup", "verify", backup}).status == 0);
    CHECK(command({"backup", "restore", backup, "--data", data}).status != 0); // not over what is there
    CHECK(command({"backup", "restore", backup, "--mailbox", "INBOX", "--data", data}).status == 2);
    CHECK(command({"backup", "restore", backup, "--account", "nobody@example.org", "--data", data}).status == 1);
    const auto part = command({"backup", "restore", backup, "--account", "alice@example.org", "--mailbox", "INBOX", "--data", data});
    CHECK(part.status == 0);
    CHECK(part.out.find("0 messages restored") != std::string::npos); // all is there
    CHECK(command({"backup", "restore", backup, "--account", "alice@example.org", "--to", "Old", "--data", data}).status == 0);
    CHECK(command({"backup", "restore", backup, "--account", "alice@example.org", "--mailbox", "INBOX", "--uid", "1", "--json", "--data", data})
              .object()->getValue<std::string>("state") == "done");
    const auto restored = folder.path() + "/restored";
    REQUIRE(command({"backup", "restore", backup, "--data", restored}).status == 0);
    CHECK(command({"check", "--data", restored, "--json"}).out == "[]\n"); // no server there
    CHECK(command({"check", "--data", folder.path() + "/nowhere"}).status != 0);
    CHECK_FALSE(fs::exists(folder.path() + "/nowhere"));
}
