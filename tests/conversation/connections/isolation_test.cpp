// Two people on the same server, with mailboxes, names and UIDs that are the same, at the same time and one after the other on the same
// connection: whatever is said to one of them, it is never a word of the other's.
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace postfach::test;

namespace {

struct Person {
    std::string address, canary;
    std::string own_folder; // the other has none of that name
};
const Person kAlice{"alice@example.org", "CanaryOfAlice", "Garden"}, kBob{"bob@example.org", "CanaryOfBob", "Garage"};

const Person& other(const Person& who) { return &who == &kAlice ? kBob : kAlice; }

std::string mailOf(const Person& who, std::size_t lines)
{
    std::string text = "From: " + who.canary + " <x@example.com>\r\nSubject: " + who.canary
        + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    for (std::size_t i = 0; i < lines; ++i)
        text += who.canary + " has written =3D this line\r\n";
    return text;
}

// What is said to one person, in one thread: kept as complaints, for only the test's own thread may check.
class Ear {
public:
    void hear(const Person& who, const std::string& about, const std::string& said, bool own)
    {
        if (said.find(other(who).canary) != std::string::npos)
            complaints_.push_back(who.address + " heard of the other: " + about);
        if (own && said.find(who.canary) == std::string::npos)
            complaints_.push_back(who.address + " did not hear his own: " + about + ": " + said.substr(0, 200));
    }
    void complain(const std::string& what) { complaints_.push_back(what); }
    const Lines& complaints() const { return complaints_; }

private:
    Lines complaints_;
};

void prepare(TestServer& server, const Person& who)
{
    auto client = server.imap(who.address);
    for (const std::string& name : {std::string("Notes"), "Of" + who.canary, who.own_folder})
        client.talk("CREATE " + name);
    for (const std::string& name : {std::string("INBOX"), std::string("Notes"), who.own_folder}) {
        client.append(name, mailOf(who, 3), "(" + who.canary + ")");
        client.append(name, mailOf(who, 5'000)); // goes out in pieces
    }
    client.talk("SETMETADATA Notes (/private/comment \"" + who.canary + "\")");
}

void askByImap(ImapClient& client, const Person& who, Ear& ear)
{
    const auto ask = [&](const std::string& command, bool own) {
        std::string said;
        for (const auto& line : client.talk(command))
            said += line + "\n";
        ear.hear(who, command, said, own);
        return said;
    };
    ask("LOGIN " + who.address + " secret", false);
    ask("LIST \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT))", true);
    ask("GETMETADATA Notes /private/comment", true);
    for (const char* mailbox : {"INBOX", "Notes"}) {
        ask(std::string("SELECT ") + mailbox, false);
        ask("FETCH 1:2 (FLAGS ENVELOPE PREVIEW BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[])", true);
        ask("FETCH 1:2 BODY.PEEK[TEXT]<10.70000>", true);
        ask("FETCH 2 BINARY.PEEK[1]<100.5000>", true);
        if (!ask("SEARCH TEXT " + other(who).canary, false).starts_with("* SEARCH\n"))
            ear.complain(who.address + " found the other's mail");
        ask("SORT (SUBJECT) UTF-8 SUBJECT " + who.canary, false);
    }
    ask("ESEARCH IN (personal) RETURN (COUNT) SUBJECT x", false);
    if (ask("ESEARCH IN (personal) RETURN (ALL) BODY " + other(who).canary, false).find(" ALL ") != std::string::npos)
        ear.complain(who.address + " found the other's mail in some mailbox");
    ask("APPEND Drafts CATENATE (URL \"/Notes/;UID=1/;SECTION=HEADER\" URL \"/Notes/;UID=1/;SECTION=TEXT\")", false);
    const std::string of_other = other(who).own_folder;
    for (const std::string& command : {"SELECT " + of_other, "STATUS " + of_other + " (MESSAGES)", "GETMETADATA " + of_other + " /private/comment",
             "APPEND Drafts CATENATE (URL \"/" + of_other + "/;UID=1\")"})
        if (const auto said = ask(command, false); said.find("NO [") == std::string::npos)
            ear.complain(who.address + " may do with the other's mailbox: " + command + ": " + said);
    ask("EXAMINE Drafts", false);
    ask("FETCH 1:* (ENVELOPE BODY.PEEK[])", true);
    if (!ask("UNAUTHENTICATE", false).starts_with("OK"))
        ear.complain("UNAUTHENTICATE is refused");
}

void askByPop3(Pop3Client client, const Person& who, Ear& ear)
{
    client.line();
    client.talk("USER " + who.address);
    client.talk("PASS secret");
    for (const char* number : {"1", "2"}) {
        ear.hear(who, "RETR", client.retrieve(std::string("RETR ") + number), true);
        ear.hear(who, "TOP", client.retrieve(std::string("TOP ") + number + " 2"), true);
    }
    for (const auto& line : client.list("UIDL"))
        ear.hear(who, "UIDL", line, false);
    client.talk("QUIT");
}

} // namespace

TEST_CASE("nobody hears a word of another's, whatever both ask at the same time", "[isolation][threats-37]")
{
    TestServer server;
    prepare(server, kAlice);
    prepare(server, kBob);
    constexpr int kRounds = 6;
    std::vector<Ear> ears(6);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < ears.size(); ++i) {
        const auto work = [&server, i](Ear& ear) {
            const Person& first = i % 2 == 0 ? kAlice : kBob;
            if (i >= 4) { // one each: a maildrop has one session
                for (int round = 0; round < kRounds; ++round)
                    askByPop3(server.connect<Pop3Client>("pop3"), first, ear);
                return;
            }
            auto client = server.connect<ImapClient>("imap");
            client.line();
            for (int round = 0; round < kRounds; ++round)
                askByImap(client, round % 2 == 0 ? first : other(first), ear);
        };
        threads.emplace_back([&ear = ears[i], work] {
            try {
                work(ear);
            } catch (const std::exception& error) {
                ear.complain(error.what());
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    for (const Ear& ear : ears)
        CHECK(ear.complaints() == Lines());
}
