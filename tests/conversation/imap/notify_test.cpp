#include "server/imap/notifier.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"
#include "tests/support/work.h"

#include <algorithm>
#include <utility>

using namespace postfach;
using namespace postfach::test;
using Catch::StartsWith;

namespace {

// The line comes unasked: nothing was sent since.
std::string unasked(ImapClient& client) { return client.answer(); }

} // namespace

TEST_CASE("NOTIFY refuses what it cannot tell, and takes what is written well", "[imap][notify][rfc5465]")
{
    TestServer server;
    auto client = server.imap();
    for (const auto* wrong : {"NOTIFY", "NOTIFY SOME", "NOTIFY SET", "NOTIFY SET STATUS", "NOTIFY SET ()", "NOTIFY SET (everything NONE)",
             "NOTIFY SET (selected (MessageNew))", "NOTIFY SET (selected (MessageExpunge))", "NOTIFY SET (selected (FlagChange))",
             "NOTIFY SET (selected (MessageNew MessageExpunge MailboxName))", "NOTIFY SET (selected NONE) (selected-delayed NONE)",
             "NOTIFY SET (personal (MessageNew (UID) MessageExpunge))", "NOTIFY SET (mailboxes (MessageNew MessageExpunge))",
             "NOTIFY SET (selected (MessageNew (WEATHER) MessageExpunge))", "NOTIFY SET (personal (MessageNew MessageExpunge)", "NOTIFY NONE x"})
    {
        INFO(wrong);
        CHECK_THAT(client.talk(wrong).back(), StartsWith("BAD"));
    }
    CHECK(client.talk("NOTIFY SET (personal (AnnotationChange))").back()
        == "NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "
           "ServerMetadataChange)] That cannot be told");
    for (const auto* right : {"NOTIFY NONE", "NOTIFY SET (selected NONE)", "NOTIFY SET (Selected MessageNew (uid) MessageExpunge)",
             "NOTIFY SET (personal (MailboxName)) (subtree (Archive Sent) (messagenew messageexpunge flagchange))"})
        CHECK(client.talk(right) == Lines{"OK NOTIFY completed"});
}

