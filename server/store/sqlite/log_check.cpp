#include "server/store/sqlite/log_check.h"
#include "server/base/error.h"
#include "server/base/file.h"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

// SQLite's file format, 4.1: big-endian numbers; a checksum goes on from frame to frame, over words in an order that the magic
// number tells.
constexpr std::size_t kHeader = 32, kFrameHeader = 24, kPage = 4096;
constexpr std::uint32_t kMagic = 0x377f0682;

std::uint32_t numberAt(std::string_view bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
}

struct Sum {
    std::uint32_t first = 0, second = 0;
    bool operator==(const Sum&) const = default;

    void add(std::string_view bytes, bool big_endian)
    {
        const auto word = [&](std::size_t at) { return big_endian ? numberAt(bytes, at) : __builtin_bswap32(numberAt(bytes, at)); };
        for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
            first += word(at) + second;
            second += word(at + 4) + first;
        }
    }
};

Sum sumAt(std::string_view bytes, std::size_t at) { return {numberAt(bytes, at), numberAt(bytes, at + 4)}; }

struct Frame {
    std::string bytes;
    std::string_view salts() const { return std::string_view(bytes).substr(8, 8); }
    Sum sum() const { return sumAt(bytes, 16); }
    bool endsCommit() const { return numberAt(bytes, 4) != 0; }
    // Did it stand behind a frame with that sum?
    bool follows(Sum before, bool big_endian) const
    {
        before.add(std::string_view(bytes).substr(0, 8), big_endian);
        before.add(std::string_view(bytes).substr(kFrameHeader), big_endian);
        return before == sum();
    }
};

bool readInto(std::ifstream& file, std::string& bytes)
{
    return static_cast<bool>(file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())));
}

std::string asideName(const std::string& folder, int number)
{
    return folder + "/postfach.db-wal.damaged" + (number > 1 ? "-" + std::to_string(number) : "");
}

enum class Stands { inFront, broken, behind, elsewhere }; // of the damage; elsewhere: behind it, and not what was written

struct Met {
    std::uint64_t number = 0, offset = 0; // of the frame
    Stands stands = Stands::inFront;
    bool of_this_log = false;             // frames of an earlier round of the log have other salts
};

// visit(Frame, Met) for every frame of a log. Whether the log's header fits; a damaged one does not say how long a page is, but the
// store has one size only.
template <class Visit>
bool eachFrame(const std::string& path, Visit visit)
{
    std::ifstream file(path, std::ios::binary);
    std::string header(kHeader, '\0');
    if (!file || !readInto(file, header))
        return true;
    const std::uint32_t magic = numberAt(header, 0), page = numberAt(header, 8);
    const bool known = (magic & ~1U) == kMagic;
    const bool big_endian = known && (magic & 1) != 0; // written on such a machine; else as here
    Sum sum;
    sum.add(std::string_view(header).substr(0, 24), big_endian);
    const bool header_fits = known && page >= 512 && page <= 65536 && (page & (page - 1)) == 0 && sum == sumAt(header, 24);

    Frame frame{std::string(kFrameHeader + (header_fits ? page : kPage), '\0')};
    std::string salts = header.substr(16, 8);
    Sum before; // what the frame in front says of itself
    bool whole = header_fits;
    Met met{0, kHeader};
    for (; readInto(file, frame.bytes); before = frame.sum(), ++met.number, met.offset += frame.bytes.size()) {
        if (!header_fits && met.number == 0)
            salts = frame.salts();
        met.of_this_log = frame.salts() == salts;
        if (whole && met.of_this_log && frame.follows(sum, big_endian)) {
            sum = frame.sum();
            met.stands = Stands::inFront;
        } else {
            const bool fits = met.number > 0 && met.of_this_log && frame.follows(before, big_endian);
            met.stands = whole ? Stands::broken : fits ? Stands::behind : Stands::elsewhere;
            whole = false;
        }
        visit(frame, met);
    }
    return header_fits;
}

LogFrame placed(const Frame& frame, const Met& met) { return {numberAt(frame.bytes, 0), numberAt(frame.bytes, 4), met.offset + kFrameHeader}; }

} // namespace

std::vector<LogFrame> framesOfLog(const std::string& path)
{
    std::vector<LogFrame> frames;
    eachFrame(path, [&](const Frame& frame, const Met& met) {
        if (met.stands == Stands::inFront && frame.bytes.size() == kFrameHeader + kPage)
            frames.push_back(placed(frame, met));
    });
    return frames;
}

std::vector<LogFrame> framesBehindDamage(const std::string& path)
{
    std::vector<LogFrame> frames;
    std::size_t committed = 0;
    eachFrame(path, [&](const Frame& frame, const Met& met) {
        if (met.stands != Stands::behind || frame.bytes.size() != kFrameHeader + kPage)
            return;
        frames.push_back(placed(frame, met));
        if (frame.endsCommit())
            committed = frames.size();
    });
    frames.resize(committed);
    return frames;
}

std::string damageInLog(const std::string& path)
{
    bool broken_is_of_this_log = false, broken_ends_commit = false;
    std::size_t broken = 0, commits_behind = 0;
    const bool header_fits = eachFrame(path, [&](const Frame& frame, const Met& met) {
        if (met.stands == Stands::broken) {
            broken = met.number;
            broken_is_of_this_log = met.of_this_log;
            broken_ends_commit = frame.endsCommit();
        }
        const bool behind = met.stands == Stands::behind;
        broken_is_of_this_log = broken_is_of_this_log || (behind && met.number == broken + 1); // its salts were what is damaged
        commits_behind += behind && frame.endsCommit();
    });
    // One commit may have been on its way to the disk when the power went, with its frames in any order. Two cannot: the
    // second is not begun before the first is on the disk.
    const std::size_t lost = commits_behind + (commits_behind > 0 && broken_is_of_this_log && broken_ends_commit);
    if (lost < (header_fits ? 2U : 1U))
        return {};
    return "the write-ahead log is damaged at frame " + std::to_string(broken + 1) + ", " + std::to_string(lost) + " commits or more are lost";
}

void setLogAside(const std::string& folder)
{
    int number = 1;
    while (std::filesystem::exists(asideName(folder, number)))
        ++number;
    try {
        std::filesystem::copy_file(folder + "/postfach.db-wal", asideName(folder, number));
        const base::Fd copy(::open(asideName(folder, number).c_str(), O_RDONLY | O_CLOEXEC));
        if (!copy || ::fsync(copy.get()) != 0)
            throw std::system_error(errno, std::generic_category(), "fsync");
        base::syncFolder(folder);
    } catch (const std::exception& error) {
        std::error_code ignored;
        std::filesystem::remove(asideName(folder, number), ignored);
        throw base::Refused("the write-ahead log in " + folder + " is damaged and no copy of it can be kept: " + error.what());
    }
}

bool logWasSetAside(const std::string& folder) { return std::filesystem::exists(asideName(folder, 1)); }

std::vector<std::string> damagedLogs(const std::string& folder)
{
    std::vector<std::string> logs;
    for (int number = 1; std::filesystem::exists(asideName(folder, number)); ++number)
        logs.push_back(asideName(folder, number));
    if (const std::string log = folder + "/postfach.db-wal"; !damageInLog(log).empty())
        logs.push_back(log);
    return logs;
}

} // namespace postfach::store::sqlite
