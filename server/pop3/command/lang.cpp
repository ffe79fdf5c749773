#include "server/pop3/commands.h"

namespace postfach::pop3 {

// LANG: in which language people are told. Without argument the list. RFC 6856 3.
net::Task<> cmdLang(Session& session, std::string argument)
{
    if (argument.empty()) {
        session.say("languages follow");
        for (const Language& language : languages())
            session.line(std::string(language.tag) + ' ' + std::string(language.name));
        session.line(".");
        co_return;
    }
    if (argument.find(' ') != std::string::npos)
        throw BadCommand("LANG takes one language");
    const Language* wanted = findLanguage(argument);
    if (wanted == nullptr)
        throw Refusal("that language is not spoken here");
    session.language = wanted;
    session.ok(std::string(wanted->tag) + ' ' + worded(*wanted, "language changed")); // in the new one already
}

} // namespace postfach::pop3
