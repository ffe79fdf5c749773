#pragma once
// The real postfach-scanner behind the real client, in a folder of its own. Build the target postfach-scanner first.
#include "scanner/client.h"
#include "tests/support/catch.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner::test {

using Kind = Verdict::Kind;

std::string eicar(); // put together here, so that no scanner takes this program for it
// One stored member; `method` and `flags` as APPNOTE 4.4 has them, `claimed` the size the headers speak of.
struct ZipOptions {
    unsigned method = 0, flags = 0;
    std::uint32_t claimed = 0; // 0: the real one
};
std::string zip(std::string_view name, std::string_view content, ZipOptions options = {});
std::string attach(std::string_view name, std::string_view content); // a mail with it in base64
std::string plain(std::string_view text);                            // a mail with it as its text
std::string ndb(std::string_view name, std::string_view pattern);    // a signature line

class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string path;
    std::string write(const std::string& name, std::string_view bytes) const; // its path
};

class Scanning {
public:
    explicit Scanning(std::function<void(Options&)> adjust = {});

    std::future<Verdict> start(std::vector<std::string> pieces) { return start(Content{.pieces = std::move(pieces)}); }
    std::future<Verdict> start(Content content);
    Verdict scan(std::string mail) { return scan(std::vector<std::string>{std::move(mail)}); }
    Verdict scan(std::vector<std::string> pieces);
    // Looks at the status until `enough` or ten seconds are over.
    bool until(const std::function<bool(const Status&)>& enough) const;
    bool untilReady() const
    {
        return until([](const Status& status) { return status.ready; });
    }
    std::vector<int> processes() const;        // of the scanner: parents
    std::vector<int> workers() const;          // and their children
    Client& client() { return *client_; }
    void stop() { client_.reset(); }

    Folder folder;
    std::string signatures, run;

private:
    std::unique_ptr<Client> client_;
};

} // namespace postfach::scanner::test
