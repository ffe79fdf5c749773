#include "tests/bench/load/answer.h"

#include <algorithm>

namespace postfach::load {
namespace {

void keepTail(std::string& carry, std::string_view piece, std::size_t size)
{
    if (piece.size() >= size) {
        carry.assign(piece.substr(piece.size() - size));
        return;
    }
    carry.append(piece);
    carry.erase(0, carry.size() - std::min(size, carry.size()));
}

} // namespace

void Matcher::begin(Answer answer)
{
    answer_ = std::move(answer);
    left_ = answer_.count;
    in_last_line_ = false;
    carry_ = "\n"; // an answer begins where a line begins
}

bool Matcher::found(std::string_view text, std::size_t at)
{
    if (!answer_.good.empty() && answer_.good.find(text[at + answer_.pattern.size()]) == std::string::npos) {
        const std::string_view line = text.substr(at + (answer_.pattern.front() == '\n' ? 1 : 0));
        throw Failed("refused: " + std::string(line.substr(0, std::min<std::size_t>(line.find_first_of("\r\n"), 200))));
    }
    return --left_ == 0;
}

std::optional<std::size_t> Matcher::feed(std::string_view piece)
{
    const std::size_t needed = answer_.pattern.size() + (answer_.good.empty() ? 0 : 1);
    std::size_t end = 0; // of the last pattern, in the piece
    bool complete = in_last_line_;
    if (!complete && !carry_.empty()) { // those that begin before this piece
        const std::string edge = carry_ + std::string(piece.substr(0, needed + 200)); // enough to say who refused and why
        for (std::size_t at = 0; !complete && (at = edge.find(answer_.pattern, at)) < carry_.size() && at + needed <= edge.size(); ++at) {
            complete = found(edge, at);
            end = at + answer_.pattern.size() - std::min(at + answer_.pattern.size(), carry_.size());
        }
    }
    for (std::size_t at = 0; !complete && (at = piece.find(answer_.pattern, at)) != std::string_view::npos && at + needed <= piece.size(); ++at) {
        complete = found(piece, at);
        end = at + answer_.pattern.size();
    }
    if (!complete) {
        keepTail(carry_, piece, needed - 1);
        return std::nullopt;
    }
    if (!in_last_line_ && answer_.pattern.size() > 1 && answer_.pattern.back() == '\n')
        return end;
    in_last_line_ = true;
    const std::size_t line_end = piece.find('\n', end);
    return line_end == std::string_view::npos ? std::nullopt : std::optional(line_end + 1);
}

void Tally::feed(std::string_view piece)
{
    const std::string edge = carry_ + std::string(piece.substr(0, pattern_.size() - 1));
    for (std::size_t at = 0; (at = edge.find(pattern_, at)) < carry_.size(); ++at)
        ++count_;
    for (std::size_t at = 0; (at = piece.find(pattern_, at)) != std::string_view::npos; at += pattern_.size())
        ++count_;
    keepTail(carry_, piece, pattern_.size() - 1);
}

} // namespace postfach::load
