// Mail that an administrator's task brings, on its own thread.
#include "server/delivery/inner.h"
#include "server/delivery/received.h"
#include "server/mail/normalize.h"

#include <future>
#include <memory>
#include <utility>

namespace postfach::delivery {
using scanner::Verdict;

Result Delivery::import(const store::Account& account, const std::string& mailbox, const AppendItem& item, std::string_view message)
{
    Result result;
    if (message.size() > inner_->policy().message_size) {
        result.outcome = Outcome::tooLarge;
        return result;
    }
    Inner::Job job;
    job.way_in = "import";
    Inner::Target target;
    target.account = account.id;
    target.address = account.address;
    target.mailbox = mailbox;
    target.item = item;
    job.targets.push_back(std::move(target));
    job.results.resize(1);
    const std::string text = mail::normalizeLineEnds(message);
    try {
        job.understood = understand(text, job.content, inner_->policy().attachment_types);
        const auto verdict = std::make_shared<std::promise<Verdict>>(); // shared: set_value() may still be returning when get() has
        inner_->scanner.scan(std::move(job.content), [verdict](Verdict v) { verdict->set_value(std::move(v)); });
        job.verdict = verdict->get_future().get();
        inner_->decide(job, withoutOwnHead(text));
        if (job.kept()) {
            inner_->prepare(job, text);
            inner_->store.writeAndWait([this, &job](store::WriteTx& tx) { inner_->commit(tx, job); });
        } else {
            job.results.front() = Inner::refusal(job, job.targets.front());
        }
    } catch (const std::exception&) {
        inner_->failed(job, std::current_exception());
    }
    inner_->conclude(job, text.size());
    return std::move(job.results.front());
}

} // namespace postfach::delivery
