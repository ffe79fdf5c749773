#pragma once
// What APPEND and REPLACE share: messages come off the wire one after the other, in literals and in parts of other messages, into one
// spool, and go through the delivery door together.
//
// Nothing is asked for that would be refused: size, quota and mailbox are looked at before "+". Whatever is thrown leaves the
// request with the literal that is announced and not read, so that the session can read away what is on its way.
// RFC 9051 6.3.12, RFC 3502 (MULTIAPPEND), RFC 3516 4.4 (literal8), RFC 4469 (CATENATE), RFC 6855 4 (UTF8).
#include "server/delivery/delivery.h"
#include "server/imap/session.h"
#include "server/imap/syntax/message_url.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::imap {

class Appending {
public:
    // `freed`: bytes that count against the quota now and will not, when these messages are in.
    Appending(Session& session, Request& request, std::string mailbox, std::uint64_t freed = 0);

    net::Task<> take(); // one message; the request's arguments stand before its space
    bool atEnd() const; // of the command
    // All of them, or a refusal. "APPENDUID 7 12:14".
    net::Task<std::string> store(std::optional<delivery::Delivery::Replaced> replaces = std::nullopt);

private:
    delivery::AppendItem parseOptions();
    net::Task<> lookUp();
    net::Task<> takeLiteral();
    net::Task<> takeUtf8();
    net::Task<> takeParts();
    net::Task<std::string> takeUrl();
    net::Task<> copyFrom(std::string url);
    net::Task<> receive(std::uint64_t size);
    net::Task<> keep(std::string_view bytes);
    net::Task<> withoutNul();
    void reserve(std::uint64_t bytes);

    Session& session_;
    Request& request_;
    const std::uint64_t freed_;
    delivery::Delivery::Appending wanted_;
    delivery::Spool spool_;
    std::optional<std::uint64_t> room_; // for all messages together; set by lookUp()
    bool kept_ = true;                  // false: the spool could not be written; what comes is read all the same
    // Of the message that is being taken:
    std::uint64_t begin_ = 0;                          // in the spool
    std::uint64_t reserved_ = 0, reserved_before_ = 0; // its bytes, and those of the messages before it
    bool binary_ = false;                              // may hold NUL
};

} // namespace postfach::imap
