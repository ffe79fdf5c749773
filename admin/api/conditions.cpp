#include "admin/api/conditions.h"
#include "admin/api/json.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
constexpr std::size_t kPosts = 1000;
constexpr std::uint64_t kPostBytes = 8ULL << 20;
constexpr auto kPostTime = std::chrono::hours(1);
constexpr std::size_t kKey = 255;

// RFC 9110 8.8.3.2: tags of a list; commas do not stand in ours. A weak one is equal for reading, never for writing.
bool names(std::string_view list, std::string_view tag, bool weak_too)
{
    if (base::trim(list) == "*")
        return true;
    for (auto one : base::split(list, ',')) {
        one = base::trim(one);
        if (weak_too && one.starts_with("W/"))
            one.remove_prefix(2);
        if (one == tag)
            return true;
    }
    return false;
}
} // namespace

std::string entityTag(std::string_view representation)
{
    std::string tag = "\"";
    tag += base::hex(base::sha256(representation)).substr(0, 32);
    return tag + '"';
}

std::string entityTag(const Poco::JSON::Object::Ptr& representation) { return entityTag(text(representation)); }

bool onlyNew(const Call& call)
{
    const auto* condition = call.head.find("if-none-match");
    if (condition && *condition != "*")
        throw Problem(412, "changed", "If-None-Match takes * here.");
    return condition != nullptr;
}

std::optional<std::string> expected(const Call& call)
{
    const auto* condition = call.head.find("if-match");
    return condition ? std::optional(*condition) : std::nullopt;
}

void requireMatch(const std::optional<std::string>& expected, std::string_view current, const std::string& subject)
{
    if (expected && (current.empty() || !names(*expected, current, false))) // RFC 9110 13.1.1
        throw Problem(412, "changed", "The " + subject + " was changed in the meantime: read it again.");
}

Response conditional(const RequestHead& head, Response response)
{
    if (response.status != 200)
        return response;
    auto tag =
        std::find_if(response.headers.begin(), response.headers.end(), [](const auto& header) { return header.first == "ETag"; });
    if (tag == response.headers.end())
        tag = response.headers.insert(tag, {"ETag", entityTag(response.body)});
    const auto* known = head.find("if-none-match");
    if (!known || !names(*known, tag->second, true))
        return response;
    auto unchanged = Response::empty(304);
    unchanged.headers.emplace_back(*tag);
    return unchanged;
}

void RepeatedPosts::forgetOld(std::chrono::steady_clock::time_point now)
{
    while (!order_.empty()) {
        const auto oldest = kept_.find(order_.front());
        const bool old = now - oldest->second.since > kPostTime;
        if (!old && order_.size() <= kPosts && bytes_ <= kPostBytes)
            return;
        bytes_ -= oldest->second.size;
        kept_.erase(oldest);
        order_.pop_front();
    }
}

Response RepeatedPosts::answer(const std::string& who, const RequestHead& head, const std::string& body,
    std::chrono::steady_clock::time_point now, const std::function<Response()>& work)
{
    const auto* key = head.find("idempotency-key");
    if (!key)
        return work();
    if (key->empty() || key->size() > kKey)
        throw Problem(400, "bad_request", "An Idempotency-Key has 1 to 255 characters.");
    const auto request = base::hex(base::sha256(head.target + '\n' + body)), name = who + '\n' + *key;
    {
        const std::lock_guard lock(mutex_);
        forgetOld(now);
        const auto [place, fresh] = kept_.try_emplace(name);
        if (!fresh) {
            const Kept& before = place->second;
            if (before.request != request)
                throw Problem(422, "key_used", "This Idempotency-Key came with another request before.");
            if (!before.response)
                throw Problem(409, "in_progress", "The request with this Idempotency-Key is still being worked on.");
            auto again = *before.response;
            again.headers.emplace_back("Idempotent-Replayed", "true");
            return again;
        }
        place->second = {request, std::nullopt, now, name.size() + request.size()};
        bytes_ += place->second.size;
        order_.push_back(name);
    }
    std::optional<Response> response;
    const auto settle = [&] { // whatever became of it, the key does not stay "being worked on"
        const std::lock_guard lock(mutex_);
        const auto place = kept_.find(name);
        if (place == kept_.end() || place->second.request != request) // pushed out meanwhile
            return;
        if (response && response->status < 500) {
            place->second.response = response;
            place->second.size += response->body.size();
            bytes_ += response->body.size();
        } else {
            bytes_ -= place->second.size;
            order_.remove(name);
            kept_.erase(place);
        }
    };
    try {
        response = work();
    } catch (...) { // a refusal changed nothing, and may be none the next time
        settle();
        throw;
    }
    settle();
    return *response;
}

} // namespace postfach::admin
