// postfach scan: the scanner, the pass over stored mail, what was found in it too often.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

const std::vector<Column> kScanColumns = {{"READY", "ready"}, {"PROBLEM", "problem"}, {"SIGNATURES", "signature_count"}, {"SET", "signatures"},
                                          {"LOADED", "loaded_at", Kind::date}, {"SCANS", "scans"}, {"INFECTED", "infected"},
                                          {"UNSCANNABLE", "unscannable"}, {"SUSPICIOUS", "suspicious"}, {"ERRORS", "errors"}, {"RESTARTS", "restarts"}};
const std::vector<Column> kPassColumns = {{"STARTED", "started", Kind::date}, {"FINISHED", "finished", Kind::date}, {"SCANNED", "scanned"},
                                          {"LEFT", "left"}, {"LEFT, SIZE", "left_bytes", Kind::size}, {"A SECOND", "bytes_per_second", Kind::size},
                                          {"SECONDS TO GO", "seconds_to_go"}, {"BY HASH", "candidates"}, {"HITS", "hits"}, {"CLEARED", "cleared"},
                                          {"NO VERDICT", "no_verdict"}, {"PROBLEM", "problem"}};

void print(const Invocation& invocation, const Poco::JSON::Object::Ptr& answer, const std::string& words)
{
    if (invocation.json)
        printObject(answer);
    else
        std::cout << words << '\n';
}

Poco::JSON::Object::Ptr answerFinding(Invocation& invocation, const char* word)
{
    return invocation.call("POST", "/api/v1/scans/findings/" + percentEncoded(invocation.arguments[0]) + "/" + word);
}
} // namespace

int scanStatus(Invocation& invocation)
{
    const auto status = invocation.call("GET", "/api/v1/scans");
    if (invocation.json) {
        printObject(status);
        return 0;
    }
    printFields(kScanColumns, status);
    const auto coverage = status->getObject("coverage");
    std::cout << '\n' << forPeople(coverage->get("percent")) << " % of the stored mail checked with these signatures ("
              << coverage->getValue<std::string>("checked") << " of " << coverage->getValue<std::string>("contents") << " contents); "
              << "the pass over it is " << forPeople(status->get("stored")) << '\n';
    if (!status->isNull("pass"))
        printFields(kPassColumns, status->getObject("pass"));
    const auto findings = status->getArray("findings");
    if (findings->size() > 0) {
        std::cout << "\nfound in stored mail; what asks waits for `postfach scan confirm SIGNATURE` or `postfach scan dismiss SIGNATURE`\n";
        printTable({{"SIGNATURE", "signature"}, {"STATE", "state"}, {"HITS", "hits"}, {"WAITING", "waiting"},
                    {"SINCE", "since", Kind::date}}, findings);
    }
    return 0;
}

int scanRun(Invocation& invocation)
{
    const auto status = invocation.call("POST", "/api/v1/scans", object());
    print(invocation, status,
          "the signatures are read again, and stored mail that they have not looked at is scanned; `postfach scan status` says how far it is");
    return 0;
}

int scanCancel(Invocation& invocation)
{
    invocation.call("DELETE", "/api/v1/scans/pass");
    print(invocation, object(), "the pass over stored mail ends here, until there are other signatures or `postfach scan run`");
    return 0;
}

int scanConfirm(Invocation& invocation)
{
    answerFinding(invocation, "confirm");
    print(invocation, object(), forPeople(invocation.arguments[0]) + ": what waits goes to quarantine, and what else is found");
    return 0;
}

int scanDismiss(Invocation& invocation)
{
    const auto done = answerFinding(invocation, "dismiss");
    print(invocation, done,
          forPeople(invocation.arguments[0]) + ": what waits stays, " + done->getValue<std::string>("released")
              + " messages are back in their mailboxes");
    return 0;
}

} // namespace postfach::admin::run
