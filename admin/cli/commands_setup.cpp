// dns.
#include "admin/api/target.h"
#include "admin/cli/command.h"

#include <algorithm>
#include <iostream>

namespace postfach::admin::run {

int dns(Invocation& invocation)
{
    const bool check = invocation.has("--check");
    const auto answer = invocation.call(
        "GET", "/api/v1/domains/" + percentEncoded(invocation.arguments[0]) + "/dns" + (check ? "?check=true" : ""));
    const auto records = answer->getArray("records");
    bool complete = true, asked = false;
    for (std::size_t i = 0; i < records->size(); ++i) {
        const auto record = records->getObject(static_cast<unsigned>(i));
        const auto type = record->getValue<std::string>("type"), state = record->getValue<std::string>("state");
        const auto value = forPeople(record->get("value"));
        asked = asked || state != "unchecked";
        complete = complete && (state == "present" || type == "TLSA"); // worth having, not needed
        if (invocation.json)
            continue;
        // Lines of a zone file: what is said besides is a comment.
        std::cout << "; " << forPeople(record->get("purpose")) << (check ? " [" + state + "]" : "") << '\n';
        if (state == "differs")
            for (const auto& found : *record->getArray("found"))
                std::cout << "; DNS has: " << forPeople(found) << '\n';
        std::cout << forPeople(record->get("name")) << " 3600 IN " << type << ' ' << (type == "TXT" ? "\"" + value + "\"" : value)
                  << '\n';
    }
    if (invocation.json)
        printObject(answer);
    if (!check)
        return 0;
    if (!asked) {
        std::cerr << "postfach: DNS could not be asked\n";
        return 1;
    }
    return complete ? 0 : 1;
}

} // namespace postfach::admin::run
