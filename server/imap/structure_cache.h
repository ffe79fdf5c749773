#pragma once
// ENVELOPE and BODYSTRUCTURE as they were printed for one client and are printed for the next: the same message is listed again and
// again, by each of its owner's devices.
#include "server/store/body_cache.h"

#include <string>

namespace postfach::imap {

struct StructureText {
    std::string envelope, body_structure;
};

struct StructureCaches {
    explicit StructureCaches(std::size_t bytes) : plain(bytes), utf8(bytes) {}
    store::BodyCache<StructureText> plain;
    store::BodyCache<StructureText> utf8; // for clients that know message/global (RFC 9051 9, RFC 6855)
};

} // namespace postfach::imap
