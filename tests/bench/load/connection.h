#pragma once
// A TCP connection to 127.0.0.1, in the clear or under TLS, that never blocks.
#include "tests/bench/load/loop.h"

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace postfach::load {

struct Endpoint {
    std::uint16_t port = 0;
    bool tls = false;
    unsigned source = 0;         // 0: the kernel chooses; else one of 2^16 loopback addresses, for want of ports
    int receive_buffer = 0;      // SO_RCVBUF; 0: the kernel's
};

class Connection : public Handler {
public:
    Connection(Loop& loop, Endpoint endpoint) : loop_(loop), endpoint_(endpoint) {}
    ~Connection() override { close(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void open();                          // again after close()
    void close();
    bool isOpen() const { return fd_ >= 0; }
    void send(std::string_view bytes);    // what the socket does not take now is kept
    void reading(bool wanted);            // false: take nothing more, as a client that hangs
    std::size_t unsent() const { return out_.size() - out_at_; }
    Loop& loop() { return loop_; }

protected:
    virtual void received(std::string_view piece) = 0;
    virtual void ended(const std::string& why) = 0; // the other side closed, or failed; close() was called
    virtual void secured() {}                       // the TLS handshake is done
    virtual void sent() {}                          // everything has gone to the kernel

private:
    void ready(std::uint32_t events) override;
    void connected();
    bool handshake();
    void flush();
    void take();
    void watch();
    void lost(const std::string& why);
    long push(std::string_view bytes); // bytes written, 0: not now; closes on an error

    Loop& loop_;
    const Endpoint endpoint_;
    int fd_ = -1;
    struct Free {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    std::unique_ptr<SSL, Free> ssl_;
    bool connecting_ = false, shaking_ = false, reading_ = true, wants_write_ = false;
    std::uint32_t watched_ = 0;
    unsigned opened_ = 0; // how often; callbacks may close and open again
    std::string out_;
    std::size_t out_at_ = 0;
};

} // namespace postfach::load
