#include "admin/api/request_reader.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
using base::lower;

bool isTokenCharacter(char c) // RFC 9110 5.6.2
{
    static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || base::isDigit(c) || kMarks.find(c) != std::string_view::npos;
}

bool isToken(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), isTokenCharacter);
}

// Fields of which a second one would let two readers disagree.
constexpr std::string_view kSingular[] = {"content-length", "transfer-encoding", "host", "authorization", "content-type",
                                          "origin", "expect", "if-match", "if-none-match"};

bool listHas(std::string_view list, std::string_view word)
{
    for (const auto item : base::split(list, ','))
        if (base::iequals(base::trim(item), word))
            return true;
    return false;
}

// host [":" port], IPv6 in brackets. What it names does not matter to us; what it is made of does (RFC 9112 3.2).
bool isHost(std::string_view host)
{
    return host.size() <= 300 && std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || base::isDigit(c) || std::string_view("-._~:[]%").find(c) != std::string_view::npos;
    });
}
} // namespace

const std::string* RequestHead::find(std::string_view name) const
{
    for (const auto& [key, value] : fields)
        if (key == name)
            return &value;
    return nullptr;
}

void RequestReader::feed(std::string_view bytes)
{
    // What is understood goes first: else a body in tiny chunks with long extensions would be kept whole, many times its size.
    pending_.erase(0, at_);
    scanned_ -= std::min(scanned_, at_);
    at_ = 0;
    pending_.append(bytes);
}

RequestReader::State RequestReader::refuse(int status, std::string code, std::string detail)
{
    phase_ = Phase::refused;
    status_ = status;
    code_ = std::move(code);
    detail_ = std::move(detail);
    pending_.clear();
    body_.clear();
    return State::refused;
}

std::optional<std::string_view> RequestReader::line(std::size_t most, int too_long)
{
    const auto end = pending_.find('\n', std::max(at_, scanned_));
    const auto length = (end == std::string::npos ? pending_.size() : end) - at_;
    if (length > most + 1) {
        refuse(too_long, too_long == 414 ? "target_too_long" : "header_too_large", "A line of the request's header is too long.");
        return std::nullopt;
    }
    if (end == std::string::npos) {
        scanned_ = pending_.size();
        return std::nullopt;
    }
    if (end == at_ || pending_[end - 1] != '\r') {
        refuse(400, "bad_request", "Lines of the header must end in CRLF.");
        return std::nullopt;
    }
    const std::string_view found(pending_.data() + at_, end - 1 - at_);
    at_ = scanned_ = end + 1;
    if (found.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos) {
        refuse(400, "bad_request", "A line of the header holds a bare CR or a NUL.");
        return std::nullopt;
    }
    return found;
}

RequestReader::State RequestReader::next()
{
    for (;;) {
        switch (phase_) {
        case Phase::requestLine:
        case Phase::fields: {
            const bool first = phase_ == Phase::requestLine;
            const auto begun = at_;
            const auto text = line(first ? kRequestLine : kHeaderField, first ? 414 : 431);
            if (!text)
                return phase_ == Phase::refused ? State::refused : State::needMore;
            header_bytes_ += at_ - begun;
            if (header_bytes_ > kHeaderBlock)
                return refuse(431, "header_too_large", "The request's header is too large.");
            if (const auto state = first ? requestLine(*text) : text->empty() ? endOfFields() : field(*text); state != State::needMore)
                return state;
            break;
        }
        case Phase::waiting: return State::head;
        case Phase::sized:
        case Phase::chunkData: {
            const auto here = std::min<std::uint64_t>(left_, pending_.size() - at_);
            body_.append(pending_, at_, here);
            at_ += here;
            left_ -= here;
            if (at_ == pending_.size()) {
                pending_.clear();
                at_ = scanned_ = 0;
            }
            if (left_ > 0)
                return State::needMore;
            phase_ = phase_ == Phase::sized ? Phase::complete : Phase::chunkEnd;
            break;
        }
        case Phase::chunkEnd:
        case Phase::chunkSize: {
            scanned_ = at_;
            const auto text = line(kChunkLine, 400);
            if (!text)
                return phase_ == Phase::refused ? State::refused : State::needMore;
            if (phase_ == Phase::chunkEnd) {
                if (!text->empty())
                    return refuse(400, "bad_request", "A chunk is longer than it says.");
                phase_ = Phase::chunkSize;
            } else if (const auto state = chunkSize(*text); state != State::needMore) {
                return state;
            }
            break;
        }
        case Phase::trailer: {
            scanned_ = at_;
            const auto begun = at_;
            const auto text = line(kTrailer, 431);
            if (!text)
                return phase_ == Phase::refused ? State::refused : State::needMore;
            trailer_bytes_ += at_ - begun;
            if (trailer_bytes_ > kTrailer)
                return refuse(431, "header_too_large", "The trailer is too large.");
            if (text->empty())
                phase_ = Phase::complete;
            break;
        }
        case Phase::complete: return State::complete;
        case Phase::refused: return State::refused;
        }
    }
}

