#include "tests/fault/store/power_cut.h"

#include "server/base/file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace postfach::test {
namespace {

using disk::Op;

std::string parentOf(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

void put(std::string& bytes, std::uint64_t offset, std::string_view piece)
{
    if (bytes.size() < offset + piece.size())
        bytes.resize(offset + piece.size(), '\0');
    bytes.replace(offset, piece.size(), piece);
}

class Disk {
public:
    explicit Disk(const Cut& cut) : cut_(cut), random_(cut.seed * 1'000'003 + cut.after) {}

    void take(const Op& op)
    {
        switch (op.kind) {
        case Op::Kind::write:
        case Op::Kind::resize: pending_[op.file].push_back(&op); break;
        case Op::Kind::sync:
            if (op.failed)
                settle(op.file, Survival::any); // the kernel marks what it could not write as clean: nobody writes it again
            else
                settle(op.file, Survival::all);
            break;
        case Op::Kind::create:
        case Op::Kind::rename:
        case Op::Kind::unlink:
        case Op::Kind::makeFolder: names_[parentOf(op.path)].push_back(&op); break;
        case Op::Kind::syncFolder:
            for (const Op* change : names_[op.path])
                apply(*change);
            names_[op.path].clear();
            break;
        case Op::Kind::mark: break;
        }
    }

    void build(const std::string& folder)
    {
        for (auto& [parent, changes] : names_)
            for (const Op* change : changes)
                if (cut_.survival == Survival::all || cut_.survival == Survival::torn
                    || (cut_.survival == Survival::any && chance()))
                    apply(*change);
        std::vector<int> files;
        for (const auto& [file, ops] : pending_)
            files.push_back(file);
        for (const int file : files)
            settle(file, cut_.survival);

        base::makeFolders(folder);
        for (const std::string& path : folders_) // sorted: parents first
            if (parentOf(path).empty() || folders_.count(parentOf(path)) != 0)
                base::makeFolders(folder + "/" + path);
        for (const auto& [path, file] : files_) {
            if (!parentOf(path).empty() && !std::filesystem::exists(folder + "/" + parentOf(path)))
                continue; // its folder did not come
            std::ofstream out(folder + "/" + path, std::ios::binary);
            out << bytes_[file];
        }
    }

private:
    bool chance() { return random_() % 2 == 0; }

    void apply(const Op& change)
    {
        if (change.kind == Op::Kind::makeFolder)
            folders_.insert(change.path);
        else if (change.kind == Op::Kind::create)
            files_[change.path] = change.file;
        else if (change.kind == Op::Kind::unlink)
            files_.erase(change.path);
        else {
            files_.erase(change.path);
            files_[change.target] = change.file;
        }
    }

    // The writes that wait for one file reach its bytes, as far as they survive.
    void settle(int file, Survival survival)
    {
        auto& waiting = pending_[file];
        std::string& bytes = bytes_[file];
        const std::size_t torn = waiting.empty() ? 0 : random_() % waiting.size();
        for (std::size_t i = 0; i < waiting.size() && survival != Survival::nothing; ++i) {
            const Op& op = *waiting[i];
            if (survival == Survival::torn && i > torn)
                break;
            if (op.kind == Op::Kind::resize) {
                if (survival != Survival::any || chance())
                    bytes.resize(op.offset, '\0');
                continue;
            }
            if (survival == Survival::all || (survival == Survival::torn && i < torn)) {
                put(bytes, op.offset, op.data);
                continue;
            }
            const std::size_t keep = survival == Survival::torn ? random_() % (op.data.size() / cut_.sector + 1) : 0;
            std::size_t number = 0;
            for (std::size_t at = 0; at < op.data.size(); ++number) {
                const std::size_t next = std::min<std::size_t>(op.data.size(), at + cut_.sector - (op.offset + at) % cut_.sector);
                if (survival == Survival::torn ? number < keep : chance())
                    put(bytes, op.offset + at, std::string_view(op.data).substr(at, next - at));
                at = next;
            }
            if (survival == Survival::any && chance() && bytes.size() < op.offset + op.data.size())
                bytes.resize(op.offset + op.data.size(), '\0'); // the size came, the bytes did not
        }
        waiting.clear();
    }

    const Cut cut_;
    std::mt19937_64 random_;
    std::map<int, std::vector<const Op*>> pending_;
    std::map<int, std::string> bytes_;
    std::map<std::string, std::vector<const Op*>> names_; // by folder: changes that wait
    std::map<std::string, int> files_;                    // path to file
    std::set<std::string> folders_;
};

} // namespace

void afterPowerCut(const std::vector<Op>& ops, const Cut& cut, const std::string& folder)
{
    Disk disk(cut);
    for (std::size_t i = 0; i < std::min(cut.after, ops.size()); ++i)
        disk.take(ops[i]);
    disk.build(folder);
}

} // namespace postfach::test
