#pragma once
// A connection that asks and awaits answers, in order; as many as wanted may be on their way.
#include "tests/bench/load/answer.h"
#include "tests/bench/load/connection.h"

#include <deque>
#include <functional>
#include <optional>

namespace postfach::load {

class Client final : public Connection {
public:
    using Connection::Connection;

    void await(Answer answer, std::function<void()> then);
    void ask(std::string_view bytes, Answer answer, std::function<void()> then)
    {
        await(std::move(answer), std::move(then));
        send(bytes);
    }
    void again();                                     // forgets everything and opens anew
    void count(std::string pattern) { tally_.emplace(std::move(pattern)); }
    std::size_t counted() const { return tally_ ? tally_->count() : 0; }
    std::size_t bytes() const { return bytes_; }

    std::function<void(const std::string&)> on_end;   // without it an end is a failure
    std::function<void()> on_secured;
    std::function<void()> on_sent;

private:
    struct Awaited {
        Answer answer;
        std::function<void()> then;
    };
    void received(std::string_view piece) override;
    void ended(const std::string& why) override;
    void secured() override;
    void sent() override;
    void next();

    std::deque<Awaited> awaited_;
    Matcher matcher_;
    bool matching_ = false;
    std::optional<Tally> tally_;
    std::size_t bytes_ = 0;
    unsigned lives_ = 0; // how often again() was called
    std::string last_words_; // for a failure's text
};

} // namespace postfach::load
