#include "scanner/wire.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <type_traits>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace postfach::scanner::wire {
namespace {

constexpr std::size_t kText = 1500;      // of one text field; two of them fit a datagram
constexpr std::size_t kShort = 250;      // of a finding's name: kMostOfAClass of each class fit a datagram
constexpr std::size_t kClasses = static_cast<std::size_t>(Class::attachment) + 1;
static_assert(kLayersAtOnce * kLayer <= kText);
static_assert(kText + kClasses * kMostOfAClass * (kShort + 5) + 20 <= kDatagram);

template <class T>
void put(std::string& out, T value)
{
    static_assert(std::is_trivially_copyable_v<T>);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    out.append(raw, sizeof raw);
}

void putText(std::string& out, std::string_view text)
{
    text = text.substr(0, kText);
    put(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

// Takes values off the front of a datagram; once something is missing, everything is.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    template <class T>
    T take()
    {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        if (rest_.size() < sizeof value) {
            good_ = false;
            return value;
        }
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
        return value;
    }

    std::string takeText()
    {
        const auto length = take<std::uint32_t>();
        if (!good_ || length > kText || length > rest_.size()) {
            good_ = false;
            return {};
        }
        std::string text(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return text;
    }

    bool whole() const { return good_ && rest_.empty(); }
    std::string_view rest() const { return good_ ? rest_ : std::string_view(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

} // namespace

std::string encode(const Request& request)
{
    std::string out;
    out.reserve(kText + 64 + request.content.size());
    put(out, kMagic);
    put(out, static_cast<std::uint32_t>(!request.content.empty()));
    put(out, request.id);
    put(out, request.bytes);
    putText(out, request.refused);
    out.append(request.content);
    return out;
}

std::optional<Request> decodeRequest(std::string_view bytes)
{
    Reader in(bytes);
    Request request;
    const auto magic = in.take<std::uint32_t>();
    const bool inside = in.take<std::uint32_t>() != 0;
    request.id = in.take<std::uint64_t>();
    request.bytes = in.take<std::uint64_t>();
    request.refused = in.takeText();
    request.content = in.rest();
    const bool fits = inside ? !request.content.empty() && request.content.size() == request.bytes && request.bytes <= kInside : in.whole();
    if (!fits || magic != kMagic)
        return std::nullopt;
    return request;
}

std::string encode(const Answer& answer)
{
    std::string out;
    put(out, kMagic);
    put(out, static_cast<std::uint8_t>(answer.kind));
    put(out, static_cast<std::uint8_t>(answer.retires));
    put(out, answer.id);
    putText(out, answer.name);
    put(out, static_cast<std::uint8_t>(answer.findings.size()));
    for (const Finding& finding : answer.findings) {
        put(out, static_cast<std::uint8_t>(finding.what));
        putText(out, std::string_view(finding.name).substr(0, kShort));
    }
    return out;
}

std::optional<Answer> decodeAnswer(std::string_view bytes)
{
    Reader in(bytes);
    const auto magic = in.take<std::uint32_t>();
    const auto kind = in.take<std::uint8_t>();
    Answer answer;
    answer.retires = in.take<std::uint8_t>() != 0;
    answer.id = in.take<std::uint64_t>();
    answer.name = in.takeText();
    std::array<std::size_t, kClasses> seen{};
    for (std::size_t left = in.take<std::uint8_t>(); left > 0; --left) {
        const std::size_t what = in.take<std::uint8_t>();
        std::string name = in.takeText();
        if (what >= kClasses || ++seen[what] > kMostOfAClass)
            return std::nullopt;
        answer.findings.push_back({static_cast<Class>(what), std::move(name)});
    }
    if (!in.whole() || magic != kMagic || kind > static_cast<std::uint8_t>(AnswerKind::layers))
        return std::nullopt;
    answer.kind = static_cast<AnswerKind>(kind);
    return answer;
}

std::string encode(const Control& control)
{
    std::string out;
    put(out, kMagic);
    put(out, static_cast<std::uint8_t>(control.note));
    put(out, control.slot);
    put(out, control.pid);
    put(out, control.count);
    putText(out, control.text);
    putText(out, control.detail);
    putText(out, control.engine);
    return out;
}

std::optional<Control> decodeControl(std::string_view bytes)
{
    Reader in(bytes);
    const auto magic = in.take<std::uint32_t>();
    const auto note = in.take<std::uint8_t>();
    Control control;
    control.slot = in.take<std::uint32_t>();
    control.pid = in.take<std::int32_t>();
    control.count = in.take<std::uint64_t>();
    control.text = in.takeText();
    control.detail = in.takeText();
    control.engine = in.takeText();
    if (!in.whole() || magic != kMagic || note > static_cast<std::uint8_t>(Note::kill))
        return std::nullopt;
    control.note = static_cast<Note>(note);
    return control;
}

bool send(int socket, std::string_view datagram, int fd)
{
    iovec piece{const_cast<char*>(datagram.data()), datagram.size()};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = space;
        message.msg_controllen = sizeof space;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do
        sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(datagram.size());
}

Datagram receive(int socket, std::size_t most)
{
    Datagram result;
    result.bytes.resize(most);
    iovec piece{result.bytes.data(), result.bytes.size()};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    ssize_t got;
    do
        got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        result.kind = Datagram::Kind::nothing;
        return result;
    }
    if (got <= 0)
        return result;
    // The kernel closes descriptors that did not fit; the one that did is ours, whatever else is wrong with the message.
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
            result.fd.reset(fd);
        }
    result.kind = Datagram::Kind::message;
    result.bytes.resize(static_cast<std::size_t>(got)); // a cut one no longer decodes: decoders want whole messages
    return result;
}

std::pair<base::Fd, base::Fd> socketPair()
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        fail("socketpair");
    return {base::Fd(fds[0]), base::Fd(fds[1])};
}

Parcel pack(const std::vector<std::string>& pieces)
{
    Parcel parcel;
    std::string head;
    head.reserve(8 + 8 * pieces.size() + kReceived.size());
    put(head, kMagic);
    put(head, static_cast<std::uint32_t>(pieces.size()));
    for (std::size_t i = 0; i < pieces.size(); ++i)
        put(head, static_cast<std::uint64_t>(pieces[i].size() + (i == 0 ? kReceived.size() : 0)));
    head.append(kReceived);
    parcel.bytes = head.size();
    for (const std::string& piece : pieces)
        parcel.bytes += piece.size();
    if (parcel.bytes <= kInside) {
        parcel.text = std::move(head);
        for (const std::string& piece : pieces)
            parcel.text += piece;
        return parcel;
    }
    parcel.fd.reset(::memfd_create("postfach-scan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!parcel.fd)
        fail("memfd_create");
    base::writeAll(parcel.fd.get(), head);
    for (const std::string& piece : pieces)
        base::writeAll(parcel.fd.get(), piece);
    if (::fcntl(parcel.fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        fail("F_ADD_SEALS");
    return parcel;
}

std::optional<Parcels> Parcels::open(const base::Fd& fd, std::uint64_t bytes)
{
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat about {};
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals || ::fstat(fd.get(), &about) != 0 || about.st_size < 8
        || static_cast<std::uint64_t>(about.st_size) != bytes)
        return std::nullopt;
    Parcels result;
    // Private, not shared: kernels before 6.7 refuse shared maps of a write-sealed memfd even for reading.
    void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (memory == MAP_FAILED)
        return std::nullopt;
    result.memory_ = memory;
    result.size_ = bytes;

    if (!result.divide({static_cast<const char*>(memory), bytes}))
        return std::nullopt;
    return result;
}

std::optional<Parcels> Parcels::open(std::string_view content)
{
    Parcels result;
    if (!result.divide(content))
        return std::nullopt;
    return result;
}

bool Parcels::divide(std::string_view all)
{
    Reader in(all);
    const auto magic = in.take<std::uint32_t>();
    const std::size_t count = in.take<std::uint32_t>();
    if (magic != kMagic || count == 0 || count > kPieces || (all.size() - 8) / 8 < count)
        return false;
    pieces_.reserve(count);
    std::uint64_t at = 8 + 8 * count;
    for (std::size_t i = 0; i < count; ++i) {
        const auto length = in.take<std::uint64_t>();
        if (length > all.size() - at)
            return false;
        pieces_.push_back(all.substr(at, length));
        at += length;
    }
    return at == all.size() && pieces_.front().substr(0, kReceived.size()) == kReceived;
}

Parcels::Parcels(Parcels&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0)), pieces_(std::move(other.pieces_))
{
}

Parcels::~Parcels()
{
    if (memory_)
        ::munmap(memory_, size_);
}

} // namespace postfach::scanner::wire
