#include "server/net/sessions.h"

#include "server/base/text.h"
#include "server/net/address.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace postfach::net {
namespace {
constexpr std::size_t kClient = 200; // bytes of what a client says of itself
constexpr std::size_t kAbout = 200;  // and of a mailbox's name
// Of those told to make room some linger for a moment. So many places may be taken beyond the bound meanwhile.
constexpr std::size_t kLeaving = 256;
constexpr std::size_t kEndings = 1024; // remembered for logins that are under way

std::string idOf(std::uint64_t number)
{
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
    return text;
}

std::optional<std::uint64_t> numberOf(const std::string& id)
{
    if (id.size() != 16)
        return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : id) {
        const int digit = base::isDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return std::nullopt;
        number = number * 16 + static_cast<std::uint64_t>(digit);
    }
    return number;
}

// imap and imaps are one protocol.
std::string protocolOf(const std::string& service)
{
    return service.ends_with('s') ? service.substr(0, service.size() - 1) : service;
}
} // namespace

// --- SessionRecord

SessionRecord::SessionRecord(std::uint64_t number, std::string service, std::string address, base::Time since)
    : number_(number), service_(std::move(service)), since_(since), address_(std::move(address))
{
    loopback_.store(isLoopback(address_), std::memory_order_relaxed);
}

std::string SessionRecord::address() const
{
    const std::lock_guard lock(mutex_);
    return address_;
}

void SessionRecord::about(std::string_view what)
{
    const std::lock_guard lock(mutex_);
    about_ = base::printable(what, kAbout);
}

void SessionRecord::client(std::string_view says)
{
    const std::lock_guard lock(mutex_);
    client_ = base::printable(says, kClient);
}

void SessionRecord::tls(std::string protocol, std::string cipher)
{
    const std::lock_guard lock(mutex_);
    tls_ = std::move(protocol);
    cipher_ = std::move(cipher);
}

void SessionRecord::loginBegins()
{
    if (registry_ != nullptr)
        login_began_ = registry_->endings_.load(std::memory_order_acquire);
}

bool SessionRecord::loggedIn(const std::string& account, const std::string& app_password)
{
    return registry_ == nullptr || registry_->logIn(*this, account, app_password);
}

void SessionRecord::loggedOut()
{
    if (registry_ != nullptr)
        registry_->logOut(*this);
}

void SessionRecord::vouched()
{
    if (registry_ != nullptr)
        registry_->forgetStranger(*this);
}

bool SessionRecord::dismiss(Farewell why) noexcept
{
    Farewell none = Farewell::none;
    if (!farewell_.compare_exchange_strong(none, why, std::memory_order_acq_rel))
        return false;
    std::shared_ptr<Strand> strand;
    {
        const std::lock_guard lock(mutex_);
        strand = strand_.lock();
    }
    if (strand)
        strand->wake(kShutdown);
    return true;
}

// Told before the strand was there: it hears it now.
void SessionRecord::attach(const std::shared_ptr<Strand>& strand)
{
    {
        const std::lock_guard lock(mutex_);
        strand_ = strand;
    }
    if (farewell() != Farewell::none)
        strand->wake(kShutdown);
}

SessionInfo SessionRecord::info() const
{
    SessionInfo info;
    info.id = idOf(number_);
    info.service = service_;
    info.since = since_;
    info.bytes_in = bytesIn();
    info.bytes_out = bytesOut();
    info.state = state_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!about_.empty())
        info.state += ' ' + about_;
    info.address = address_;
    info.proxy = proxy_;
    info.account = account_;
    info.client = client_;
    info.tls = tls_;
    info.cipher = cipher_;
    return info;
}

// --- Sessions

// Numbers begin at the time of the start, so that an id of yesterday names nobody today.
Sessions::Sessions(Bounds bounds, const base::Clock& clock)
    : clock_(clock), bounds_(bounds), last_number_(static_cast<std::uint64_t>(base::toMillis(clock.now()) / 1000) << 32)
{
}

