#pragma once
// One worker: a fork of the parent that shares its loaded signatures, confined, answering one request after the other.
#include "scanner/process/engine.h"
#include "scanner/process/sandbox.h"

#include <cstdint>

struct cl_engine;

namespace postfach::scanner {

struct WorkerSetup {
    int socket = -1;          // our end to the client
    int parent = 0;           // process id
    cl_engine* engine = nullptr;
    std::uint8_t* greeted = nullptr; // shared with the parent: set when this worker can serve
    Limits limits;
    Confinement confinement;
};

// Runs in the child after fork(). Ends when the client closes its end, after kScansOfALife scans, or after an error.
[[noreturn]] void runWorker(const WorkerSetup& setup);

} // namespace postfach::scanner
