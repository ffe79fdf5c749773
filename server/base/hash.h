#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace postfach::base {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
std::string hmacSha256(std::string_view key, std::string_view message); // 32 raw bytes
std::string hex(const Sha256& digest);
std::uint64_t checksum(std::string_view bytes); // XXH3-64: against damage, not against forgery; some ten bytes a nanosecond

// The same digest in pieces.
class Sha256Stream {
public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(const Sha256Stream&) = delete;
    Sha256Stream& operator=(const Sha256Stream&) = delete;
    void update(std::string_view bytes);
    Sha256 finish(); // once

private:
    evp_md_ctx_st* context_;
};

} // namespace postfach::base
