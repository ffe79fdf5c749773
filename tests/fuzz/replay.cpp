// Stands in for libFuzzer where it is not built in: every seed, and a fixed number of mutations of each, always the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

#ifndef POSTFACH_MUTATIONS
#define POSTFACH_MUTATIONS 1000 // of each seed: some seconds in all
#endif
constexpr std::size_t kLongest = 32 * 1024;

class Random { // the same on every machine, unlike std's distributions
public:
    std::size_t below(std::size_t bound)
    {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return bound == 0 ? 0 : static_cast<std::size_t>(state_ % bound);
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

std::string mutated(std::string text, const std::vector<std::string>& seeds, Random& random)
{
    for (std::size_t times = 1 + random.below(4); times > 0; --times) {
        const std::size_t at = random.below(text.size() + 1);
        const std::size_t length = random.below(std::min<std::size_t>(text.size() - at, 64) + 1);
        const std::string& other = seeds[random.below(seeds.size())];
        switch (random.below(6)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, text.substr(at, length)); break;
        case 2: text.insert(at, 1, static_cast<char>(random.below(256))); break;
        case 3: text.insert(at, std::string(1 + random.below(300), "()\"{},.:*%&\\\r\n\0<>=-;"[random.below(20)])); break;
        case 4: text.resize(at); break;
        default: text.insert(at, other.substr(random.below(other.size() + 1), 1 + random.below(200))); break;
        }
    }
    text.resize(std::min(text.size(), kLongest));
    return text;
}

void run(const std::string& input) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i)
        for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());

    std::vector<std::string> seeds;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    if (seeds.empty()) {
        std::fputs("no seeds\n", stderr);
        return 1;
    }
    Random random;
    for (const std::string& seed : seeds) {
        run(seed);
        for (int i = 0; i < POSTFACH_MUTATIONS; ++i)
            run(mutated(seed, seeds, random));
    }
    std::printf("%zu seeds, %d mutations each\n", seeds.size(), POSTFACH_MUTATIONS);
}
