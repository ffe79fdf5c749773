#pragma once
// ClamAV's archives (.cvd, .cld, .cud): 512 bytes of head, then a tar, deflated or not. Their makers' signature is the scanner's
// business; here they are only read, within bounds.
#include <functional>
#include <string>
#include <string_view>

namespace postfach::delivery {

// Calls `take` with pieces of the files whose name it wants, in order; a piece ends anywhere. False when the file is none of these
// archives, or is cut short.
bool readSignatureArchive(const std::string& path, const std::function<bool(std::string_view name)>& wants,
                          const std::function<void(std::string_view name, std::string_view piece)>& take);

} // namespace postfach::delivery