// method SP request-target SP HTTP-version (RFC 9112 3), single spaces.
RequestReader::State RequestReader::requestLine(std::string_view text)
{
    if (text.empty() && !skipped_empty_line_) { // RFC 9112 2.2: one is forgiven
        skipped_empty_line_ = true;
        return State::needMore;
    }
    const auto parts = base::split(text, ' ');
    if (parts.size() != 3 || !isToken(parts[0]) || parts[0].size() > 32 || parts[1].empty())
        return refuse(400, "bad_request", "This is no HTTP request line.");
    if (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0") {
        const bool http = parts[2].starts_with("HTTP/") && parts[2].size() == 8;
        return refuse(http ? 505 : 400, http ? "http_version" : "bad_request", "This server speaks HTTP/1.1.");
    }
    head_.method = parts[0];
    head_.minor_version = parts[2].back() - '0';
    head_.keep_alive = head_.minor_version == 1;
    std::string_view target = parts[1];
    // RFC 9112 3.2.2: the absolute form must be understood. Its authority, as Host, decides nothing here.
    for (const std::string_view scheme : {"https://", "http://"})
        if (base::istartsWith(target, scheme)) {
            const auto path = target.find('/', scheme.size());
            target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
        }
    if (target.front() != '/' || !std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; }))
        return refuse(400, "bad_request", "The request's target must be a path of printable ASCII characters.");
    head_.target = target;
    phase_ = Phase::fields;
    return State::needMore;
}

RequestReader::State RequestReader::field(std::string_view text)
{
    if (head_.fields.size() >= kHeaderFields)
        return refuse(431, "header_too_large", "The request has too many header fields.");
    const auto colon = text.find(':');
    // isToken also refuses folded lines (obs-fold) and a space before the colon, RFC 9112 5.1 and 5.2.
    if (colon == std::string_view::npos || !isToken(text.substr(0, colon)))
        return refuse(400, "bad_request", "A header field is malformed.");
    const auto value = base::trim(text.substr(colon + 1));
    if (std::any_of(value.begin(), value.end(), [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }))
        return refuse(400, "bad_request", "A header field holds a control character.");
    auto name = lower(text.substr(0, colon));
    if (std::find(std::begin(kSingular), std::end(kSingular), name) != std::end(kSingular) && head_.find(name))
        return refuse(400, "bad_request", "The header field " + name + " is there twice.");
    head_.fields.emplace_back(std::move(name), value);
    return State::needMore;
}

RequestReader::State RequestReader::endOfFields()
{
    const auto* host = head_.find("host");
    if ((!host && head_.minor_version == 1) || (host && !isHost(*host)))
        return refuse(400, "bad_request", "HTTP/1.1 wants one Host field.");
    const auto* length = head_.find("content-length");
    if (const auto* coding = head_.find("transfer-encoding")) {
        if (length || head_.minor_version == 0)
            return refuse(400, "bad_request", "Transfer-Encoding stands beside Content-Length, or in HTTP/1.0.");
        if (!base::iequals(*coding, "chunked"))
            return refuse(coding->find(',') != std::string::npos || coding->empty() ? 400 : 501, "transfer_encoding",
                          "The only transfer encoding understood here is chunked.");
        head_.chunked = true;
    }
    if (length) {
        const auto number = length->size() <= 18 ? base::parseU64(*length) : std::nullopt;
        const bool digits = std::all_of(length->begin(), length->end(), base::isDigit) && !length->empty();
        if (!number)
            return refuse(digits ? 413 : 400, digits ? "body_too_large" : "bad_request", "Content-Length must be one number.");
        head_.length = *number;
    }
    if (const auto* connection = head_.find("connection"); connection && listHas(*connection, "close"))
        head_.keep_alive = false;
    if (const auto* expect = head_.find("expect")) {
        if (!base::iequals(*expect, "100-continue"))
            return refuse(417, "expectation_failed", "The only expectation understood here is 100-continue.");
        head_.expects_continue = head_.hasBody() && head_.minor_version == 1;
    }
    pending_.erase(0, at_);
    at_ = scanned_ = 0;
    phase_ = Phase::waiting;
    return State::head;
}

void RequestReader::acceptBody(std::uint64_t most)
{
    most_ = most;
    if (head_.length.value_or(0) > most) {
        refuse(413, "body_too_large", "The body is larger than the " + std::to_string(most) + " bytes allowed here.");
        return;
    }
    left_ = head_.length.value_or(0);
    phase_ = head_.chunked ? Phase::chunkSize : left_ > 0 ? Phase::sized : Phase::complete;
}

// chunk-size [chunk-ext] (RFC 9112 7.1). Extensions are read and mean nothing.
RequestReader::State RequestReader::chunkSize(std::string_view text)
{
    const auto digits = text.substr(0, text.find(';'));
    std::uint64_t size = 0;
    const bool well_formed = !digits.empty() && digits.size() <= 15 && std::all_of(digits.begin(), digits.end(), [&size](char c) {
        const char l = base::asciiLower(c);
        size = size * 16 + static_cast<std::uint64_t>(base::isDigit(l) ? l - '0' : l - 'a' + 10);
        return base::isDigit(l) || (l >= 'a' && l <= 'f');
    });
    if (!well_formed)
        return refuse(400, "bad_request", "A chunk's size is malformed.");
    if (size > most_ - body_.size())
        return refuse(413, "body_too_large", "The body is larger than the " + std::to_string(most_) + " bytes allowed here.");
    left_ = size;
    phase_ = size > 0 ? Phase::chunkData : Phase::trailer;
    return State::needMore;
}

std::pair<RequestHead, std::string> RequestReader::takeRequest()
{
    std::pair<RequestHead, std::string> request(std::move(head_), std::move(body_));
    std::string rest = pending_.substr(at_);
    *this = RequestReader{};
    pending_ = std::move(rest);
    return request;
}

} // namespace postfach::admin
