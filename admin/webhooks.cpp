#include "admin/webhooks.h"
#include "admin/events.h"
#include "server/base/hash.h"
#include "server/base/json_text.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/net/address.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include <arpa/inet.h>
#include <sys/socket.h>

namespace postfach::admin {
namespace {
using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kPending = 200;      // events of one webhook in memory
constexpr std::size_t kAnswer = 64 * 1024; // of an answer's body, which says nothing to us
constexpr auto kPace = 100ms;              // between two looks into the journal
constexpr auto kLongestPause = std::chrono::milliseconds(1h);
constexpr auto kGiveUp = 24h;

base::Counter sent{"postfach_webhook_attempts_total", "Events posted to webhooks", {{"outcome", "ok"}}};
base::Counter failed{"postfach_webhook_attempts_total", "Events posted to webhooks", {{"outcome", "failed"}}};

std::string textOf(const curl_sockaddr& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = address.family == AF_INET
        ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&address.addr)->sin_addr)
        : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address.addr)->sin6_addr);
    if ((address.family != AF_INET && address.family != AF_INET6)
        || ::inet_ntop(address.family, bytes, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

// What libcurl reads in a URL: who looks at it otherwise looks at another.
struct Parts {
    std::string scheme, host, user, password, fragment;
    bool read = false;
};

Parts partsOf(const std::string& url)
{
    Parts parts;
    CURLU* const handle = curl_url();
    if (handle == nullptr)
        return parts;
    if (url.size() <= 2000 && curl_url_set(handle, CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        const auto part = [handle](CURLUPart which) {
            char* text = nullptr;
            std::string out;
            if (curl_url_get(handle, which, &text, 0) == CURLUE_OK)
                out = text;
            curl_free(text);
            return out;
        };
        parts = {part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_USER), part(CURLUPART_PASSWORD),
            part(CURLUPART_FRAGMENT), true};
    }
    curl_url_cleanup(handle);
    return parts;
}

} // namespace

std::string webhookSignature(const std::string& secret, std::int64_t seconds, const std::string& body)
{
    const std::string when = std::to_string(seconds);
    return "t=" + when + ",v1=" + base::hex(base::hmacSha256(secret, when + "." + body));
}

struct Webhooks::Inner {
    struct Hook;
    struct Flight { // one attempt under way; libcurl has pointers into it
        Hook* hook = nullptr;
        Inner* inner = nullptr;
        CURL* easy = nullptr;
        curl_slist* fields = nullptr;
        std::string body;
        std::array<char, CURL_ERROR_SIZE> error{};
        std::string refused; // an address that may not be connected to
        std::size_t answered = 0;
        bool plain = false;
        SteadyClock::time_point begun{};
    };
    struct Hook { // the thread's own, but for what says otherwise
        store::Webhook row;
        store::EventFilter filter;
        std::deque<store::Event> pending;
        std::int64_t looked = 0;
        int failures = 0; // of the first of pending
        SteadyClock::time_point failing_since{}, next_try{};
        std::unique_ptr<Flight> flight;
        std::deque<store::WebhookAttempt> attempts; // guarded by mutex
        std::optional<base::Time> next_try_shown; // guarded by mutex
    };

    Inner(store::Store& s, const base::Clock& c, WebhookSettings w) :
        store(s), clock(c), settings(std::move(w)), multi(curl_multi_init())
    {
        news = s.watchEvents([this] {
            something_new = true;
            curl_multi_wakeup(multi);
        });
        thread = std::thread([this] { run(); });
    }
    ~Inner()
    {
        news.reset();
        stopping = true;
        curl_multi_wakeup(multi);
        thread.join();
        for (auto& [name, hook] : hooks)
            end(*hook);
        curl_multi_cleanup(multi);
    }

    void run();
    void readHooks();
    void resume(Hook& hook) const;
    void readEvents();
    void start(Hook& hook);
    void end(Hook& hook);
    void finish(CURL* easy, CURLcode code);
    void conclude(Hook& hook, store::WebhookAttempt attempt);
    void tell(const std::string& kind, const Hook& hook, const store::WebhookAttempt& attempt);
    std::chrono::milliseconds patience() const;
    bool mayConnect(const std::string& address, bool plain) const;
    static curl_socket_t openSocket(void* flight, curlsocktype purpose, curl_sockaddr* address);
    static std::size_t takeAnswer(char* bytes, std::size_t size, std::size_t count, void* flight);

    store::Store& store;
    const base::Clock& clock;
    const WebhookSettings settings;
    CURLM* const multi;
    std::atomic<bool> stopping{false}, reread{true}, something_new{true};
    std::map<std::string, std::unique_ptr<Hook>> hooks; // changed by the thread, under mutex
    mutable std::mutex mutex;
    SteadyClock::time_point looked_at{};
    store::Subscription news;
    std::thread thread; // last
};

bool Webhooks::Inner::mayConnect(const std::string& address, bool plain) const
{
    if (address.empty())
        return false;
    if (net::inAnyNetwork(address, settings.allow ? settings.allow() : std::vector<std::string>{}))
        return true;
    return !plain && isPublicAddress(address);
}

// The one place where a connection is made: what is looked at here is what is connected to.
curl_socket_t Webhooks::Inner::openSocket(void* given, curlsocktype, curl_sockaddr* address)
{
    auto& flight = *static_cast<Flight*>(given);
    const std::string text = textOf(*address);
    if (!flight.inner->mayConnect(text, flight.plain)) {
        flight.refused = text;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Webhooks::Inner::takeAnswer(char*, std::size_t size, std::size_t count, void* given)
{
    auto& flight = *static_cast<Flight*>(given);
    flight.answered += size * count;
    return flight.answered > kAnswer ? 0 : size * count; // 0 ends the transfer
}

void Webhooks::Inner::readHooks()
{
    std::map<std::string, store::Webhook> rows;
    for (auto& row : store.read()->webhooks())
        rows.emplace(row.name, row);
    for (auto at = hooks.begin(); at != hooks.end();) {
        const auto row = rows.find(at->first);
        const auto said = [](const store::Webhook& w) { return std::tie(w.url, w.kinds, w.account, w.secret, w.created); };
        const bool same = row != rows.end() && said(row->second) == said(at->second->row);
        if (!same) { // begun anew: it may go elsewhere now
            end(*at->second);
            const std::lock_guard lock(mutex);
            at = hooks.erase(at);
        } else {
            ++at;
        }
    }
    for (auto& [name, row] : rows) {
        if (hooks.contains(name))
            continue;
        auto hook = std::make_unique<Hook>();
        hook->filter.kinds = row.kinds;
        hook->filter.account = row.account;
        hook->looked = row.told;
        hook->row = row;
        for (auto& attempt : store.read()->webhookAttempts(name))
            hook->attempts.push_back(std::move(attempt));
        resume(*hook);
        const std::lock_guard lock(mutex);
        hooks.emplace(name, std::move(hook));
    }
    something_new = true;
}

// As it was when the server ended. The clock may have been set since: no pause is longer than it could have been.
void Webhooks::Inner::resume(Hook& hook) const
{
    if (hook.row.failures == 0 || !hook.row.failing_since || !hook.row.next_try)
        return;
    const auto now = clock.now();
    hook.failures = hook.row.failures;
    hook.failing_since = SteadyClock::now() - std::max(base::Time::duration{}, now - *hook.row.failing_since);
    hook.next_try = SteadyClock::now() + std::clamp<base::Time::duration>(*hook.row.next_try - now, base::Time::duration{}, kLongestPause);
    hook.next_try_shown = hook.row.next_try;
}

void Webhooks::Inner::readEvents()
{
    looked_at = SteadyClock::now();
    bool more = false;
    for (auto& [name, hook] : hooks) {
        if (!hook->pending.empty())
            continue;
        std::int64_t looked = 0;
        for (auto& event : store.read()->eventsSince(hook->filter, hook->looked, kPending, looked))
            if (!event.kind.starts_with("webhook.")) // of itself it tells nothing
                hook->pending.push_back(std::move(event));
        more = more || looked != hook->looked;
        hook->looked = looked;
    }
    if (more)
        something_new = true;
}

void Webhooks::Inner::start(Hook& hook)
{
    const store::Event& event = hook.pending.front();
    auto flight = std::make_unique<Flight>();
    flight->hook = &hook;
    flight->inner = this;
    flight->body = eventText(event);
    flight->begun = SteadyClock::now();
    const Parts parts = partsOf(hook.row.url);
    flight->plain = parts.scheme != "https";
    const auto seconds = base::toMillis(clock.now()) / 1000;
    for (const std::string& field : {std::string("Content-Type: application/json"), "Postfach-Event: " + event.kind,
             "Postfach-Delivery: " + hook.row.name + "-" + std::to_string(event.id),
             "Postfach-Signature: " + webhookSignature(hook.row.secret, seconds, flight->body), std::string("Expect:")})
        flight->fields = curl_slist_append(flight->fields, field.c_str());
    CURL* const easy = flight->easy = curl_easy_init();
    const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
    set(CURLOPT_URL, hook.row.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, flight->plain ? "http" : "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, ""); // what an environment says of proxies is for others
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout.count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.timeout.count() / 2));
    set(CURLOPT_OPENSOCKETFUNCTION, &Inner::openSocket);
    set(CURLOPT_OPENSOCKETDATA, flight.get());
    set(CURLOPT_WRITEFUNCTION, &Inner::takeAnswer);
    set(CURLOPT_WRITEDATA, flight.get());
    set(CURLOPT_ERRORBUFFER, flight->error.data());
    set(CURLOPT_HTTPHEADER, flight->fields);
    set(CURLOPT_USERAGENT, "postfach/" POSTFACH_VERSION);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(flight->body.size()));
    set(CURLOPT_POSTFIELDS, flight->body.c_str());
    set(CURLOPT_FORBID_REUSE, 1L); // each connection is looked at under the rules of now
    if (!settings.authorities.empty())
        set(CURLOPT_CAINFO, settings.authorities.c_str());
    set(CURLOPT_PRIVATE, static_cast<void*>(flight.get()));
    curl_multi_add_handle(multi, easy);
    hook.flight = std::move(flight);
}

void Webhooks::Inner::end(Hook& hook)
{
    if (!hook.flight)
        return;
    curl_multi_remove_handle(multi, hook.flight->easy);
    curl_easy_cleanup(hook.flight->easy);
    curl_slist_free_all(hook.flight->fields);
    hook.flight.reset();
}

void Webhooks::Inner::finish(CURL* easy, CURLcode code)
{
    char* given = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &given);
    auto& flight = *reinterpret_cast<Flight*>(given);
    Hook& hook = *flight.hook;
    store::WebhookAttempt attempt;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    attempt.time = clock.now();
    attempt.event = hook.pending.front().id;
    attempt.kind = hook.pending.front().kind;
    attempt.attempt = hook.failures + 1;
    attempt.status = static_cast<int>(status);
    attempt.milliseconds = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - flight.begun).count());
    const bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && flight.answered > kAnswer); // enough of it was read
    if (!flight.refused.empty() && !answered)
        attempt.error = "the address " + flight.refused + " may not be called: see webhooks.allow";
    else if (!answered)
        attempt.error = flight.error[0] != 0 ? flight.error.data() : curl_easy_strerror(code);
    else if (status < 200 || status > 299)
        attempt.error =
            status >= 300 && status <= 399 ? "a redirect, which is not followed" : "the answer says " + std::to_string(status);
    end(hook);
    conclude(hook, std::move(attempt));
}

