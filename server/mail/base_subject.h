#pragma once
// A subject without what replies and forwards put around it: what SORT and THREAD go by. RFC 5256 2.1.
#include <string>
#include <string_view>

namespace postfach::mail {

struct BaseSubject {
    std::string text;      // not folded
    bool is_reply = false; // "Re:", "Fwd:", "(fwd)" or the like was taken off
};

// `decoded`: unfolded, encoded words decoded. Linear in its length.
BaseSubject baseSubject(std::string_view decoded);

} // namespace postfach::mail
