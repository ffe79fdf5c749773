#pragma once
// A store that can be told to fail as no store should: with an exception that nobody expects; or to have something happen in the very
// moment of a view. All else is the real one's.
#include "server/store/store.h"

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace postfach::test {

class FaultyStore final : public store::Store {
public:
    // `failing` outlives the store. While it is true whoever wants to read gets an exception.
    FaultyStore(std::unique_ptr<store::Store> real, const std::atomic<bool>& failing) : real_(std::move(real)), failing_(failing) {}

    std::unique_ptr<store::ReadTx> read() override
    {
        if (failing_)
            throw std::logic_error("a fault that nobody expects");
        return real_->read();
    }
    void write(std::function<void(store::WriteTx&)> work, std::function<void(std::exception_ptr)> done) override
    {
        real_->write(std::move(work), std::move(done));
    }
    void writeLater(std::function<void(store::WriteTx&)> work) override { real_->writeLater(std::move(work)); }
    std::unique_ptr<store::PreparedBody> prepareBody(std::string_view bytes) override { return real_->prepareBody(bytes); }
    std::shared_ptr<store::MailboxView> view(store::MailboxId mailbox) override
    {
        if (const auto act = std::exchange(before_view, nullptr))
            act();
        return real_->view(mailbox);
    }
    std::shared_ptr<store::MailboxView> viewIfWarm(store::MailboxId mailbox) override { return real_->viewIfWarm(mailbox); }
    store::Subscription watchAccount(store::AccountId account, std::function<void()> news) override { return real_->watchAccount(account, std::move(news)); }
    store::Subscription watchEvents(std::function<void()> news) override { return real_->watchEvents(std::move(news)); }
    std::uint64_t accountsVersion() const override { return real_->accountsVersion(); }
    std::vector<store::Finding> check(bool repair, const store::Progress& progress, const std::stop_token& stop) override
    {
        return real_->check(repair, progress, stop);
    }
    std::string problem() const override { return real_->problem(); }
    std::string warning() const override { return real_->warning(); }
    std::uint64_t emptyTrash(const std::stop_token& stop) override { return real_->emptyTrash(stop); }
    std::uint64_t forgetRecoverable(const std::stop_token& stop) override { return real_->forgetRecoverable(stop); }
    void configureTrash(const store::TrashPolicy& configured) override { real_->configureTrash(configured); }
    store::TrashPolicy configuredTrash() const override { return real_->configuredTrash(); }
    std::uint64_t forgetLogins(store::Time before, const std::stop_token& stop) override { return real_->forgetLogins(before, stop); }
    std::uint64_t trimEvents(store::Time before, std::size_t keep, const std::stop_token& stop) override { return real_->trimEvents(before, keep, stop); }
    std::vector<store::Finding> verifyAudit(const std::optional<store::AuditHead>& noted, std::uint64_t* entries) override
    {
        return real_->verifyAudit(noted, entries);
    }
    char delimiter() const override { return real_->delimiter(); }

    std::function<void()> before_view; // once, on the thread of whoever asks; set while nobody does

private:
    const std::unique_ptr<store::Store> real_;
    const std::atomic<bool>& failing_;
};

} // namespace postfach::test
