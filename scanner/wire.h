#pragma once
// What the server, the scanner's parent and its workers say to each other (README.md draws it). Datagrams over
// SOCK_SEQPACKET pairs that were inherited or passed on, so nobody else can join. A small content travels in the datagram; another
// lies in a sealed memfd, which neither side can change or shrink under the other's feet.
//
// A worker parses hostile bytes and may be taken over: the client believes nothing it reads from one without checking.
#include "scanner/client.h"
#include "server/base/file.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::scanner::wire {

inline constexpr std::uint32_t kMagic = 0x31534650; // "PFS1"; both sides come from one build
inline constexpr std::size_t kDatagram = 12 * 1024; // larger than any message below without a content in it
inline constexpr std::size_t kInside = 32 * 1024;   // a parcel up to here goes in the datagram: making, sealing and mapping a memfd costs some 50 us
inline constexpr std::size_t kPieces = 30'000;      // parts of a mail and their transcodes; MIME allows 10,000 parts
inline constexpr std::string_view kReceived = "Received: by postfach\r\n";

// libclamav knows a mail by its first header line and does not know DKIM-Signature, X-… and others: mail that starts with
// them is "clean" unread. The line above goes in front of the first piece.
//
// A parcel: u32 magic, u32 count, u64 length of each piece, then the pieces without a gap. Length 0 includes kReceived.
struct Request {
    std::uint64_t id = 0;
    std::uint64_t bytes = 0;  // size of the parcel
    std::string refused;      // Content::refused
    std::string_view content; // the parcel; empty: it is in the memfd that rides along
};

enum class AnswerKind : std::uint8_t { verdict, error, hello, layers };

// What was seen inside: of each layer its size (4 bytes, little-endian) and the first 8 bytes of its MD5, SHA-1 and SHA-256, several in one
// `name`. A verdict brings them, and `layers` before it those for which it has no room. All of a content, or none where there are more than
// kMostLayers.
inline constexpr std::size_t kLayer = 4 + 3 * 8;
inline constexpr std::size_t kMostLayers = 300;
inline constexpr std::size_t kLayersAtOnce = 50; // what a datagram's text holds

// From a worker. `hello` comes once, before the first request: the worker is confined and has passed its own test. An
// `error` with id 0 comes instead of it and says why not.
struct Answer {
    AnswerKind kind = AnswerKind::error;
    bool retires = false;  // the worker ends after this answer; the next one gets a fresh one
    std::uint64_t id = 0;
    std::string name;              // of an error: why; of the others: layers
    std::vector<Finding> findings; // of a verdict; none: clean
};

// Between client and parent.
enum class Note : std::uint8_t {
    log,    // parent: text for the log
    ready,  // parent: signatures loaded and proved; count, text = set id, detail = what a person should know, engine
    failed, // parent: this generation cannot serve; text = why; it ends
    worker, // parent: a new worker; slot, pid, its socket rides along
    kill,   // client: end the worker `pid` in `slot` (the parent reaps, so it alone knows that the pid is still that worker)
};
struct Control {
    Note note = Note::log;
    std::uint32_t slot = 0;
    std::int32_t pid = 0;
    std::uint64_t count = 0;
    std::string text;
    std::string detail;
    std::string engine; // libclamav's version
};

std::string encode(const Request& request);
std::string encode(const Answer& answer);
std::string encode(const Control& control);
std::optional<Request> decodeRequest(std::string_view bytes); // its content is a part of them
std::optional<Answer> decodeAnswer(std::string_view bytes);
std::optional<Control> decodeControl(std::string_view bytes);

// False when the peer is gone (or, on a non-blocking socket, when its buffer is full). Never raises SIGPIPE.
bool send(int socket, std::string_view datagram, int fd = -1);

struct Datagram {
    enum class Kind { message, nothing, end } kind = Kind::end; // nothing: a non-blocking socket has none now
    std::string bytes;
    base::Fd fd;
};
Datagram receive(int socket, std::size_t most = kDatagram);

std::pair<base::Fd, base::Fd> socketPair();

struct Parcel { // all pieces, in one of both
    base::Fd fd;      // sealed
    std::string text; // up to kInside
    std::uint64_t bytes = 0;
};
// Throws std::system_error.
Parcel pack(const std::vector<std::string>& pieces);

// The worker's view of a parcel. Refuses (nullopt) what is not sealed, not `bytes` long or not well formed.
class Parcels {
public:
    static std::optional<Parcels> open(const base::Fd& fd, std::uint64_t bytes);
    static std::optional<Parcels> open(std::string_view content); // which outlives it
    Parcels(Parcels&& other) noexcept;
    Parcels& operator=(Parcels&&) = delete;
    ~Parcels();
    const std::vector<std::string_view>& pieces() const { return pieces_; } // the first with kReceived in front

private:
    Parcels() = default;
    bool divide(std::string_view all);
    void* memory_ = nullptr;
    std::size_t size_ = 0;
    std::vector<std::string_view> pieces_;
};

} // namespace postfach::scanner::wire
