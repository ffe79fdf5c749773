// The views against the rows, and against a model.
#include "tests/unit/store/store_fixture.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;

namespace {

struct Known {
    std::uint64_t bits = 0;
    ModSeq modseq = 0;
    std::vector<std::uint16_t> more;
    bool operator==(const Known&) const = default;
};
using Picture = std::map<std::uint32_t, Known>;

Picture pictureOf(const Snapshot& snapshot)
{
    Picture picture;
    std::uint32_t unseen = 0;
    std::uint64_t size = 0;
    snapshot.each(0, snapshot.count(), [&](std::uint32_t index, const Message& m) {
        picture[m.uid.value] = {m.bits, m.modseq, snapshot.flags(index).more};
        unseen += (m.bits & Flags::kSeen) == 0 ? 1 : 0;
        size += m.size;
        return true;
    });
    CHECK(picture.size() == snapshot.count());
    CHECK(unseen == snapshot.unseen());
    CHECK(size == snapshot.size());
    return picture;
}

void checkDifference(const Picture& before, const Picture& after, const Snapshot::Difference& d)
{
    std::vector<Uid> expunged, changed, added;
    for (const auto& [uid, known] : before) {
        const auto at = after.find(uid);
        if (at == after.end())
            expunged.push_back(Uid{uid});
        else if (!(at->second == known))
            changed.push_back(Uid{uid});
    }
    for (const auto& entry : after)
        if (!before.contains(entry.first))
            added.push_back(Uid{entry.first});
    CHECK(d.expunged == expunged);
    CHECK(d.changed == changed);
    CHECK(d.added == added);
}

} // namespace

TEST_CASE("an empty snapshot knows nothing", "[store][views]")
{
    const Snapshot none;
    CHECK(none.count() == 0);
    CHECK_FALSE(none.find(Uid{1}));
    CHECK_FALSE(UidFinder(none).find(Uid{1}));
    CHECK(none.lowerBound(Uid{1}) == 0);
    CHECK_FALSE(none.firstUnseen());
    CHECK(none.since(none).added.empty());
    none.each(0, 10, [](std::uint32_t, const Message&) { FAIL("a message"); return true; });
}

TEST_CASE("a view is what its rows are, after thousands of changes, while others read", "[store][views]")
{
    Office office;
    const auto body = office.store->prepareBody("a body");
    const auto view = office.store->view(office.inbox);
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    std::atomic<int> wrong{0};
    for (int r = 0; r < 2; ++r)
        readers.emplace_back([&] {
            Snapshot last;
            while (!stop) {
                const Snapshot now = view->now();
                std::uint32_t previous = 0, unseen = 0;
                now.each(0, now.count(), [&](std::uint32_t, const Message& m) {
                    if (m.uid.value <= previous)
                        ++wrong;
                    previous = m.uid.value;
                    unseen += (m.bits & Flags::kSeen) == 0 ? 1 : 0;
                    return true;
                });
                if (unseen != now.unseen() || now.highestModseq() < last.highestModseq())
                    ++wrong;
                (void)now.since(last);
                last = now;
            }
        });

    std::mt19937 random(20260301);
    const auto some = [&](std::size_t most) { // UIDs around a place, some of them gone
        const std::uint32_t next = view->now().uidNext().value;
        std::vector<Uid> picked;
        std::uint32_t uid = random() % next + 1;
        for (std::size_t n = random() % most + 1; n > 0; --n, uid += 1 + random() % 3)
            picked.push_back(Uid{uid});
        return picked;
    };
    Snapshot pinned = view->now();
    Picture pinned_picture = pictureOf(pinned);
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 200; ++i)
            tx.keyword(office.alice, "k" + std::to_string(i));
    });
    for (int round = 0; round < 200; ++round) {
        office.write([&](WriteTx& tx) {
            for (int step = 0; step < 10; ++step) {
                Flags flags;
                flags.bits = random() & 31;
                if (random() % 8 == 0)
                    flags.addKeyword(random() % 200);
                switch (random() % 10) {
                case 0: tx.expunge(office.inbox, some(random() % 20 == 0 ? 900 : 12)); break;
                case 1: tx.move(office.inbox, some(10), office.trash); break;
                case 2: tx.move(office.trash, uids({static_cast<std::uint32_t>(random() % 500), 7}), office.inbox); break;
                case 3: case 4: tx.changeFlags(office.inbox, some(30), static_cast<FlagChange>(random() % 3), flags); break;
                default: {
                    const BodyId id = tx.addBody(*body, "");
                    for (unsigned n = random() % 12; n > 0; --n)
                        tx.append(office.inbox, {id, flags, office.clock.now(), ""});
                }
                }
            }
        });
        if (round % 20 == 19) {
            const Snapshot now = view->now();
            const Picture picture = pictureOf(now);
            checkDifference(pinned_picture, picture, now.since(pinned));
            CHECK(pictureOf(pinned) == pinned_picture); // the old picture has not moved
            CHECK(now.highestModseq() == office.mailbox(office.inbox).highest_modseq);
            CHECK(now.uidNext() == office.mailbox(office.inbox).uid_next);
            for (int probe = 0; probe < 50; ++probe) {
                const Uid uid{static_cast<std::uint32_t>(random() % (now.uidNext().value + 2))};
                const auto index = now.find(uid);
                CHECK(index.has_value() == picture.contains(uid.value));
                const std::uint32_t bound = now.lowerBound(uid);
                CHECK((bound == now.count() || now.uidAt(bound) >= uid));
                CHECK((bound == 0 || now.uidAt(bound - 1) < uid));
            }
            UidFinder finder(now);
            std::uint32_t uid = 0;
            for (int probe = 0; probe < 2000; ++probe) { // on to the next, as a rule; the same again; anywhere
                uid = random() % 50 == 0 ? random() % (now.uidNext().value + 2) : uid + random() % 2;
                if (finder.find(Uid{uid}) != now.find(Uid{uid}))
                    FAIL("UID " << uid << " is found elsewhere");
            }
            pinned = now;
            pinned_picture = picture;
        }
    }
    stop = true;
    for (auto& reader : readers)
        reader.join();
    CHECK(wrong == 0);
    const Picture warm = pictureOf(view->now());
    office.close();
    office.open();
    CHECK(pictureOf(office.store->view(office.inbox)->now()) == warm); // from the rows
    CHECK(office.store->check(false).empty());
}

