#include "server/imap/syntax/thread.h"

#include "server/imap/command/all.h"
#include "server/imap/header_read.h"
#include "server/imap/search_answer.h"
#include "server/imap/search_run.h"

#include <algorithm>
#include <chrono>
#include <string>

// THREAD and UID THREAD: RFC 5256 3.

namespace postfach::imap {
namespace {

using Text = mail::HeaderKeys::Text;

ThreadMessage threadMessage(std::uint32_t number, const store::Message& message, const mail::HeaderKeys& header)
{
    ThreadMessage out;
    out.number = number;
    out.arrived = std::chrono::floor<std::chrono::seconds>(message.internal_date).time_since_epoch().count();
    out.sent = header.sent().value_or(out.arrived);
    out.subject = threadHash(header.text(Text::baseSubject));
    out.is_reply = header.isReply();
    out.id = threadHash(header.text(Text::messageId));
    for (const std::string_view id : header.references())
        out.references.push_back(threadHash(id));
    return out;
}

} // namespace

net::Task<Tagged> cmdThread(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    session.requireUids(request.by_uid);
    const auto how = threadAlgorithm(args.atom());
    if (!how)
        throw BadSyntax("Unknown threading algorithm");
    args.space();
    SearchKey key = searchKeyWithCharset(session, args, SearchReturn());

    MessageSearch search(session, std::move(key), SearchScope(session.view()));
    session.beginRound(0, 2); // finding, then reading the headers of what was found
    co_await search.run();
    session.beginRound(1, 2);
    const auto& found = search.found();
    const store::Snapshot& numbered = search.scope().numbered;
    std::vector<ThreadMessage> messages(found.size());
    TakeHeader take = [&](std::size_t at, const store::Message& message, const HeaderCache::Keys& header) {
        messages[at] = threadMessage(request.by_uid ? message.uid.value : found[at] + 1, message, *header);
    };
    co_await eachHeader(session, numbered, found, std::move(take));
    auto work = [&messages, how] { return threads(*how, messages); };
    const std::string text = co_await session.strand().offload(std::move(work));

    std::string line = "* THREAD";
    if (!text.empty())
        line.append(" ").append(text);
    line += "\r\n";
    co_await session.send(std::move(line));
    co_return Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