std::shared_ptr<SessionRecord> Sessions::enter(const std::string& service, const std::string& address, Refusal& refusal, bool through_proxy)
{
    refusal = Refusal::none;
    std::shared_ptr<SessionRecord> leaves; // told after the lock
    std::shared_ptr<SessionRecord> record;
    {
        const std::lock_guard lock(mutex_);
        const std::string bucket = through_proxy ? std::string() : bucketOf(address);
        if (!through_proxy && !isLoopback(address)) {
            const auto at = by_address_.find(bucket);
            if (at != by_address_.end() ? at->second >= bounds_.per_address : bounds_.per_address == 0) {
                refusal = Refusal::address;
                return nullptr;
            }
        }
        if (all_.size() - pressed_ >= bounds_.in_all) {
            if (pressed_ >= std::min(kLeaving, bounds_.in_all / 4 + 1) || !press(leaves)) {
                refusal = Refusal::full;
                return nullptr;
            }
        }
        const std::uint64_t number = ++last_number_;
        record = std::make_shared<SessionRecord>(number, service, address, clock_.now());
        record->registry_ = this;
        record->bucket_ = bucket;
        all_.emplace(number, record);
        strangers_.emplace(number, record.get());
        if (!bucket.empty())
            ++by_address_[bucket];
    }
    if (leaves)
        leaves->dismiss(Farewell::pressure);
    return record;
}

// Under the lock: the oldest stranger gives up its place, passing over those who were told to go for another reason.
bool Sessions::press(std::shared_ptr<SessionRecord>& leaves)
{
    while (!leaves && !strangers_.empty()) {
        const auto oldest = strangers_.begin();
        if (oldest->second->farewell() == Farewell::none) {
            leaves = all_.at(oldest->first);
            leaves->pressed_ = true;
            ++pressed_;
        }
        strangers_.erase(oldest);
    }
    return leaves != nullptr;
}

void Sessions::makeRoom()
{
    std::shared_ptr<SessionRecord> leaves;
    {
        const std::lock_guard lock(mutex_);
        press(leaves);
    }
    if (leaves)
        leaves->dismiss(Farewell::pressure);
}

void Sessions::leaveAddress(const std::string& bucket)
{
    if (bucket.empty())
        return;
    const auto at = by_address_.find(bucket);
    if (--at->second == 0)
        by_address_.erase(at);
}

void Sessions::leave(SessionRecord& record)
{
    const std::lock_guard lock(mutex_);
    leaveAddress(record.bucket_);
    if (record.pressed_)
        --pressed_;
    strangers_.erase(record.number_);
    leaveAccount(record);
    all_.erase(record.number_);
}

void Sessions::leaveAccount(const SessionRecord& record)
{
    const auto at = by_account_.find(record.account_);
    if (at == by_account_.end())
        return;
    at->second.erase(record.number_);
    if (at->second.empty())
        by_account_.erase(at);
}

bool Sessions::named(SessionRecord& record, const std::string& address, const std::string& tls, const std::string& cipher)
{
    const std::string bucket = bucketOf(address);
    const std::lock_guard lock(mutex_);
    std::size_t& there = by_address_[bucket];
    if (there >= bounds_.per_address && !isLoopback(address)) {
        if (there == 0)
            by_address_.erase(bucket);
        return false;
    }
    ++there;
    leaveAddress(record.bucket_);
    record.bucket_ = bucket;
    record.loopback_.store(isLoopback(address), std::memory_order_relaxed);
    record.secured_by_proxy_ = !tls.empty();
    const std::lock_guard details(record.mutex_);
    record.proxy_ = std::exchange(record.address_, address);
    record.tls_ = base::printable(tls, kClient);
    record.cipher_ = base::printable(cipher, kClient);
    return true;
}

void Sessions::forgetStranger(const SessionRecord& record)
{
    const std::lock_guard lock(mutex_);
    strangers_.erase(record.number_);
}

bool Sessions::Ending::concerns(const SessionRecord& record) const
{
    return (protocols.empty() || protocols.contains(protocolOf(record.service_))) && (app_password.empty() || app_password == record.app_password_);
}