TEST_CASE("the selected mailbox is told between commands, new messages with what was asked for", "[imap][notify][rfc5465-6.1]")
{
    TestServer server;
    server.fill(3);
    auto phone = server.imap();
    phone.select();
    auto laptop = server.imap();
    laptop.select();

    SECTION("selected")
    {
        phone.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        // An implicit NOOP (3.1).
        CHECK(laptop.talk("NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
            == Lines{"* 1 FETCH (UID 1 FLAGS (\\Seen))", "OK NOTIFY completed"});
        server.fill(1);
        CHECK(unasked(laptop) == "* 4 EXISTS");
        CHECK_THAT(unasked(laptop), StartsWith("* ")); // RECENT
        CHECK_THAT(unasked(laptop), StartsWith("* 4 FETCH (UID 4 FLAGS ("));
        phone.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
        CHECK(unasked(laptop) == "* 2 FETCH (UID 2 FLAGS (\\Deleted))");
        phone.talk("EXPUNGE");
        CHECK(unasked(laptop) == "* 2 EXPUNGE");
        CHECK(laptop.talk("UID FETCH 4 UID") == Lines{"* 3 FETCH (UID 4)", "OK UID FETCH completed"});
    }
    SECTION("selected-delayed keeps the numbers until a command lets them move")
    {
        laptop.talk("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))");
        phone.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
        CHECK(unasked(laptop) == "* 2 FETCH (UID 2 FLAGS (\\Deleted))");
        phone.talk("EXPUNGE");
        phone.talk("STORE 2 +FLAGS.SILENT (\\Seen)");
        CHECK(unasked(laptop) == "* 3 FETCH (UID 3 FLAGS (\\Seen))");
        CHECK(laptop.talk("FETCH 3 UID") == Lines{"* 3 FETCH (UID 3)", "OK FETCH completed"});
        CHECK(laptop.talk("NOOP") == Lines{"* 2 EXPUNGE", "OK NOOP completed"});
    }
    SECTION("without FlagChange flags are no news")
    {
        laptop.talk("NOTIFY SET (selected (MessageNew MessageExpunge))");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        phone.talk("STORE 3 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        CHECK(unasked(laptop) == "* 3 EXPUNGE");
        CHECK(laptop.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Seen))");
    }
    SECTION("NONE: nothing at all, but what this client does itself")
    {
        laptop.talk("NOTIFY NONE");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        CHECK(laptop.talk("NOOP") == Lines{"OK NOOP completed"});
        CHECK(laptop.talk("STORE 3 +FLAGS (\\Deleted)").front() == "* 3 FETCH (FLAGS (\\Deleted))");
        CHECK(laptop.talk("EXPUNGE") == Lines{"* 3 EXPUNGE", "* 1 EXPUNGE", "OK EXPUNGE completed"});
    }
    SECTION("IDLE tells the same")
    {
        laptop.talk("NOTIFY SET (selected (MessageNew MessageExpunge)) (mailboxes Archive (MessageNew MessageExpunge))");
        const auto tag = laptop.sendTagged("IDLE");
        CHECK(laptop.line() == "+ Idling");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        phone.talk("COPY 1 Archive");
        CHECK_THAT(unasked(laptop), StartsWith("* STATUS Archive (MESSAGES 1 UIDNEXT 2 "));
        laptop.send("DONE\r\n");
        CHECK(laptop.until(tag) == Lines{"OK IDLE completed"});
    }
}

TEST_CASE("other mailboxes are told by STATUS", "[imap][notify][rfc5465-5]")
{
    TestServer server;
    server.fill(2);
    auto phone = server.imap();
    phone.select();
    auto laptop = server.imap();

    SECTION("STATUS says how it begins, of what is watched alone")
    {
        const auto answers = laptop.talk("NOTIFY SET STATUS (subtree (inbox Archive) (MessageNew MessageExpunge))");
        REQUIRE(answers.size() == 3);
        CHECK_THAT(answers[0], StartsWith("* STATUS Archive (MESSAGES 0 UIDNEXT 1 UIDVALIDITY "));
        CHECK_THAT(answers[1], StartsWith("* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY "));
    }
    SECTION("new, gone, and not of a mailbox that nobody asked for")
    {
        laptop.talk("NOTIFY SET (mailboxes (INBOX Archive) (MessageNew MessageExpunge))");
        phone.talk("COPY 1 Sent");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Flagged)");
        phone.talk("COPY 1 Archive");
        CHECK_THAT(unasked(laptop), StartsWith("* STATUS Archive (MESSAGES 1 UIDNEXT 2 "));
        phone.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        CHECK_THAT(unasked(laptop), StartsWith("* STATUS INBOX (MESSAGES 1 UIDNEXT 3 "));
    }
    SECTION("flags: UNSEEN, and every change for who follows MODSEQs")
    {
        laptop.talk("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        const auto line = unasked(laptop);
        CHECK_THAT(line, StartsWith("* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY "));
        CHECK_THAT(line, Catch::ContainsSubstring(" UNSEEN 1 HIGHESTMODSEQ "));
        laptop.talk("ENABLE CONDSTORE");
        phone.talk("STORE 1 +FLAGS.SILENT (\\Flagged)");
        CHECK_THAT(unasked(laptop), Catch::ContainsSubstring(" HIGHESTMODSEQ "));
    }
    SECTION("of the selected mailbox there is no STATUS")
    {
        laptop.select();
        laptop.talk("NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))");
        server.fill(1);
        CHECK(unasked(laptop) == "* 3 EXISTS");
        CHECK_THAT(unasked(laptop), Catch::EndsWith("RECENT"));
        phone.talk("COPY 1 Archive");
        CHECK_THAT(unasked(laptop), StartsWith("* STATUS Archive "));
    }
}

TEST_CASE("mailboxes that come, go and change their names or subscriptions are told by LIST", "[imap][notify][rfc5465-5.4]")
{
    TestServer server;
    auto phone = server.imap();
    auto laptop = server.imap();

    SECTION("MailboxName")
    {
        laptop.talk("NOTIFY SET (personal (MailboxName))");
        phone.talk("CREATE work");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren) \"/\" work");
        phone.talk("CREATE work/plans");
        CHECK(unasked(laptop) == "* LIST (\\HasChildren) \"/\" work");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren) \"/\" work/plans");
        phone.talk("RENAME work job");
        CHECK(unasked(laptop) == "* LIST (\\HasChildren) \"/\" job (\"OLDNAME\" (work))");
        phone.talk("DELETE job/plans");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren) \"/\" job");
        CHECK(unasked(laptop) == "* LIST (\\NonExistent) \"/\" job/plans");
    }
    SECTION("a name may be watched in another form than it is kept in")
    {
        laptop.talk("ENABLE IMAP4rev2");
        laptop.talk("NOTIFY SET (mailboxes (inbox/work \"U\xcc\x88" "bung\") (MailboxName))");
        phone.talk("CREATE inbox/work");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren) \"/\" INBOX/work");
        phone.talk("RENAME inbox/work &ANw-bung");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren) \"/\" \"\xc3\x9c" "bung\" (\"OLDNAME\" (INBOX/work))");
    }
    SECTION("what the client did itself is no news")
    {
        laptop.talk("NOTIFY SET (personal (MailboxName SubscriptionChange))");
        for (const auto* command : {"CREATE a/b", "RENAME a/b a/c", "SUBSCRIBE a/c", "UNSUBSCRIBE a/c", "DELETE a/c", "CREATE inbox/d",
                 "RENAME inbox/d inbox/e", "SUBSCRIBE inbox/e", "UNSUBSCRIBE inbox/e", "DELETE inbox/e"})
            CHECK(laptop.talk(command).size() == 1);
        phone.talk("SUBSCRIBE Archive");
        phone.talk("UNSUBSCRIBE Archive");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren \\Archive) \"/\" Archive");
    }
    SECTION("SubscriptionChange of a subtree")
    {
        laptop.talk("NOTIFY SET (subtree work (SubscriptionChange))");
        phone.talk("CREATE work/plans");
        phone.talk("SUBSCRIBE work/plans");
        CHECK(unasked(laptop) == "* LIST (\\HasNoChildren \\Subscribed) \"/\" work/plans");
    }
    SECTION("entries that others set or remove")
    {
        CHECK(laptop.talk("NOTIFY SET (mailboxes INBOX (MailboxMetadataChange)) (personal (ServerMetadataChange))").size() == 1);
        phone.talk("SETMETADATA Archive (/private/comment \"not watched\")");
        CHECK(phone.talk("SETMETADATA INBOX (/private/comment \"mine\" /shared/vendor/x/y \"1\")").back() == "OK SETMETADATA completed");
        CHECK(unasked(laptop) == "* METADATA INBOX /private/comment /shared/vendor/x/y");
        phone.talk("SETMETADATA INBOX (/private/comment NIL)");
        CHECK(unasked(laptop) == "* METADATA INBOX /private/comment");
        phone.talk("SETMETADATA \"\" (/private/vendor/x/colour \"blue\")");
        CHECK(unasked(laptop) == "* METADATA \"\" /private/vendor/x/colour");
    }
}

