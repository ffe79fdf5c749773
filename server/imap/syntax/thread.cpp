#include "server/imap/syntax/thread.h"

#include "server/base/text.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace postfach::imap {
namespace {

using Node = std::uint32_t;
constexpr Node kNone = 0xffffffff;

// Whether a link would close a loop is found by walking up from the parent. Mail never needs more steps than this in all; mail made
// to need more loses links, not time: a fifth of a second.
constexpr std::uint64_t kSteps = 20'000'000;

// A forest. Nodes without a message are dummies: somebody named them, or they hold threads of one subject together.
class Forest {
public:
    explicit Forest(const std::vector<ThreadMessage>& messages) : messages_(messages) {}

    void byReferences();   // REFERENCES, steps 1 to 3
    void gatherSubjects(); // step 5
    void bySubject();      // ORDEREDSUBJECT
    void sortAll(bool newest_last);
    void sortRoots(); // step 4
    std::string text() const;

private:
    struct Order {
        std::int64_t date = 0;
        Node place = 0; // of the message: sequence numbers decide between equal dates
        bool operator<(const Order& other) const { return date != other.date ? date < other.date : place < other.place; }
    };

    Node add(Node message);
    Node nodeOf(std::uint64_t id);
    bool closesLoop(Node parent, Node child);
    void link(Node parent, Node child);
    void unlink(Node child);
    std::vector<Node> topDown() const;
    void prune();
    bool isDummy(Node node) const { return message_[node] == kNone; }
    const ThreadMessage& first(Node node) const { return messages_[message_[isDummy(node) ? children_[node].front() : node]]; }
    Order orderOf(Node node) const { return order_[node]; }

