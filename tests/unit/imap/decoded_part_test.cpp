#include "server/base/limits.h"
#include "server/imap/decoded_part.h"
#include "tests/support/catch.h"

#include <filesystem>
#include <memory>
#include <string>

using namespace postfach;
using namespace postfach::imap;

namespace {

std::unique_ptr<DecodedPart> part(std::size_t bytes, std::uint64_t begin = 0)
{
    auto made = std::make_unique<DecodedPart>(store::BodyId{7}, begin, delivery::Spool(std::filesystem::temp_directory_path()));
    made->spool.append(std::string(bytes, 'x'));
    return made;
}

} // namespace

TEST_CASE("decoded parts are kept up to a bound, and make room when they end", "[imap][binary]")
{
    auto first = part(60), second = part(50), third = part(40);
    CHECK(first->mayStay(100));
    CHECK(first->mayStay(100)); // it counts once
    CHECK_FALSE(second->mayStay(100));
    CHECK(third->mayStay(100));
    first.reset();
    CHECK(second->mayStay(100));
    CHECK_FALSE(part(11)->mayStay(100));
    second.reset(); // also what was never let in
    third.reset();
    CHECK(part(100)->mayStay(100));
    CHECK_FALSE(part(101)->mayStay(100));
    CHECK(part(base::limits::kSpoolInMemory * 2)->mayStay(base::limits::kDecodedParts));
}

TEST_CASE("a decoded part is known by its body and its place in it", "[imap][binary]")
{
    const auto one = part(1, 300);
    CHECK(one->is(store::BodyId{7}, 300));
    CHECK_FALSE(one->is(store::BodyId{7}, 301));
    CHECK_FALSE(one->is(store::BodyId{8}, 300));
}
