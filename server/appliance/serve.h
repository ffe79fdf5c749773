#pragma once
namespace postfach::appliance {

// `postfach serve …`: reads options and configuration, serves until SIGTERM or SIGINT. Returns the exit status; a refusal is one
// line on standard error and status 2.
int runServe(int argc, char** argv);

} // namespace postfach::appliance