void Webhooks::Inner::tell(const std::string& kind, const Hook& hook, const store::WebhookAttempt& attempt)
{
    store::NewEvent event{kind, "",
        base::jsonObject(
            {{"webhook", hook.row.name}, {"event", attempt.event}, {"attempt", attempt.attempt}, {"error", attempt.error}})};
    store.writeLater([event = std::move(event)](store::WriteTx& tx) { tx.addEvent(event); });
}

void Webhooks::Inner::conclude(Hook& hook, store::WebhookAttempt attempt)
{
    const bool well = attempt.error.empty();
    const auto now = SteadyClock::now();
    (well ? sent : failed).add();
    bool over = well;
    std::optional<base::Time> next;
    if (well) {
        if (hook.failures > 0)
            tell("webhook.recovered", hook, attempt);
    } else {
        if (hook.failures++ == 0) {
            hook.failing_since = now;
            tell("webhook.failing", hook, attempt);
            base::logWarning("admin", "a webhook fails", {{"webhook", hook.row.name}, {"reason", attempt.error}});
        }
        over = now - hook.failing_since >= kGiveUp;
        if (over)
            tell("webhook.given-up", hook, attempt);
        auto pause = settings.first_pause;
        for (int i = 1; i < std::min(hook.failures, 10); ++i)
            pause = std::min(pause * 4, kLongestPause);
        hook.next_try = now + pause;
        next = clock.now() + pause;
    }
    if (over) {
        hook.failures = 0;
        hook.pending.pop_front();
    }
    store.writeLater([name = hook.row.name, attempt, again = over ? std::nullopt : next](store::WriteTx& tx) {
        tx.noteWebhookAttempt(name, attempt, again);
    });
    const std::lock_guard lock(mutex);
    hook.attempts.push_front(std::move(attempt));
    if (hook.attempts.size() > store::kWebhookAttempts)
        hook.attempts.pop_back();
    hook.next_try_shown = over ? std::nullopt : next;
}

