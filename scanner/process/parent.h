#pragma once
// The scanner's parent process: loads a signature set once, then keeps N workers alive around it. It looks at no mail, has
// one thread, and ends when the client closes the control socket or dies.
#include "scanner/process/options.h"

namespace postfach::scanner {

int runParent(const ProcessOptions& options); // exit status

} // namespace postfach::scanner
