#include "server/mail/lines.h"

#include <algorithm>

namespace postfach::mail {

std::size_t countLineEnds(std::string_view text)
{
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace postfach::mail