// Until something is due; what comes meanwhile wakes.
std::chrono::milliseconds Webhooks::Inner::patience() const
{
    const auto now = SteadyClock::now();
    auto until = now + 60s;
    for (const auto& [name, hook] : hooks)
        if (!hook->pending.empty() && !hook->flight)
            until = std::min(until, hook->next_try);
    if (something_new)
        until = std::min(until, looked_at + kPace);
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(until - now));
}

void Webhooks::Inner::run()
{
    while (!stopping) {
        auto wait = 1000ms;
        try {
            if (reread.exchange(false))
                readHooks();
            if (SteadyClock::now() - looked_at >= kPace && something_new.exchange(false))
                readEvents();
            for (auto& [name, hook] : hooks)
                if (!hook->flight && !hook->pending.empty() && SteadyClock::now() >= hook->next_try)
                    start(*hook);
            int running = 0, left = 0;
            curl_multi_perform(multi, &running);
            while (const CURLMsg* message = curl_multi_info_read(multi, &left))
                if (message->msg == CURLMSG_DONE)
                    finish(message->easy_handle, message->data.result);
            wait = patience();
        } catch (const std::exception& error) { // the store cannot be read now
            base::logWarning("admin", "webhooks wait", {{"reason", error.what()}});
            reread = true;
        }
        curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    }
}

