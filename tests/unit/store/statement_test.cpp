// What a statement may be given to keep.
#include "server/store/sqlite/database.h"
#include "tests/unit/store/store_fixture.h"

using namespace postfach::store::sqlite;

namespace {

template <class... Values>
concept CanBind = requires(Statement& statement, Values&&... values)
{
    statement.bind(std::forward<Values>(values)...);
};
template <class... Values>
concept CanQuery = requires(Connection& db, Values&&... values)
{
    db.query("", std::forward<Values>(values)...);
};
template <class... Values>
concept CanRun = requires(Connection& db, Values&&... values)
{
    db.run("", std::forward<Values>(values)...);
};

using Text = std::string;
using View = std::string_view;

// A statement steps later than it is bound: what is bound must still be there.
static_assert(CanBind<Text&, const Text&, View, const char*, int, Blob, std::nullptr_t, std::optional<std::int64_t>>);
static_assert(CanQuery<Text&, const Text&, View, const char*, int, Blob, std::nullptr_t, std::optional<std::int64_t>>);
static_assert(!CanBind<Text> && !CanBind<const Text> && !CanBind<int, Text>);
static_assert(!CanQuery<Text> && !CanQuery<const Text> && !CanQuery<int, Text>);
// run() is over before its arguments are.
static_assert(CanRun<Text&, Text, const Text, View, int>);
static_assert(
    std::is_constructible_v<Blob, Text&> && std::is_constructible_v<Blob, const Text&> && std::is_constructible_v<Blob, View>);
static_assert(!std::is_constructible_v<Blob, Text> && !std::is_constructible_v<Blob, const Text>);

} // namespace

TEST_CASE("what is bound is what is read, empty text and empty bytes too", "[store][sqlite]")
{
    const postfach::store::test::TempFolder folder;
    Connection db(folder.path + "/a.db", Connection::Role::writer);
    db.run("CREATE TABLE kept (text TEXT, bytes BLOB, number INTEGER)");
    const Text bytes("a\0b", 3);
    db.run("INSERT INTO kept VALUES (?, ?, ?)", Text(100, 'x'), Blob{bytes}, 7);
    db.run("INSERT INTO kept VALUES (?, ?, ?)", View(), Blob{View()}, nullptr);
    Statement row = db.query("SELECT text, bytes, number FROM kept ORDER BY number DESC");
    REQUIRE(row.step());
    CHECK(row.text(0) == Text(100, 'x'));
    CHECK(row.text(1) == bytes);
    CHECK(row.integer(2) == 7);
    REQUIRE(row.step());
    CHECK((row.text(0).empty() && !row.isNull(0) && row.text(1).empty() && !row.isNull(1) && row.isNull(2)));
    CHECK_FALSE(row.step());
}
