#pragma once
// Ids are numbers that must not be mixed up: an AccountId is no MailboxId, and neither can be added to.
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace postfach::base {

template <class Tag, class Int = std::int64_t>
struct Id {
    Int value{};
    constexpr Id() = default;
    constexpr explicit Id(Int v) : value(v) {}
    constexpr auto operator<=>(const Id&) const = default;
    constexpr explicit operator bool() const { return value != Int{}; }
};

// `bytes` random bytes from the system's generator, as lower-case hex. Unguessable: fit for tokens. Any thread.
std::string randomHex(std::size_t bytes);
// Random characters of an alphabet without look-alikes (no 0 O 1 l I), for passwords people type. Any thread.
std::string randomPassword(std::size_t characters = 16);
// Eight hex digits that tie an answer to a client ("reference 7f3a91c2") to its line in the log.
std::string newReference();

} // namespace postfach::base

template <class Tag, class Int>
struct std::hash<postfach::base::Id<Tag, Int>> {
    std::size_t operator()(const postfach::base::Id<Tag, Int>& id) const noexcept { return std::hash<Int>{}(id.value); }
};
