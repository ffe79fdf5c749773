#pragma once
// The one place that knows which Catch2 this is: 2.13 on Debian 12, 3 on Debian 13. Tests include this and nothing of Catch's own.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
namespace Catch {
using namespace Matchers;
}
#else
#include <catch2/catch.hpp>
namespace Catch {
inline auto ContainsSubstring(const std::string& text) { return Catch::Contains(text); }
} // namespace Catch
#endif