TEST_CASE("a view that is loaded while mail comes in misses nothing and has nothing twice", "[store][views]")
{
    Office office;
    const auto body = office.store->prepareBody("a body");
    office.write([&](WriteTx& tx) {
        const BodyId id = tx.addBody(*body, "");
        for (int i = 0; i < 3000; ++i)
            tx.append(office.inbox, {id, {}, {}, ""});
    });
    for (int round = 0; round < 8; ++round) {
        office.close();
        office.open();
        std::atomic<int> sent{0};
        std::thread writer([&] {
            for (; sent < 40; ++sent)
                office.write([&](WriteTx& tx) {
                    tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""});
                    tx.expunge(office.inbox, uids({static_cast<std::uint32_t>(round * 40 + sent + 1)}));
                });
        });
        while (sent < 1 + round)
            std::this_thread::yield();
        const auto view = office.store->view(office.inbox);
        writer.join();
        const Snapshot now = view->now();
        CHECK(now.count() == 3000);
        CHECK(now.uidNext() == office.mailbox(office.inbox).uid_next);
        CHECK(pictureOf(now).size() == 3000);
    }
}

TEST_CASE("a deleted mailbox tells its viewers, and its view is not given again", "[store][views]")
{
    Office office;
    MailboxId id;
    office.write([&](WriteTx& tx) { id = tx.createMailbox(office.alice, "short lived"); });
    CHECK_FALSE(office.store->viewIfWarm(id));
    const auto view = office.store->view(id);
    CHECK(office.store->viewIfWarm(id) == view);
    int news = 0;
    const auto mine = view->watch([&] { ++news; });
    office.write([&](WriteTx& tx) { tx.deleteMailbox(office.alice, "short lived"); });
    CHECK(news == 1);
    CHECK(view->isGone());
    CHECK_FALSE(office.store->viewIfWarm(id));
    CHECK(refusal([&] { office.store->view(id); }) == Error::Kind::noSuchMailbox);
}

TEST_CASE("a view that somebody holds is warm, however many others were looked at since", "[store][views]")
{
    Office office;
    const auto held = office.store->view(office.inbox);
    std::vector<MailboxId> others;
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 300; ++i)
            others.push_back(tx.createMailbox(office.alice, "box " + std::to_string(i)));
    });
    for (const MailboxId other : others)
        office.store->view(other);
    CHECK(office.store->viewIfWarm(office.inbox) == held);
    CHECK(office.store->viewIfWarm(others.back()));
    CHECK_FALSE(office.store->viewIfWarm(others.front()));
    office.deliver("news");
    CHECK(held->now().count() == 1);
}
