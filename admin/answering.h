#pragma once
// The store's refusals on their way to a caller.
#include "admin/problem.h"
#include "server/base/log.h"
#include "server/store/types.h"

#include <string>

namespace postfach::admin {

// Runs `work` and turns the store's refusals into answers that name `subject`.
template <class F>
auto answering(const std::string& subject, F work) -> decltype(work())
{
    try {
        return work();
    } catch (const store::Error& error) {
        if (error.kind == store::Error::Kind::damaged || error.kind == store::Error::Kind::unavailable)
            base::logError("admin", "store refuses", {{"subject", subject}, {"reason", error.what()}});
        throw problemOf(error, subject);
    }
}

} // namespace postfach::admin
