// What the store knows of scans: what is behind, where a content is, what waits for an answer, who has read it.
#include "tests/unit/store/store_fixture.h"

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

ScanRecord by(const std::string& signatures, ScanRecord::Verdict verdict = ScanRecord::Verdict::clean)
{
    return {verdict, "", signatures, base::fromMillis(1'000)};
}

class ScannedOffice : public Office {
public:
    BodyId contentOf(Uid uid)
    {
        const Snapshot now = store->view(inbox)->now();
        return now.at(now.find(uid).value()).body;
    }
    std::vector<std::int64_t> behind(const std::string& signatures, BehindOrder order, BodyId before = {}, std::size_t limit = 100)
    {
        std::vector<std::int64_t> ids;
        for (const Behind& item : store->read()->behind(signatures, order, before, limit))
            ids.push_back(item.body.value);
        return ids;
    }
};

} // namespace

TEST_CASE("what is behind is what another set has looked at, or none, but for our own words", "[store][scans]")
{
    ScannedOffice office;
    Flags seen;
    seen.bits = Flags::kSeen;
    const auto one = office.contentOf(office.deliver("one")), two = office.contentOf(office.deliver("two", seen)),
               three = office.contentOf(office.deliver("three")), four = office.contentOf(office.deliver("four"));
    office.write([&](WriteTx& tx) {
        tx.recordScan(one, by("old"));
        tx.recordScan(two, by("old"));
        tx.recordScan(three, by("new"));
        tx.recordScan(four, by(kOwnSignatures));
    });
    const auto unscanned = office.contentOf(office.deliver("five", seen));
    using Ids = std::vector<std::int64_t>;
    CHECK(office.behind("new", BehindOrder::all) == Ids{unscanned.value, two.value, one.value});
    CHECK(office.behind("new", BehindOrder::all, two) == Ids{one.value});
    CHECK(office.behind("new", BehindOrder::all, {}, 1) == Ids{unscanned.value});
    CHECK(office.behind("new", BehindOrder::unread) == Ids{one.value});
    CHECK(office.behind("new", BehindOrder::unscanned) == Ids{unscanned.value});
    CHECK(office.behind("old", BehindOrder::all) == Ids{unscanned.value, three.value});
    const Coverage coverage = office.store->read()->coverage("new");
    CHECK(coverage.contents == 5);
    CHECK(coverage.checked == 2);
    CHECK(coverage.bytes == 19);
    CHECK(coverage.checked_bytes == 9);
}

TEST_CASE("a message that gives way to a notice is given back with all that it was", "[store][scans][quarantine]")
{
    ScannedOffice office;
    const Uid uid = office.deliver("harmful");
    const auto body = office.contentOf(uid);
    const auto notice = office.store->prepareBody("a notice");
    Flags flags;
    flags.bits = Flags::kFlagged;
    flags.addKeyword(60);
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 61; ++i)
            tx.keyword(office.alice, "word" + std::to_string(i));
        tx.changeFlags(office.inbox, {uid}, FlagChange::add, flags);
        tx.recordPop3Download(office.inbox, {uid});
        tx.hideFromPop3(office.inbox, {uid});
    });
    const auto uidl = office.store->read()->uidl(office.inbox, uid);
    const auto saved = office.store->read()->saveDates(office.inbox, uid, uid).at(0).second;
    const auto used = office.account().used;
    office.clock.advance(48h);

    const auto places = office.store->read()->places({body});
    REQUIRE(places.size() == 1);
    QuarantineId id;
    office.write([&](WriteTx& tx) {
        const auto with = [&](Place place) {
            return tx.replaceByNotice(place, {"Test.Late", "eve", "subject", "rescan", tx.addBody(*notice, "")});
        };
        Place other = places[0];
        other.body = BodyId{body.value + 77};
        CHECK_FALSE(with(other)); // it is another content by now
        other = places[0];
        other.uid = Uid{99};
        CHECK_FALSE(with(other));
        id = with(places[0]).value();
        CHECK_FALSE(with(places[0])); // once
    });
    CHECK(office.store->read()->places({body}).empty());
    CHECK(office.mailbox(office.inbox).exists == 1);
    CHECK(office.account().used == 8);
    CHECK(office.store->check(false).empty());
    const auto entry = office.store->read()->quarantined(id).value();
    CHECK(entry.uidl == uidl);
    CHECK(entry.mailbox == "INBOX");
    CHECK(entry.recipient == "alice@example.org");
    REQUIRE(office.store->read()->quarantineOf(body).size() == 1);

    Uid back;
    office.write([&](WriteTx& tx) { back = tx.releaseQuarantine(id).uid; });
    CHECK(office.mailbox(office.inbox).exists == 1); // the notice has gone
    CHECK(office.bodyOf(back) == "harmful");
    const Snapshot now = office.store->view(office.inbox)->now();
    CHECK(now.flags(now.find(back).value()) == flags);
    CHECK(office.store->read()->uidl(office.inbox, back) == uidl);
    CHECK(office.store->read()->saveDates(office.inbox, back, back).at(0).second == saved);
    CHECK(office.store->read()->hiddenFromPop3(office.inbox) == std::vector<Uid>{back});
    CHECK(office.account().used == used);
    CHECK(office.store->check(false).empty());
}

