#include "tests/bench/load/client.h"

#include <algorithm>

namespace postfach::load {

void Client::await(Answer answer, std::function<void()> then)
{
    awaited_.push_back({std::move(answer), std::move(then)});
    if (!matching_)
        next();
}

void Client::next()
{
    matching_ = !awaited_.empty();
    if (matching_)
        matcher_.begin(awaited_.front().answer);
}

void Client::again()
{
    close();
    ++lives_;
    awaited_.clear();
    matching_ = false;
    open();
}

void Client::received(std::string_view piece)
{
    bytes_ += piece.size();
    if (tally_)
        tally_->feed(piece);
    last_words_.assign(piece.substr(0, std::min<std::size_t>(piece.size(), 160)));
    const unsigned life = lives_;
    while (!piece.empty() && matching_) {
        const std::optional<std::size_t> end = matcher_.feed(piece);
        if (!end)
            return;
        piece.remove_prefix(*end);
        const std::function<void()> then = std::move(awaited_.front().then);
        awaited_.pop_front();
        next();
        if (then)
            then();
        if (!isOpen() || life != lives_)
            return;
    }
}

void Client::ended(const std::string& why)
{
    awaited_.clear();
    matching_ = false;
    if (!on_end)
        throw Failed("the connection ended" + (why.empty() ? "" : ": " + why) + (last_words_.empty() ? "" : "; last heard: " + last_words_));
    on_end(why);
}

void Client::secured()
{
    if (on_secured)
        on_secured();
}

void Client::sent()
{
    if (on_sent)
        on_sent();
}

} // namespace postfach::load
