#pragma once
// Writing to many messages at once: one transaction, in steps, told of while it lasts (RFC 9585) carried out to its end whoever leaves.
#include "server/imap/session.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace postfach::imap {

// `step` is called in the writer with one piece of `uids` after the other, all in one transaction: all or none. Returns when the
// commit is on disk, and throws what `step` threw. What `step` captures by reference must live in the caller's frame.
net::Task<> commitInSteps(Session& session, const std::vector<store::Uid>& uids,
    std::function<void(store::WriteTx&, const std::vector<store::Uid>& piece)> step);

} // namespace postfach::imap