TEST_CASE("hits are counted by signature and set, and past the bound somebody is asked", "[store][scans]")
{
    ScannedOffice office;
    const auto body = office.contentOf(office.deliver("one"));
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.decideOutbreak("Test.A", Outbreak::State::confirmed); }) == Error::Kind::noSuchEntry);
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.putWaiting(BodyId{99}, "Test.A"); }) == Error::Kind::noSuchMessage);
    using State = Outbreak::State;
    office.write([&](WriteTx& tx) {
        CHECK(tx.countHit("Test.A", "set 1", 2).state == State::counting);
        CHECK(tx.countHit("Test.A", "set 1", 2).state == State::counting);
        CHECK(tx.countHit("Test.A", "set 2", 2).hits == 1); // each set counts for itself
        tx.countHit("Test.A", "set 2", 2);
        CHECK(tx.countHit("Test.A", "set 2", 2).state == State::asking);
        tx.putWaiting(body, "Test.A");
        CHECK(tx.countHit("Test.A", "set 3", 2).state == State::asking); // nobody has answered
        CHECK(tx.countHit("Test.B", "set 3", 2).state == State::counting);
    });
    auto outbreaks = office.store->read()->outbreaks();
    REQUIRE(outbreaks.size() == 2);
    CHECK(outbreaks[0].waiting == 1);
    CHECK(office.store->read()->waiting("Test.A", 10) == std::vector<BodyId>{body});
    office.write([](WriteTx& tx) {
        tx.decideOutbreak("Test.A", State::confirmed);
        CHECK(tx.countHit("Test.A", "set 3", 0).state == State::confirmed);
        CHECK(tx.countHit("Test.A", "set 4", 9).state == State::counting); // of those signatures
        tx.decideOutbreak("Test.B", State::dismissed);
        CHECK(tx.countHit("Test.B", "set 4", 0).state == State::dismissed);
        tx.forgetOutbreaks(tx.now() - 24h);
    });
    CHECK(office.store->read()->outbreaks().size() == 2);
    office.write([&](WriteTx& tx) {
        tx.forgetOutbreaks(tx.now() + 24h);
        tx.expunge(office.inbox, {Uid{1}}); // with its content goes what waits
    });
    CHECK(office.store->read()->outbreaks().size() == 1);
    CHECK(office.store->read()->waiting("Test.A", 10).empty());
    CHECK(office.store->check(false).empty());
}

TEST_CASE("while somebody is asked, the first hit stays the first, whichever signatures come", "[store][scans]")
{
    ScannedOffice office;
    const auto hit = [&](const std::string& set) {
        Outbreak outbreak;
        office.write([&](WriteTx& tx) { outbreak = tx.countHit("Test.A", set, 1); });
        office.clock.advance(1h);
        return outbreak;
    };
    const auto first = hit("set 1").since;
    CHECK(hit("set 1").state == Outbreak::State::asking);
    const auto later = hit("set 2");
    CHECK(later.state == Outbreak::State::asking);
    CHECK(later.since == first);
    CHECK(later.hits == 3);
    office.write([](WriteTx& tx) { tx.decideOutbreak("Test.A", Outbreak::State::confirmed); });
    CHECK(hit("set 3").since > first);
}

