#pragma once
// Lists in pages: {"items":[…],"next":CURSOR|null}, ?limit= (1 to 1000, 100 when left out) and ?cursor=.
#include "admin/api/json.h"
#include "admin/api/routes.h"
#include "admin/api/target.h"

#include <string>
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

} // namespace postfach::admin
