// Questions to DNS, by the C library's resolver.
#include "admin/setup/dns_records.h"
#include "server/base/text.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <map>

#include <netdb.h>

namespace postfach::admin {
namespace {
constexpr int kTlsa = 52;           // RFC 6698; older headers do not know it
constexpr std::size_t kValues = 50; // of one name and type

int typeOf(const std::string& type)
{
    static const std::map<std::string, int> kTypes{
        {"MX", ns_t_mx}, {"SRV", ns_t_srv}, {"CNAME", ns_t_cname}, {"TXT", ns_t_txt}, {"TLSA", kTlsa}};
    return kTypes.at(type);
}

unsigned word(const unsigned char* at) { return ns_get16(at); }

// A name within the message; "" when it is broken.
std::string nameAt(const ns_msg& message, const unsigned char* at)
{
    std::array<char, NS_MAXDNAME> name{};
    if (dn_expand(ns_msg_base(message), ns_msg_end(message), at, name.data(), static_cast<int>(name.size())) < 0)
        return {};
    return std::string(name.data()) + ".";
}

// As a zone file has it; "" when it is broken.
std::string valueOf(const ns_msg& message, const ns_rr& record)
{
    const unsigned char* const data = ns_rr_rdata(record);
    const std::size_t length = ns_rr_rdlen(record);
    switch (static_cast<int>(ns_rr_type(record))) {
    case ns_t_mx: return length < 3 ? "" : std::to_string(word(data)) + " " + nameAt(message, data + 2);
    case ns_t_srv:
        return length < 7 ? ""
                          : std::to_string(word(data)) + " " + std::to_string(word(data + 2)) + " "
                + std::to_string(word(data + 4)) + " " + nameAt(message, data + 6);
    case ns_t_cname: return nameAt(message, data);
    case ns_t_txt: {
        std::string text;
        for (std::size_t at = 0; at < length; at += 1U + data[at]) {
            if (data[at] > length - at - 1)
                return {};
            text.append(reinterpret_cast<const char*>(data + at + 1), data[at]);
        }
        return base::printable(text, 1000);
    }
    case kTlsa:
        return length < 4 ? ""
                          : std::to_string(data[0]) + " " + std::to_string(data[1]) + " " + std::to_string(data[2]) + " "
                + base::hex(std::string_view(reinterpret_cast<const char*>(data + 3), length - 3));
    default: return {};
    }
}

class SystemResolver final : public DnsResolver {
public:
    explicit SystemResolver(const std::string& server)
    {
        usable_ = res_ninit(&state_) == 0;
        state_.retrans = 2; // seconds
        state_.retry = 1;
        state_.options &= ~static_cast<unsigned long>(RES_DNSRCH | RES_DEFNAMES);
        const auto colon = server.find(':');
        if (server.empty())
            return;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        const auto port =
            colon == std::string::npos ? std::optional<std::uint32_t>(NS_DEFAULTPORT) : base::parseU32(server.substr(colon + 1));
        address.sin_port = htons(static_cast<std::uint16_t>(port.value_or(0)));
        usable_ =
            usable_ && port && *port <= 65535 && ::inet_pton(AF_INET, server.substr(0, colon).c_str(), &address.sin_addr) == 1;
        state_.nscount = 1;
        state_.nsaddr_list[0] = address;
    }
    ~SystemResolver() override { res_nclose(&state_); }

    std::optional<std::vector<std::string>> ask(const std::string& name, const std::string& type) override
    {
        if (!usable_)
            return std::nullopt;
        std::vector<unsigned char> answer(NS_MAXMSG);
        const int length =
            res_nquery(&state_, name.c_str(), ns_c_in, typeOf(type), answer.data(), static_cast<int>(answer.size()));
        if (length < 0)
            return state_.res_h_errno == HOST_NOT_FOUND || state_.res_h_errno == NO_DATA
                ? std::optional(std::vector<std::string>{})
                : std::nullopt;
        ns_msg message{};
        if (ns_initparse(answer.data(), length, &message) != 0)
            return std::nullopt;
        std::vector<std::string> values;
        for (int i = 0; i < ns_msg_count(message, ns_s_an) && values.size() < kValues; ++i) {
            ns_rr record{};
            if (ns_parserr(&message, ns_s_an, i, &record) != 0)
                return std::nullopt;
            if (static_cast<int>(ns_rr_type(record)) != typeOf(type)) // a CNAME on the way
                continue;
            if (auto value = valueOf(message, record); !value.empty())
                values.push_back(std::move(value));
        }
        return values;
    }

private:
    struct __res_state state_ {};
    bool usable_ = false;
};
} // namespace

std::unique_ptr<DnsResolver> systemResolver(const std::string& server) { return std::make_unique<SystemResolver>(server); }

} // namespace postfach::admin