TEST_CASE("who had a content is known by day, program and address, for as long as is wanted", "[store][scans][exposure]")
{
    ScannedOffice office;
    const auto one = office.contentOf(office.deliver("one")), two = office.contentOf(office.deliver("two"));
    const Time morning = base::fromMillis(86'400'000LL * 100 + 8 * 3'600'000), next = morning + 24h;
    const Reader phone{office.alice, Reader::Protocol::imap, "192.0.2.7", "Phone"}, desk{office.alice, Reader::Protocol::pop3, "192.0.2.8", ""};
    office.write([&](WriteTx& tx) {
        tx.recordFetched(phone, {{one, morning, morning + 1h, 2}, {two, morning, morning, 1}});
        tx.recordFetched(phone, {{one, morning + 2h, morning + 3h, 1}, {one, next, next, 1}});
        tx.recordFetched(desk, {{one, morning, morning, 1}});
        tx.recordFetched({AccountId{99}, Reader::Protocol::imap, "192.0.2.9", ""}, {{one, morning, morning, 1}}); // nobody
    });
    auto all = office.store->read()->exposure({one}, 10);
    REQUIRE(all.size() == 3);
    CHECK(all[0].account == "alice@example.org");
    CHECK(all[0].reader.client == "Phone");
    CHECK(all[0].first == morning);
    CHECK(all[0].last == morning + 3h);
    CHECK(all[0].times == 3);
    CHECK(all[1].reader.protocol == Reader::Protocol::pop3);
    CHECK(all[2].first == next);
    CHECK(office.store->read()->exposure({one}, 1).size() == 1);

    office.write([&](WriteTx& tx) { // who comes from everywhere does not fill the disk
        for (int i = 0; i < 300; ++i)
            tx.recordFetched({office.alice, Reader::Protocol::imap, "2001:db8::" + std::to_string(i), ""}, {{two, morning, morning, 1}});
    });
    CHECK(office.store->read()->exposure({two}, 1000).size() <= 201);
    CHECK(office.store->check(false).empty());
    office.write([&](WriteTx& tx) { tx.forgetFetched(next); });
    CHECK(office.store->read()->exposure({one}, 10).size() == 1);
    CHECK(office.store->read()->exposure({two}, 10).empty());
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(office.store->read()->exposure({one}, 10).empty());
    CHECK(office.store->check(false).empty());
}

TEST_CASE("hashes of the inside are kept as they were given, and go with their content", "[store][scans]")
{
    ScannedOffice office;
    const auto body = office.contentOf(office.deliver("one"));
    const InnerHash hash{0x01020304, 0x1122334455667788, 2, 0xFFFFFFFFFFFFFFFF};
    const auto kept = [&] {
        std::vector<InnerHash> all;
        office.store->read()->eachInnerHashes([&](BodyId, std::string_view packed) {
            for (const InnerHash& one : unpackInnerHashes(packed))
                all.push_back(one);
        });
        return all;
    };
    office.write([&](WriteTx& tx) { tx.putInnerHashes(body, {hash, hash}); });
    REQUIRE(kept().size() == 2);
    CHECK(kept()[1].size == hash.size);
    CHECK(kept()[1].md5 == hash.md5);
    CHECK(kept()[1].sha1 == 2);
    CHECK(kept()[1].sha256 == hash.sha256);
    office.write([&](WriteTx& tx) { tx.putInnerHashes(body, std::vector<InnerHash>(InnerHash::kMost + 1)); }); // not covered
    CHECK(kept().empty());
    office.write([&](WriteTx& tx) { tx.putInnerHashes(body, {hash}); });
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {Uid{1}}); });
    CHECK(kept().empty());
    CHECK(office.store->check(false).empty());
}
