#pragma once
// The part that a client reads in pieces (BINARY.PEEK[2]<0.65536>, then <65536.65536> ...; RFC 3516 4.2), decoded once. A session keeps
// the last one until it reads another or leaves the mailbox; what all of them hold together, on the disk, is bounded.
#include "server/delivery/spool.h"
#include "server/store/types.h"

#include <cstdint>
#include <utility>

namespace postfach::imap {

class DecodedPart { // belongs to its session's strand
public:
    // Where it begins in its body says which it is; a body's id is never given again.
    DecodedPart(store::BodyId body, std::uint64_t begin, delivery::Spool bytes) : spool(std::move(bytes)), body_(body), begin_(begin) {}
    ~DecodedPart();
    DecodedPart(const DecodedPart&) = delete;
    DecodedPart& operator=(const DecodedPart&) = delete;

    bool is(store::BodyId body, std::uint64_t begin) const { return body_ == body && begin_ == begin; }
    // It is to be kept, as it is now, and counts until it ends. False for one that is in memory, and where all that are kept would have
    // more than `most` bytes. Two that ask at the same time may both be let in.
    bool mayStay(std::uint64_t most);

    delivery::Spool spool;

private:
    const store::BodyId body_;
    const std::uint64_t begin_;
    std::int64_t counted_ = 0; // bytes
};

} // namespace postfach::imap
