#pragma once
// The command line's side of DIR/run/admin.sock: one request at a time over one kept connection. Blocking.
#include "server/base/file.h"

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct NotReachable : std::runtime_error { // exit status 3
    using runtime_error::runtime_error;
};

struct Reply {
    int status = 0;
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;
};

class LocalClient {
public:
    explicit LocalClient(std::string socket_path) : path_(std::move(socket_path)) {}

    struct Header { std::string name, value; };
    Reply request(std::string_view method, const std::string& target, std::string_view body = {}, std::string_view type = {},
                  const std::vector<Header>& headers = {});

private:
    void connect();
    bool read(); // more into buffer_
    const std::string path_;
    base::Fd socket_;
    std::string buffer_;
};

} // namespace postfach::admin
