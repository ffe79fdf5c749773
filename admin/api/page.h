#pragma once
// Lists in pages: {"items":[…],"next":CURSOR|null}, ?limit= (1 to 1000, 100 when left out) and ?cursor=.
#include "admin/api/filters.h"
#include "admin/api/json.h"
#include "admin/api/routes.h"
#include "admin/api/target.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace postfach::admin {

struct PageRequest {
    std::string after;       // key of the last entry the caller has seen
    std::size_t limit = 100;
    store::Page oneMore() const { return {after, limit + 1}; } // tells whether there is a next page
};
PageRequest pageOf(const Call& call);

// `found` holds up to limit + 1 entries behind `page.after`.
template <class T, class Key, class Json>
Response listOf(const Call& call, const PageRequest& page, const std::vector<T>& found, Key key, Json json)
{
    Poco::JSON::Array::Ptr items = new Poco::JSON::Array;
    const auto count = found.size() < page.limit ? found.size() : page.limit;
    for (std::size_t i = 0; i < count; ++i)
        items->add(json(found[i]));
    auto out = object();
    out->set("items", items);
    if (found.size() <= page.limit) {
        out->set("next", Poco::Dynamic::Var());
        return Response::json(200, out);
    }
    const auto cursor = cursorOf(key(found[count - 1]));
    out->set("next", cursor);
    auto response = Response::json(200, out);
    const auto path = call.head.target.substr(0, call.head.target.find('?'));
    std::string filters;
    for (const auto& [name, value] : call.target.query)
        if (name != "limit" && name != "cursor")
            filters += name + "=" + percentEncoded(value) + "&";
    response.headers.emplace_back("Link", "<" + path + "?" + filters + "limit=" + std::to_string(page.limit) + "&cursor=" + cursor
                                               + ">; rel=\"next\"");
    return response;
}

// The same for what is small enough to be read whole, already sorted by key.
template <class T, class Key, class Json>
Response listOfAll(const Call& call, const std::vector<T>& all, Key key, Json json)
{
    const auto page = pageOf(call);
    std::vector<T> found;
    for (const auto& entry : all)
        if (page.after.empty() || key(entry) > page.after) {
            found.push_back(entry);
            if (found.size() > page.limit)
                break;
        }
    return listOf(call, page, found, key, json);
}

// An order that `sort` may name: what of an entry compares, as sortable text.
template <class T>
struct Order {
    const char* name;
    std::string (*key)(const T&);
};

template <class T>
std::vector<std::string_view> namesOf(const std::vector<Order<T>>& orders)
{
    std::vector<std::string_view> names;
    for (const auto& order : orders)
        names.emplace_back(order.name);
    return names;
}

// The keys behind `after`, one more than a page has, in the order that is wanted.
inline std::vector<std::string> pageOfKeys(std::vector<std::string> keys, const PageRequest& page, bool descending)
{
    const auto before = [descending](const std::string& a, const std::string& b) { return descending ? b < a : a < b; };
    std::sort(keys.begin(), keys.end(), before);
    if (!page.after.empty())
        keys.erase(keys.begin(), std::upper_bound(keys.begin(), keys.end(), page.after, before));
    if (keys.size() > page.limit + 1)
        keys.resize(page.limit + 1);
    return keys;
}

// A list that is small enough to be read whole, by any of its orders; `id` is of one entry alone.
template <class T, class Id, class Json>
Response sortedList(const Call& call, const std::vector<T>& all, const std::vector<Order<T>>& orders, Id id, Json json)
{
    const auto page = pageOf(call);
    const auto sort = sortOf(call, namesOf(orders));
    const auto keyOf = [&](const T& entry) { return orders[sort.order].key(entry) + '\n' + id(entry); };
    std::vector<std::string> keys;
    std::unordered_map<std::string, const T*> entries;
    for (const T& entry : all) {
        keys.push_back(keyOf(entry));
        entries.emplace(keys.back(), &entry);
    }
    std::vector<T> found;
    for (const auto& key : pageOfKeys(std::move(keys), page, sort.descending))
        found.push_back(*entries.at(key));
    return listOf(call, page, found, keyOf, json);
}

// A list that the store gives in pages by `id`, which is the first of the orders. Another one looks at all of them, and keeps the keys.
template <class T>
struct Walk {
    std::function<std::vector<T>(const store::Page&)> read;
    std::function<std::string(const T&)> id;
    std::function<bool(const T&)> fits;
    std::function<std::optional<T>(const std::string& id)> find; // nothing: it went meanwhile
};

template <class T, class Json>
Response walkedList(const Call& call, const Walk<T>& walk, const std::vector<Order<T>>& orders, Json json)
{
    constexpr std::size_t kAtOnce = 1000;
    const auto page = pageOf(call);
    const auto sort = sortOf(call, namesOf(orders));
    const auto each = [&](std::string after, std::size_t at_once, auto take) {
        for (;; at_once = kAtOnce) {
            const auto part = walk.read({after, at_once});
            for (const T& entry : part)
                if (walk.fits(entry) && !take(entry))
                    return;
            if (part.size() < at_once)
                return;
            after = walk.id(part.back());
        }
    };
    std::vector<T> found;
    if (sort.order == 0 && !sort.descending) {
        each(page.after, page.limit + 1, [&](const T& entry) {
            found.push_back(entry);
            return found.size() <= page.limit;
        });
        return listOf(call, page, found, walk.id, json);
    }
    const auto keyOf = [&](const T& entry) { return orders[sort.order].key(entry) + '\n' + walk.id(entry); };
    std::vector<std::string> keys;
    each({}, kAtOnce, [&](const T& entry) {
        keys.push_back(keyOf(entry));
        return true;
    });
    for (const auto& key : pageOfKeys(std::move(keys), page, sort.descending))
        if (auto entry = walk.find(key.substr(key.rfind('\n') + 1)))
            found.push_back(*std::move(entry));
    return listOf(call, page, found, keyOf, json);
}

// What `get` gives, or nothing where it says that there is none.
template <class Get>
auto ifThere(Get get) -> std::optional<decltype(get())>
{
    try {
        return get();
    } catch (const Problem& problem) {
        if (problem.status != 404)
            throw;
        return std::nullopt;
    }
}

} // namespace postfach::admin
