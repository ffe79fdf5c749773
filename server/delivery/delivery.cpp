#include "server/delivery/inner.h"

#include <utility>

namespace postfach::delivery {

Delivery::Delivery(store::Store& store, scanner::Client& scanner, const base::Clock& clock, Policy policy)
    : inner_(std::make_unique<Inner>(store, scanner, clock, std::move(policy)))
{
}

Delivery::~Delivery() = default;

const Policy& Delivery::policy() const { return inner_->policy(); }
void Delivery::setPolicy(Policy policy) { inner_->setPolicy(std::move(policy)); }

Spool Delivery::newSpool() const { return Spool(inner_->policy().spool_folder); }

} // namespace postfach::delivery
