// A message as a stranger sends it: understood, kept, and answered for. The answers keep IMAP's grammar, the sections are the
// message's own bytes, the summary comes back from its serialized form, and a damaged one is refused or harmless.
#include "server/mail/decode.h"
#include "server/mail/normalize.h"
#include "server/mail/text.h"
#include "tests/unit/imap/syntax_grammar.h"

#include <cstdio>
#include <cstdlib>

using namespace postfach;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string message(reinterpret_cast<const char*>(data), size);
    const std::string wrong = test::checkFetch(message);
    if (!wrong.empty()) {
        std::fprintf(stderr, "%s\n", wrong.c_str());
        std::abort();
    }

    const std::string crlf = mail::normalizeLineEnds(message);
    if (mail::normalizeLineEnds(crlf) != crlf)
        std::abort();

    const mail::Structure structure = mail::parseStructure(message);
    mail::foldCase(mail::searchableHeader(message, structure));
    mail::foldCase(mail::searchableBody(message, structure));
    for (const mail::Part& part : structure.parts)
        mail::fileName(part);

    // The bytes themselves as a stored summary: never trusted.
    if (const auto summary = mail::deserialize(message)) {
        std::string out;
        imap::putEnvelope(out, summary->envelope());
        imap::putBodyStructure(out, *summary, true);
    }
    return 0;
}
