// Mail that others send, by LMTP.
#include "server/base/log.h"
#include "server/delivery/inner.h"
#include "server/delivery/received.h"
#include "server/mail/header.h"

#include <system_error>
#include <utility>

namespace postfach::delivery {

Spool Delivery::newSpool(const Envelope& envelope) const
{
    // RFC 5321 4.4. "for" only where there is one recipient: with several it would show one what is for another.
    std::string head = "Return-Path: <" + envelope.from + ">\r\n";
    head += "Received: from " + envelope.client + "\r\n\tby " + inner_->policy().server_name + " (Postfach) with " + envelope.with + " id "
          + base::randomHex(8);
    if (envelope.recipients.size() == 1)
        head += "\r\n\tfor <" + envelope.recipients.front() + ">";
    head += ";\r\n\t" + mail::formatDate(inner_->clock.now()) + "\r\n";
    Spool spool = newSpool();
    spool.append(head);
    spool.endHead();
    return spool;
}

net::Task<std::vector<Result>> Delivery::Inner::run(net::Strand& strand, Job job, Spool& message)
{
    job.results.resize(job.targets.size());
    const InFlight held(in_flight, message.size());
    if (!held.fits()) {
        base::logWarning("delivery", "too much at once, asked to come again", {{"size", message.size()}});
        co_return std::move(job.results);
    }
    std::exception_ptr trouble;
    try {
        const Source source{message, 0, message.size(), message.head()};
        co_await examine(strand, job, source);
        if (job.kept()) {
            std::function<void(store::WriteTx&)> work = [this, &job](store::WriteTx& tx) { commit(tx, job); };
            co_await write(strand, std::move(work));
        } else {
            for (std::size_t i = 0; i < job.targets.size(); ++i)
                job.results[i] = refusal(job, job.targets[i]);
        }
    } catch (const store::Error&) {
        trouble = std::current_exception();
    } catch (const std::system_error&) {
        trouble = std::current_exception();
    }
    if (trouble)
        failed(job, trouble);
    conclude(job, message.size());
    co_return std::move(job.results);
}

net::Task<std::vector<Result>> Delivery::deliver(net::Strand& strand, const Envelope& envelope, Spool& message)
{
    Inner::Job job;
    job.way_in = "lmtp";
    for (std::size_t i = 0; i < envelope.accounts.size(); ++i) {
        Inner::Target target;
        target.account = envelope.accounts[i];
        target.address = envelope.recipients[i];
        target.item.internal_date = inner_->clock.now();
        job.targets.push_back(std::move(target));
    }
    co_return co_await inner_->run(strand, std::move(job), message);
}

} // namespace postfach::delivery
