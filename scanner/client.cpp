#include "scanner/client.h"
#include "scanner/dispatcher.h"

namespace postfach::scanner {

std::unique_ptr<Client> startClient(const Options& options) { return std::make_unique<Dispatcher>(options); }

} // namespace postfach::scanner
