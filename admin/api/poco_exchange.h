#pragma once
// One request through Poco's HTTP server, without a thread or a socket of its own: a Poco HTTPServerConnection reads the
// request from memory and writes the answer to memory. It is given what the strict reader has taken apart and what is
// written anew here, one request with one Content-Length, so its leniency (see request_reader.h) is never asked.
#include "admin/api/request_reader.h"
#include "admin/api/response.h"

#include <functional>
#include <string>
#include <string_view>

namespace postfach::admin {

// `handle` is called once, on this thread, as the request's handler. Returns the bytes to send: a status line, a header
// with Content-Length, the body (none for HEAD). `keep_alive` is said in Connection.
std::string exchange(const RequestHead& head, bool keep_alive, const std::function<Response()>& handle);

// The head of an answer that goes on until the connection ends, which is said in Connection.
std::string streamHead(std::string_view type);

// For who speaks HTTP without TLS: where to go. Nothing of his request is read, let alone told to another.
std::string plainHint(const std::string& url);

// An answer that no handler makes: the reader refused, or time is over. Always closes.
std::string refusal(const Response& response);

} // namespace postfach::admin
