#pragma once
// libclamav's engine with a signature set in it, compiled and ready to scan. Loading is where bad files show: one of them
// fails the whole folder, so the folder is staged (copied or linked aside) first and what was loaded is what was staged.
#include "scanner/process/options.h"

#include <cstdint>
#include <memory>
#include <string>

struct cl_engine;

namespace postfach::scanner {

struct Limits {
    std::uint64_t file_size = 64ULL << 20;
    std::uint64_t scan_size = 192ULL << 20; // met before the temporary folder is full, or libclamav says clean in silence
    std::uint32_t recursion = 17;
    std::uint32_t files = 5'000;
    std::uint32_t scan_time = 30'000; // ms; soft in libclamav: it fires late by up to a second
    std::uint64_t temp_reserve = 64ULL << 20;
    std::uint64_t temp_inodes = 1'000;

    static Limits forProcess(const ProcessOptions& options);
};

struct EngineFree {
    void operator()(cl_engine* engine) const;
};
using EngineHandle = std::unique_ptr<cl_engine, EngineFree>;

struct LoadedSet {
    EngineHandle engine;
    std::uint64_t count = 0; // the test signature included
    std::string id;          // the same files, the same id, after a restart too; another libclamav, another id
    std::string detail;      // empty, or what a person should know: files left out, nothing there, warnings
};

// Process-wide preparation of libclamav; once, before anything else of it is used.
void initializeLibrary();
std::string libraryVersion();

// Stages options.signatures in options.folder + "/signatures", loads it and the built-in test signature. Throws
// base::Refused with words for a person when mode and set do not allow to serve.
LoadedSet loadSignatures(const ProcessOptions& options, const Limits& limits);

// What libclamav said (warnings and errors) since the last call. It speaks through one global callback.
std::string takeMessages();

} // namespace postfach::scanner
