#pragma once
// Which accounts have a POP3 session now: for the policy `exclusive`, RFC 1939 4 and [IN-USE] of RFC 2449 8.1.2.
#include "server/store/types.h"

#include <mutex>
#include <unordered_map>
#include <utility>

namespace postfach::pop3 {

class OpenMaildrops {
public:
    class Place { // taken while a session is in TRANSACTION
    public:
        Place() = default;
        Place(OpenMaildrops& all, store::AccountId account) : all_(&all), account_(account) {}
        Place(Place&& other) noexcept : all_(std::exchange(other.all_, nullptr)), account_(other.account_) {}
        Place& operator=(Place&& other) noexcept
        {
            std::swap(all_, other.all_);
            std::swap(account_, other.account_);
            return *this;
        }
        ~Place();
        explicit operator bool() const { return all_ != nullptr; }

    private:
        OpenMaildrops* all_ = nullptr; // outlives every session
        store::AccountId account_;
    };

    // No place when `exclusive` and another session has one. Any thread.
    Place take(store::AccountId account, bool exclusive);

private:
    void giveBack(store::AccountId account);
    std::mutex mutex_; // guards sessions_
    std::unordered_map<store::AccountId, int> sessions_;
};

} // namespace postfach::pop3