TEST_CASE("of many mailboxes and many names only what changed is looked at", "[imap][notify][rfc5465]")
{
    TestServer server;
    std::string names;
    for (int i = 0; i < 1'000; ++i)
        names += " someboxes" + std::to_string(i);
    const std::string wish = " SET (mailboxes (" + names.substr(1) + ") (MessageNew MessageExpunge FlagChange MailboxMetadataChange))";
    auto client = server.imap();
    CHECK_THAT(client.talk("NOTIFY" + wish + " (mailboxes one MailboxName)").back(), StartsWith("BAD")); // counted over all groups

    imap::Parser args(wish);
    imap::Notifier notifier(imap::parseNotify(args));
    imap::Notifier::Account account;
    for (std::uint32_t i = 0; i < 5'000; ++i) {
        store::Mailbox mailbox;
        mailbox.id = store::MailboxId{i + 1};
        mailbox.name = "morebox" + std::to_string(100'000 + i);
        account.subscriptions.push_back(mailbox.name);
        account.mailboxes.push_back(std::move(mailbox));
    }
    account.mailboxes.back().name = "someboxes999";
    const imap::Enabled enabled;
    const imap::Notifier::Telling telling{enabled, server.store(), std::nullopt};
    CHECK(notifier.begin(account, telling).empty());
    const Work work;
    for (int i = 0; i < 10; ++i) {
        account.mailboxes.front().exists += 1;
        account.mailboxes.back().exists += 1;
        CHECK_THAT(notifier.news(account, telling), StartsWith("* STATUS someboxes999 (MESSAGES "));
    }
    CHECK(work.seconds() < 0.5);
}
