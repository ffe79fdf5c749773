#pragma once
// HeaderKeys of bodies: a second SORT, THREAD or SEARCH SUBJECT reads nothing.
#include "server/mail/header_keys.h"
#include "server/store/body_cache.h"

#include <string_view>

namespace postfach::imap {

class HeaderCache : public store::BodyCache<mail::HeaderKeys> {
public:
    using Keys = Kept;
    using BodyCache::BodyCache;

    Keys make(store::BodyId body, std::string_view header) // `header` may be a whole message
    {
        Keys keys = std::make_shared<mail::HeaderKeys>(mail::readHeaderKeys(header));
        keep(body, keys, keys->size());
        return keys;
    }
};

} // namespace postfach::imap
