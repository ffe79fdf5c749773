#pragma once
// A name server for tests, on a free UDP port of the loopback: it knows what it is told, has nothing else, and can be silent.
#include <Poco/Net/DatagramSocket.h>
#include <Poco/Net/SocketAddress.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postfach::test {

class FakeDns {
public:
    enum : std::uint16_t { cname = 5, mx = 15, txt = 16, srv = 33, tlsa = 52 };

    FakeDns() : socket_(Poco::Net::SocketAddress("127.0.0.1", 0), false) // Poco 1.13 has no default here
    {
        socket_.setReceiveTimeout(Poco::Timespan(0, 20'000));
        thread_ = std::thread([this] { run(); });
    }
    ~FakeDns()
    {
        stop_ = true;
        thread_.join();
    }
    std::string address() const { return socket_.address().toString(); }

    // Any thread. The name without its last dot; the data as on the wire.
    void knows(const std::string& name, std::uint16_t type, const std::string& data)
    {
        const std::lock_guard lock(mutex_);
        records_[{name, type}].push_back(data);
    }
    std::atomic<bool> silent{false};
    std::atomic<int> asked{0};

    static std::string number(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)}; }
    static std::string name(const std::string& dotted)
    {
        std::string wire;
        for (std::size_t at = 0; at < dotted.size();) {
            const auto dot = std::min(dotted.find('.', at), dotted.size());
            wire += static_cast<char>(dot - at) + dotted.substr(at, dot - at);
            at = dot + 1;
        }
        return wire + '\0';
    }

private:
    void run()
    {
        char buffer[1500];
        while (!stop_) {
            Poco::Net::SocketAddress from;
            int count = 0;
            try {
                count = socket_.receiveFrom(buffer, sizeof buffer, from);
            } catch (const Poco::Exception&) { // a look at stop_
                continue;
            }
            ++asked;
            if (!silent && count > 12)
                answer(std::string(buffer, static_cast<std::size_t>(count)), from);
        }
    }

    void answer(const std::string& query, const Poco::Net::SocketAddress& to)
    {
        std::string dotted;
        std::size_t at = 12;
        while (at < query.size() && query[at] != 0) {
            const auto length = static_cast<std::size_t>(query[at]);
            dotted += (dotted.empty() ? "" : ".") + query.substr(at + 1, length);
            at += length + 1;
        }
        const auto question = query.substr(12, at + 5 - 12);
        const auto type = static_cast<std::uint16_t>(
            static_cast<unsigned char>(query[at + 1]) << 8 | static_cast<unsigned char>(query[at + 2]));
        const auto known = recordsOf(dotted, type);
        std::string reply = query.substr(0, 2) + number(0x8580) + number(1) + number(static_cast<unsigned>(known.size())) + number(0)
            + number(0) + question;
        for (const auto& data : known)
            reply += number(0xC00C) + number(type) + number(1) + number(0) + number(60)
                + number(static_cast<unsigned>(data.size())) + data;
        socket_.sendTo(reply.data(), static_cast<int>(reply.size()), to);
    }

    std::vector<std::string> recordsOf(const std::string& name, std::uint16_t type)
    {
        const std::lock_guard lock(mutex_);
        const auto found = records_.find({name, type});
        return found == records_.end() ? std::vector<std::string>() : found->second;
    }

    Poco::Net::DatagramSocket socket_;
    std::mutex mutex_; // guards records_
    std::map<std::pair<std::string, std::uint16_t>, std::vector<std::string>> records_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

} // namespace postfach::test
