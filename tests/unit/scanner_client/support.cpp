#include "tests/unit/scanner_client/support.h"
#include "server/base/text.h"
#include "tests/support/paths.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace postfach::scanner::test {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

void put(std::string& out, std::uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; ++i)
        out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint32_t crc32(std::string_view bytes)
{
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : bytes) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

std::string makeFolder()
{
    std::string path = (fs::temp_directory_path() / "postfach-scanner-test-XXXXXX").string();
    if (!::mkdtemp(path.data()))
        throw std::runtime_error("mkdtemp " + path);
    return path;
}

std::vector<int> childrenOf(int pid)
{
    std::vector<int> children;
    std::error_code ignored;
    for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
        std::ifstream list(task.path() / "children");
        for (int child; list >> child;)
            children.push_back(child);
    }
    return children;
}

} // namespace

std::string eicar()
{
    const std::string first = "X5O!P%@AP[4\\PZX54(P^)7CC)7}";
    return first + "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
}

std::string zip(std::string_view name, std::string_view content, ZipOptions options)
{
    const auto size = static_cast<std::uint32_t>(content.size());
    std::string common;
    put(common, 20, 2);
    put(common, options.flags, 2);
    put(common, options.method, 2);
    put(common, 0x210000, 4);
    put(common, crc32(content), 4);
    put(common, size, 4);
    put(common, options.claimed ? options.claimed : size, 4);
    put(common, static_cast<std::uint32_t>(name.size()), 2);
    put(common, 0, 2);
    std::string out = "PK\x03\x04" + common + std::string(name) + std::string(content);
    std::string directory = "PK\x01\x02";
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 4);
    put(directory, 0, 2);
    put(directory, 0, 4);
    put(directory, 0, 4);
    directory += name;
    std::string end = "PK\x05\x06";
    put(end, 0, 4);
    put(end, 1, 2);
    put(end, 1, 2);
    put(end, static_cast<std::uint32_t>(directory.size()), 4);
    put(end, static_cast<std::uint32_t>(out.size()), 4);
    put(end, 0, 2);
    return out + directory + end;
}

std::string attach(std::string_view name, std::string_view content)
{
    std::string mail = "From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                       "--b\r\nContent-Type: text/plain\r\n\r\nSee what is attached.\r\n"
                       "--b\r\nContent-Type: application/octet-stream; name=\""
                       + std::string(name) + "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    const std::string coded = base::base64(content);
    for (std::size_t at = 0; at < coded.size(); at += 76)
        mail += coded.substr(at, 76) + "\r\n";
    return mail + "--b--\r\n";
}

std::string plain(std::string_view text) { return "From: alice@example.org\r\nSubject: text\r\n\r\n" + std::string(text) + "\r\n"; }

std::string ndb(std::string_view name, std::string_view pattern)
{
    return std::string(name) + ":0:*:" + base::hex(pattern) + "\n";
}

Folder::Folder() : path(makeFolder()) {}

Folder::~Folder()
{
    std::error_code ignored;
    fs::remove_all(path, ignored);
}

std::string Folder::write(const std::string& name, std::string_view bytes) const
{
    const std::string file = path + "/" + name;
    fs::create_directories(fs::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
}

Scanning::Scanning(std::function<void(Options&)> adjust) : signatures(folder.path + "/signatures"), run(folder.path + "/run")
{
    Options options;
    options.program = postfach::test::buildFolder() + "/postfach-scanner";
    options.signatures = signatures;
    options.run_folder = run;
    options.workers = 2;
    options.deadline = 20s;
    options.temp_bytes = 64ULL << 20;
    options.poll = 0ms;
    fs::create_directories(signatures);
    if (adjust)
        adjust(options);
    if (!fs::exists(options.program))
        throw std::runtime_error("build the target postfach-scanner first: there is no " + options.program);
    client_ = startClient(options);
}

std::future<Verdict> Scanning::start(Content content)
{
    auto promise = std::make_shared<std::promise<Verdict>>();
    auto future = promise->get_future();
    client_->scan(std::move(content), [promise](Verdict verdict) { promise->set_value(std::move(verdict)); });
    return future;
}

Verdict Scanning::scan(std::vector<std::string> pieces)
{
    auto future = start(std::move(pieces));
    if (future.wait_for(60s) != std::future_status::ready)
        throw std::runtime_error("no answer within a minute");
    return future.get();
}

bool Scanning::until(const std::function<bool(const Status&)>& enough) const
{
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!enough(client_->status())) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

std::vector<int> Scanning::processes() const
{
    std::vector<int> found;
    for (const int child : childrenOf(::getpid())) {
        std::ifstream file("/proc/" + std::to_string(child) + "/cmdline");
        std::string line;
        std::getline(file, line);
        if (line.find(run) != std::string::npos)
            found.push_back(child);
    }
    return found;
}

std::vector<int> Scanning::workers() const
{
    std::vector<int> found;
    for (const int parent : processes())
        for (const int worker : childrenOf(parent))
            found.push_back(worker);
    return found;
}

} // namespace postfach::scanner::test