Webhooks::Webhooks(store::Store& store, const base::Clock& clock, WebhookSettings settings)
{
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!ready)
        throw std::runtime_error("libcurl cannot be used");
    inner_ = std::make_unique<Inner>(store, clock, std::move(settings));
}

Webhooks::~Webhooks() = default;

void Webhooks::changed()
{
    inner_->reread = true;
    curl_multi_wakeup(inner_->multi);
}

WebhookState Webhooks::state(const std::string& name) const
{
    WebhookState state;
    const std::lock_guard lock(inner_->mutex);
    const auto hook = inner_->hooks.find(name);
    if (hook == inner_->hooks.end())
        return state;
    state.attempts.assign(hook->second->attempts.begin(), hook->second->attempts.end());
    state.next_try = hook->second->next_try_shown;
    return state;
}

std::string Webhooks::refusal(const std::string& url) const
{
    const Parts parts = partsOf(url);
    if (!parts.read || parts.host.empty())
        return "it is no URL";
    if (parts.scheme != "https" && parts.scheme != "http")
        return "it must begin with https://";
    if (!parts.user.empty() || !parts.password.empty() || !parts.fragment.empty())
        return "it may have no user, password or fragment";
    std::string host = parts.host;
    if (host.front() == '[')
        host = host.substr(1, host.size() - 2);
    std::array<unsigned char, 16> bytes{};
    const bool literal =
        ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
    if (literal && !inner_->mayConnect(host, parts.scheme == "http"))
        return parts.scheme == "http" && isPublicAddress(host)
            ? "it must begin with https://"
            : "addresses of private networks are called only where webhooks.allow names them";
    if (parts.scheme == "http" && (!inner_->settings.allow || inner_->settings.allow().empty()))
        return "it must begin with https://";
    return {};
}

} // namespace postfach::admin
