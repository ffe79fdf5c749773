#include "server/base/limits.h"
#include "tests/unit/store/store_fixture.h"

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;
namespace limits = postfach::base::limits;

namespace {

std::string all(Office& office, MailboxId mailbox)
{
    std::string out;
    for (const Annotation& one : office.store->read()->annotations(office.alice, mailbox))
        out += one.name + "=" + one.value + ";";
    return out;
}

} // namespace

TEST_CASE("annotations that belong to nobody, or are too much, are refused and leave nothing", "[store][annotation][rfc5464-4.1]")
{
    Office office;
    AccountId bob;
    office.write([&](WriteTx& tx) { bob = tx.createAccount({"bob@example.org", "Bob", {}, 0}); });
    const auto set = [&](AccountId account, MailboxId mailbox, const std::string& name, const std::string& value) {
        return refusedWrite(office, [&](WriteTx& tx) { tx.setAnnotation(account, mailbox, name, value); });
    };
    CHECK(set(AccountId{99}, {}, "/private/a", "x") == Kind::noSuchAccount);
    CHECK(set(office.alice, MailboxId{99}, "/private/a", "x") == Kind::noSuchMailbox);
    CHECK(set(bob, office.inbox, "/private/a", "x") == Kind::noSuchMailbox);
    CHECK(set(office.alice, office.inbox, "", "x") == Kind::limit);
    CHECK(set(office.alice, office.inbox, "/private/" + std::string(limits::kAnnotationName, 'a'), "x") == Kind::limit);
    CHECK(set(office.alice, office.inbox, "/private/a", std::string(limits::kAnnotationValue + 1, 'x')) == Kind::limit);
    CHECK(all(office, office.inbox).empty());

    office.write([&](WriteTx& tx) {
        for (int i = 0; i < limits::kAnnotationsPerMailbox; ++i)
            tx.setAnnotation(office.alice, office.inbox, "/private/" + std::to_string(i), "x");
    });
    CHECK(set(office.alice, office.inbox, "/private/more", "x") == Kind::limit);
    office.write([&](WriteTx& tx) {
        tx.setAnnotation(office.alice, office.inbox, "/private/0", "y"); // no new one
        tx.setAnnotation(office.alice, office.trash, "/private/more", "x");
    });
    const std::string large(limits::kAnnotationValue, 'x');
    CHECK(refusedWrite(office, [&](WriteTx& tx) {
        for (std::size_t i = 0; i < limits::kAnnotationsInAll / limits::kAnnotationValue; ++i) {
            const MailboxId made = tx.createMailbox(office.alice, "m" + std::to_string(i));
            tx.setAnnotation(office.alice, made, "/private/a", large);
        }
    }) == Kind::limit);
}

TEST_CASE("an annotation has one value, whatever the case of its name, until it is taken away", "[store][annotation]")
{
    Office office;
    const std::string bytes("a\0b\xff\r\n", 6);
    office.write([&](WriteTx& tx) {
        tx.setAnnotation(office.alice, office.inbox, "/shared/Comment", "first");
        tx.setAnnotation(office.alice, office.inbox, "/private/comment", bytes);
        tx.setAnnotation(office.alice, {}, "/private/comment", "");
        tx.setAnnotation(office.alice, office.inbox, "/SHARED/comment", "second");
        CHECK(tx.annotation(office.alice, office.inbox, "/shared/comment") == "second");
    });
    office.close();
    office.open();
    CHECK(all(office, office.inbox) == "/private/comment=" + bytes + ";/shared/Comment=second;");
    CHECK(all(office, {}) == "/private/comment=;");
    CHECK(all(office, office.trash).empty());
    CHECK(office.store->read()->annotation(office.alice, {}, "/private/comment") == "");
    CHECK_FALSE(office.store->read()->annotation(office.alice, {}, "/private/other"));
    office.write([&](WriteTx& tx) {
        tx.setAnnotation(office.alice, office.inbox, "/shared/comment", std::nullopt);
        tx.setAnnotation(office.alice, office.inbox, "/shared/never", std::nullopt);
    });
    CHECK(all(office, office.inbox) == "/private/comment=" + bytes + ";");
}

TEST_CASE("annotations follow their mailbox, and end with it and with the account", "[store][annotation][rename][rfc5464-4.1]")
{
    Office office;
    MailboxId work, below;
    office.write([&](WriteTx& tx) {
        below = tx.createMailbox(office.alice, "work/march");
        work = tx.findMailbox(office.alice, "work")->id;
        tx.setAnnotation(office.alice, work, "/shared/comment", "work");
        tx.setAnnotation(office.alice, below, "/shared/comment", "march");
        tx.setAnnotation(office.alice, office.inbox, "/shared/comment", "inbox");
        tx.setAnnotation(office.alice, {}, "/private/vendor/x/y", "own");
        tx.renameMailbox(office.alice, "work", "office");
        tx.renameMailbox(office.alice, "INBOX", "old");
    });
    CHECK(all(office, work) == "/shared/comment=work;");
    CHECK(all(office, below) == "/shared/comment=march;");
    CHECK(all(office, office.inbox) == "/shared/comment=inbox;");
    CHECK(all(office, office.store->read()->findMailbox(office.alice, "old")->id) == "/shared/comment=inbox;");
    office.write([&](WriteTx& tx) { tx.deleteMailbox(office.alice, "office/march"); });
    CHECK(all(office, below).empty());
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "office/march"); });
    CHECK(all(office, office.store->read()->findMailbox(office.alice, "office/march")->id).empty());
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(all(office, work).empty());
    CHECK(all(office, {}).empty());
    CHECK(office.store->check(false).empty());
}