    const std::vector<ThreadMessage>& messages_;
    std::vector<Node> message_, parent_, child_count_;
    std::unordered_map<std::uint64_t, Node> ids_;
    std::uint64_t steps_ = 0;
    std::vector<Node> roots_;
    std::vector<std::vector<Node>> children_; // after byReferences() or bySubject()
    std::vector<Order> order_;
};

Node Forest::add(Node message)
{
    message_.push_back(message);
    parent_.push_back(kNone);
    child_count_.push_back(0);
    return static_cast<Node>(message_.size() - 1);
}

Node Forest::nodeOf(std::uint64_t id)
{
    const auto [found, is_new] = ids_.try_emplace(id, static_cast<Node>(message_.size()));
    return is_new ? add(kNone) : found->second;
}

bool Forest::closesLoop(Node parent, Node child)
{
    if (parent == child)
        return true;
    if (child_count_[child] == 0) // then it is nobody's ancestor
        return false;
    for (Node above = parent; above != kNone; above = parent_[above])
        if (above == child || ++steps_ > kSteps)
            return true;
    return false;
}

void Forest::link(Node parent, Node child)
{
    if (closesLoop(parent, child))
        return;
    parent_[child] = parent;
    ++child_count_[parent];
}

void Forest::unlink(Node child)
{
    if (parent_[child] != kNone)
        --child_count_[std::exchange(parent_[child], kNone)];
}

void Forest::byReferences()
{
    // The first message with an id is the one that others mean; later ones stand for themselves.
    std::vector<Node> own(messages_.size());
    for (Node i = 0; i < messages_.size(); ++i) {
        own[i] = add(i);
        if (messages_[i].id != 0)
            ids_.try_emplace(messages_[i].id, own[i]);
    }
    for (Node i = 0; i < messages_.size(); ++i) {
        Node above = kNone;
        for (const std::uint64_t id : messages_[i].references) { // 1.A
            const Node next = nodeOf(id);
            if (above != kNone && parent_[next] == kNone)
                link(above, next);
            above = next;
        }
        unlink(own[i]); // 1.B: its own word counts more than what others said of it
        if (above != kNone)
            link(above, own[i]);
    }
    prune(); // 2 and 3
}

// Parents before their children.
std::vector<Node> Forest::topDown() const
{
    std::vector<std::vector<Node>> below(message_.size());
    std::vector<Node> order;
    order.reserve(message_.size());
    for (Node node = 0; node < message_.size(); ++node)
        if (parent_[node] == kNone)
            order.push_back(node);
        else
            below[parent_[node]].push_back(node);
    for (std::size_t i = 0; i < order.size(); ++i)
        order.insert(order.end(), below[order[i]].begin(), below[order[i]].end());
    return order;
}

// Dummies go, and what hung on them hangs on what they hung on; a dummy at the top stays while it holds several together.
void Forest::prune()
{
    children_.resize(message_.size());
    std::vector<Node> holder(message_.size(), kNone); // of a node's children
    std::vector<Node> tops;
    for (const Node node : topDown()) {
        const Node above = parent_[node] == kNone ? kNone : holder[parent_[node]];
        holder[node] = isDummy(node) && above != kNone ? above : node;
        if (above == kNone)
            tops.push_back(node);
        else if (!isDummy(node))
            children_[above].push_back(node);
    }
    for (const Node top : tops)
        if (!isDummy(top) || children_[top].size() > 1)
            roots_.push_back(top);
        else if (children_[top].size() == 1)
            roots_.push_back(children_[top].front());
}

void Forest::gatherSubjects()
{
    struct Entry {
        Node node;
        std::size_t place; // among the roots
    };
    const auto isReply = [this](Node node) { return !isDummy(node) && messages_[message_[node]].is_reply; };
    std::unordered_map<std::uint64_t, Entry> table;
    for (std::size_t place = 0; place < roots_.size(); ++place) { // 5.B
        const Node node = roots_[place];
        const std::uint64_t subject = first(node).subject;
        if (subject == 0)
            continue;
        const auto [entry, is_new] = table.try_emplace(subject, Entry{node, place});
        const Node kept = entry->second.node;
        if (!is_new && !isDummy(kept) && (isDummy(node) || (isReply(kept) && !isReply(node))))
            entry->second = {node, place};
    }
    for (std::size_t place = 0; place < roots_.size(); ++place) { // 5.C
        const Node node = roots_[place];
        const auto entry = table.find(first(node).subject);
        if (entry == table.end() || entry->second.place == place)
            continue;
        Entry& kept = entry->second;
        roots_[place] = kNone;
        if (isDummy(kept.node) && isDummy(node)) {
            children_[kept.node].insert(children_[kept.node].end(), children_[node].begin(), children_[node].end());
        } else if (isDummy(kept.node) || (isReply(node) && !isReply(kept.node))) {
            children_[kept.node].push_back(node);
        } else {
            const Node together = add(kNone);
            children_.push_back({kept.node, node});
            order_.push_back(std::min(order_[kept.node], order_[node]));
            roots_[kept.place] = kept.node = together;
        }
    }
    std::erase(roots_, kNone);
}

// Of one subject the first to be sent is the parent of all others.
void Forest::bySubject()
{
    std::vector<Node> all(messages_.size());
    std::iota(all.begin(), all.end(), 0U);
    for (const Node i : all)
        add(i);
    children_.resize(all.size());
    std::sort(all.begin(), all.end(),
        [this](Node a, Node b) { return std::pair(messages_[a].sent, a) < std::pair(messages_[b].sent, b); });
    for (const Node node : all) {
        const auto [found, is_new] = ids_.try_emplace(messages_[node].subject, node);
        if (is_new)
            roots_.push_back(node);
        else
            children_[found->second].push_back(node);
    }
}

// Step 4, for which a dummy is as old as the first of what it holds.
void Forest::sortRoots()
{
    order_.resize(message_.size());
    for (Node node = 0; node < message_.size(); ++node)
        if (!isDummy(node))
            order_[node] = {messages_[message_[node]].sent, message_[node]};
    const auto older = [this](Node a, Node b) { return order_[a] < order_[b]; };
    for (const Node root : roots_)
        if (isDummy(root)) {
            std::sort(children_[root].begin(), children_[root].end(), older);
            order_[root] = order_[children_[root].front()];
        }
    std::sort(roots_.begin(), roots_.end(), older);
}

// Step 6. With `newest_last` (REFS) the threads themselves, and they alone, go by the newest arrival in them.
void Forest::sortAll(bool newest_last)
{
    order_.resize(message_.size());
    std::vector<Order> newest(message_.size());
    for (Node node = 0; node < message_.size(); ++node)
        if (!isDummy(node)) {
            const ThreadMessage& message = messages_[message_[node]];
            order_[node] = {message.sent, message_[node]};
            newest[node] = {message.arrived, message_[node]};
        }
    std::vector<Node> order = roots_;
    for (std::size_t i = 0; i < order.size(); ++i)
        order.insert(order.end(), children_[order[i]].begin(), children_[order[i]].end());
    const auto older = [this](Node a, Node b) { return order_[a] < order_[b]; };
    for (auto node = order.rbegin(); node != order.rend(); ++node) {
        auto& below = children_[*node];
        std::sort(below.begin(), below.end(), older);
        if (isDummy(*node)) {
            order_[*node] = order_[below.front()];
            newest[*node] = newest[below.front()];
        }
        for (const Node child : below)
            newest[*node] = std::max(newest[*node], newest[child]);
    }
    const auto& by = newest_last ? newest : order_;
    std::sort(roots_.begin(), roots_.end(), [&by](Node a, Node b) { return by[a] < by[b]; });
}

std::string Forest::text() const
{
    std::string out;
    std::vector<Node> todo(roots_.rbegin(), roots_.rend()); // kNone: a parenthesis to close
    while (!todo.empty()) {
        Node node = todo.back();
        todo.pop_back();
        if (node == kNone) {
            out += ')';
            continue;
        }
        out += '(';
        if (!isDummy(node))
            out += std::to_string(messages_[message_[node]].number);
        while (children_[node].size() == 1) {
            node = children_[node].front();
            out.append(" ").append(std::to_string(messages_[message_[node]].number));
        }
        const auto& below = children_[node];
        if (below.empty()) {
            out += ')';
            continue;
        }
        if (!isDummy(node))
            out += ' ';
        todo.push_back(kNone);
        todo.insert(todo.end(), below.rbegin(), below.rend());
    }
    return out;
}

} // namespace

std::optional<ThreadBy> threadAlgorithm(std::string_view name)
{
    if (base::iequals(name, "ORDEREDSUBJECT"))
        return ThreadBy::orderedSubject;
    if (base::iequals(name, "REFERENCES"))
        return ThreadBy::references;
    if (base::iequals(name, "REFS"))
        return ThreadBy::refs;
    return std::nullopt;
}

std::uint64_t threadHash(std::string_view text)
{
    if (text.empty())
        return 0;
    const std::uint64_t hash = std::hash<std::string_view>()(text);
    return hash == 0 ? 1 : hash;
}

std::string threads(ThreadBy how, const std::vector<ThreadMessage>& messages)
{
    Forest forest(messages);
    if (how == ThreadBy::orderedSubject) {
        forest.bySubject(); // in order already
        return forest.text();
    }
    forest.byReferences();
    if (how == ThreadBy::references) {
        forest.sortRoots();
        forest.gatherSubjects();
    }
    forest.sortAll(how == ThreadBy::refs);
    return forest.text();
}

} // namespace postfach::imap
