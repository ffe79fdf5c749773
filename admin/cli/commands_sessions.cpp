// session list, session end.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;
} // namespace

int sessionList(Invocation& invocation)
{
    const auto all = invocation.list(invocation.narrowed("/api/v1/sessions", {"account", "service", "address", "q", "since", "until", "sort"}));
    if (invocation.json) {
        printList(all);
        return 0;
    }
    printTable({{"ID", "id"}, {"SERVICE", "service"}, {"ACCOUNT", "account"}, {"ADDRESS", "address"}, {"STATE", "state"}, {"CLIENT", "client"},
                {"SINCE", "since", Kind::date}, {"IN", "bytes_in", Kind::size}, {"OUT", "bytes_out", Kind::size}},
               all);
    return 0;
}

int sessionEnd(Invocation& invocation)
{
    Poco::JSON::Array::Ptr done = new Poco::JSON::Array;
    for (const auto& id : invocation.arguments) {
        invocation.call("DELETE", "/api/v1/sessions/" + percentEncoded(id));
        auto one = object();
        one->set("id", id);
        one->set("state", "ended");
        done->add(one);
        if (!invocation.json)
            std::cout << "session " << id << " ended\n";
    }
    if (invocation.json)
        printList(done);
    return 0;
}

} // namespace postfach::admin::run
