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

TEST_CASE("decoded parts that are on the disk are kept up to a bound, and make room when they end", "[imap][binary]")
{
    constexpr std::size_t kUnit = base::limits::kSpoolInMemory / 10;
    constexpr std::uint64_t kBound = 100 * kUnit;
    auto first = part(60 * kUnit), second = part(50 * kUnit), third = part(40 * kUnit);
    CHECK(first->mayStay(kBound));
    CHECK(first->mayStay(kBound)); // it counts once
    CHECK_FALSE(second->mayStay(kBound));
    CHECK(third->mayStay(kBound));
    first.reset();
    CHECK(second->mayStay(kBound));
    CHECK_FALSE(part(11 * kUnit)->mayStay(kBound));
    second.reset(); // also what was never let in
    third.reset();
    CHECK(part(100 * kUnit)->mayStay(kBound));
    CHECK_FALSE(part(100 * kUnit + 1)->mayStay(kBound));
    CHECK_FALSE(part(base::limits::kSpoolInMemory)->mayStay(base::limits::kDecodedParts)); // costs memory, and little to be made
    CHECK(part(base::limits::kSpoolInMemory + 1)->mayStay(base::limits::kDecodedParts));
}

TEST_CASE("a decoded part is known by its body and its place in it", "[imap][binary]")
{
    const auto one = part(1, 300);
    CHECK(one->is(store::BodyId{7}, 300));
    CHECK_FALSE(one->is(store::BodyId{7}, 301));
    CHECK_FALSE(one->is(store::BodyId{8}, 300));
}
