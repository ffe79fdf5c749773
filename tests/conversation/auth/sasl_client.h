#pragma once
// The client's side of SASL, by GNU SASL's own client; and one exchange over any of our protocols.
#include "server/base/text.h"
#include "tests/support/client.h"

#include <gsasl.h>

#include <optional>
#include <stdexcept>
#include <string>

namespace postfach::test {

class SaslClient {
public:
    SaslClient(const std::string& mechanism, const std::string& user, const std::string& password, const std::string& exporter = {})
        : mechanism_(mechanism)
    {
        if (gsasl_init(&context_) != GSASL_OK || gsasl_client_start(context_, mechanism.c_str(), &session_) != GSASL_OK)
            throw std::runtime_error("no GNU SASL client for " + mechanism);
        set(GSASL_AUTHID, user);
        set(GSASL_PASSWORD, password);
        if (!exporter.empty())
            set(GSASL_CB_TLS_EXPORTER, base::base64(exporter));
    }
    ~SaslClient()
    {
        gsasl_finish(session_);
        gsasl_done(context_);
    }
    SaslClient(const SaslClient&) = delete;
    SaslClient& operator=(const SaslClient&) = delete;

    void set(Gsasl_property property, const std::string& value)
    {
        if (gsasl_property_set(session_, property, value.c_str()) != GSASL_OK)
            throw std::runtime_error("gsasl_property_set");
    }
    // What to answer; throws when the server's words do not hold (a wrong signature of its own).
    std::string step(const std::string& challenge)
    {
        char* out = nullptr;
        std::size_t length = 0;
        const int result = gsasl_step(session_, challenge.data(), challenge.size(), &out, &length);
        std::string text(out != nullptr ? out : "", out != nullptr ? length : 0);
        gsasl_free(out);
        if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
            throw std::runtime_error(std::string("client: ") + gsasl_strerror(result));
        proven_ = result == GSASL_OK;
        return text;
    }
    bool proven() const { return proven_; } // the server has shown that it knows the password too
    const std::string& mechanism() const { return mechanism_; }

private:
    std::string mechanism_;
    Gsasl* context_ = nullptr;
    Gsasl_session* session_ = nullptr;
    bool proven_ = false;
};

// `command` is "a AUTHENTICATE" or "AUTH". The line that ends it, without an IMAP tag.
inline std::string authenticate(Client& client, const std::string& command, SaslClient& sasl, bool initial = false, Lines* heard = nullptr)
{
    std::string line = command + ' ' + sasl.mechanism();
    if (initial)
        line += ' ' + base::base64(sasl.step(""));
    client.send(line + "\r\n");
    for (;;) {
        line = client.line();
        if (!line.starts_with("+ "))
            return line.starts_with("a ") ? line.substr(2) : line;
        const auto challenge = base::unbase64(line.substr(2));
        if (!challenge)
            throw std::runtime_error("not base64: " + line);
        if (heard)
            heard->push_back(*challenge);
        client.send(base::base64(sasl.step(*challenge)) + "\r\n");
    }
}

} // namespace postfach::test
