#pragma once
// Text on its way into HTML or XML: as content or as a quoted attribute it is never markup.
#include <string>
#include <string_view>

namespace postfach::admin {

std::string markupText(std::string_view text);

} // namespace postfach::admin