bool Sessions::logIn(SessionRecord& record, const std::string& account, const std::string& app_password)
{
    bool ended = false;
    {
        const std::lock_guard lock(mutex_);
        auto& sessions = by_account_[account];
        if (sessions.size() >= bounds_.per_account) {
            if (sessions.empty())
                by_account_.erase(account);
            return false;
        }
        sessions.insert(record.number_);
        strangers_.erase(record.number_);
        record.app_password_ = app_password;
        {
            const std::lock_guard details(record.mutex_);
            record.account_ = account;
        }
        // More endings than are remembered: it might be one of those.
        ended = !recent_endings_.empty() && record.login_began_ + 1 < recent_endings_.front().number;
        for (const Ending& ending : recent_endings_)
            ended = ended || (ending.number > record.login_began_ && ending.account == account && ending.concerns(record));
    }
    if (ended)
        record.dismiss(Farewell::account);
    return true;
}

void Sessions::logOut(SessionRecord& record)
{
    const std::lock_guard lock(mutex_);
    leaveAccount(record);
    strangers_.emplace(record.number_, &record);
    record.app_password_.clear();
    const std::lock_guard details(record.mutex_);
    record.account_.clear();
}

void Sessions::setBounds(Bounds bounds)
{
    const std::lock_guard lock(mutex_);
    bounds_ = bounds;
}

std::size_t Sessions::places() const
{
    const std::lock_guard lock(mutex_);
    return bounds_.in_all;
}

std::vector<SessionInfo> Sessions::list(const Filter& filter, const std::string& after_id, std::size_t most) const
{
    std::vector<SessionInfo> found;
    const auto fits = [&](const SessionRecord& record) {
        return (filter.service.empty() || record.service_ == filter.service) && (filter.except.empty() || record.service_ != filter.except);
    };
    const std::uint64_t after = after_id.empty() ? 0 : numberOf(after_id).value_or(0);
    const std::lock_guard lock(mutex_);
    if (!filter.account.empty()) {
        const auto numbers = by_account_.find(filter.account);
        if (numbers == by_account_.end())
            return found;
        for (auto at = numbers->second.upper_bound(after); at != numbers->second.end() && found.size() < most; ++at)
            if (const SessionRecord& record = *all_.at(*at); fits(record))
                found.push_back(record.info());
        return found;
    }
    for (auto at = all_.upper_bound(after); at != all_.end() && found.size() < most; ++at)
        if (fits(*at->second))
            found.push_back(at->second->info());
    return found;
}

std::shared_ptr<SessionRecord> Sessions::byId(const std::string& id) const
{
    const auto number = numberOf(id);
    const std::lock_guard lock(mutex_);
    const auto at = number ? all_.find(*number) : all_.end();
    return at == all_.end() ? nullptr : at->second;
}

std::optional<SessionInfo> Sessions::find(const std::string& id) const
{
    const auto record = byId(id);
    return record ? std::optional<SessionInfo>(record->info()) : std::nullopt;
}

bool Sessions::end(const std::string& id)
{
    const auto record = byId(id);
    if (record)
        record->dismiss(Farewell::administrator);
    return record != nullptr;
}

std::size_t Sessions::endAll(const std::string& account, const std::set<std::string>& protocols) { return end({0, account, protocols, ""}); }

std::size_t Sessions::endOpenedWith(const std::string& account, const std::string& app_password) { return end({0, account, {}, app_password}); }

std::size_t Sessions::end(Ending ending)
{
    std::vector<std::shared_ptr<SessionRecord>> leave;
    {
        const std::lock_guard lock(mutex_);
        ending.number = endings_.fetch_add(1, std::memory_order_acq_rel) + 1;
        recent_endings_.push_back(ending);
        if (recent_endings_.size() > kEndings)
            recent_endings_.erase(recent_endings_.begin(), recent_endings_.begin() + kEndings / 2);
        if (const auto numbers = by_account_.find(ending.account); numbers != by_account_.end())
            for (const std::uint64_t number : numbers->second)
                if (const auto& record = all_.at(number); ending.concerns(*record))
                    leave.push_back(record);
    }
    for (const auto& record : leave)
        record->dismiss(Farewell::account);
    return leave.size();
}

std::size_t Sessions::now() const
{
    const std::lock_guard lock(mutex_);
    return all_.size();
}

} // namespace postfach::net
