#pragma once
// What postfach-scanner is told on its command line. The server is the only one who writes it (client side: generation.cpp).
#include <cstdint>
#include <string>

namespace postfach::scanner {

struct ProcessOptions {
    enum class Mode {
        strict,  // a file that does not load fails the whole set: something good is serving already
        lenient, // leave out what does not load; in the end the test signature alone serves
    };
    int control = -1;          // our end of the pair to the client
    int server = 0;            // process id of the server: we end when it does
    std::string signatures;    // absolute; may be absent
    std::string folder;        // this generation's own, empty, absolute
    unsigned workers = 1;
    std::uint64_t deadline = 60'000; // ms, the client's hard one; ours is half of it
    std::uint64_t temp_bytes = 256ULL << 20;
    Mode mode = Mode::lenient;
    std::uint64_t serving = 0; // signatures of the set in use, or in use last; 0: none
    std::uint64_t least = 0;   // fewer than this is refused in strict mode
    bool temp_in_memory = true;
    bool background = false;   // others are serving: load with less priority
};

} // namespace postfach::scanner
