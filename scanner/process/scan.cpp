#include "scanner/process/scan.h"
#include "scanner/process/findings.h"
#include "scanner/process/samples.h"
#include "server/base/hash.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <clamav.h>

namespace postfach::scanner {
namespace {

Findings& findings(void* context) { return *static_cast<Findings*>(context); }

cl_error_t onLayer(int, const char* type, const char**, size_t, const char* name, size_t size, const char* buffer,
                   uint32_t level, uint32_t, void* context)
{
    if (context)
        findings(context).layer(type ? type : "", name, buffer ? std::string_view(buffer, size) : std::string_view(), level);
    return CL_CLEAN;
}

cl_error_t onMember(const char* container, unsigned long packed, const char* name, unsigned long size, int encrypted,
                    unsigned position, void* context)
{
    if (context)
        findings(context).member(container ? container : "", name, packed, size, encrypted != 0, position);
    return CL_CLEAN;
}

void onAlert(int, const char* name, void* context)
{
    if (context)
        findings(context).alert(name);
}

cl_scan_options hardest()
{
    cl_scan_options options{};
    // All matches, so that the alert of a limit or of encryption never hides a real name.
    options.general = CL_SCAN_GENERAL_ALLMATCHES | CL_SCAN_GENERAL_HEURISTICS;
    options.parse = ~0U;
    options.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC
                        | CL_SCAN_HEURISTIC_MACROS | CL_SCAN_HEURISTIC_BROKEN_MEDIA | CL_SCAN_HEURISTIC_PHISHING_SSL_MISMATCH
                        | CL_SCAN_HEURISTIC_PHISHING_CLOAK;
    options.mail = CL_SCAN_MAIL_PARTIAL_MESSAGE;
    return options;
}

int scanPiece(cl_engine* engine, std::string_view piece, Findings& into)
{
    cl_scan_options options = hardest();
    cl_fmap_t* map = cl_fmap_open_memory(piece.data(), piece.size());
    if (!map)
        return CL_EMEM;
    const char* name = nullptr;
    unsigned long scanned = 0;
    const int rc = cl_scanmap_callback(map, nullptr, &name, &scanned, engine, &options, &into);
    cl_fmap_close(map);
    if (rc == CL_VIRUS && name)
        into.alert(name);
    return rc;
}

} // namespace

Scanner::Scanner(cl_engine* engine, const Limits& limits)
    : engine_(engine), limits_(limits),
      space_(limits.scan_size + limits.temp_reserve, limits.temp_reserve, limits.temp_inodes)
{
    cl_engine_set_clcb_file_inspection(engine, onLayer);
    cl_engine_set_clcb_meta(engine, onMember);
    cl_engine_set_clcb_virus_found(engine, onAlert);
}

ScanResult Scanner::scan(const std::vector<std::string_view>& pieces, const std::string& refused)
{
    const auto types = AttachmentTypes::of(refused);
    Findings found(limits_, space_, *types);
    ScanResult result = scan(pieces, found);
    result.layers = found.layers();
    return result;
}

ScanResult Scanner::scan(const std::vector<std::string_view>& pieces, Findings& found)
{
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t kTiny = 5;
    if (const std::string problem = space_.problemBefore(); !problem.empty())
        return {problem, {}};

    for (std::size_t i = 1; i < pieces.size(); ++i)
        found.want(pieces[i]);
    std::set<base::Sha256> done;
    const auto start = Clock::now();
    const auto scanOne = [&](std::string_view piece, const std::string& behind) {
        const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
        if (spent >= static_cast<std::int64_t>(limits_.scan_time)) {
            found.note(Class::timeout, "after " + behind);
            return false;
        }
        cl_engine_set_num(engine_, CL_ENGINE_MAX_SCANTIME, limits_.scan_time - spent);
        takeMessages();
        found.startPiece();
        const int rc = scanPiece(engine_, piece, found);
        if (const std::string warnings = takeMessages(); !warnings.empty())
            found.message(warnings);
        found.finish(rc, piece);
        return true;
    };
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const std::string_view piece = pieces[i];
        if (i > 0) {
            if (piece.size() <= kTiny)
                continue;
            const base::Sha256 hash = base::sha256(piece);
            // A layer that was seen was scanned, with all that is in it, unless something kept libclamav from going on.
            const bool covered = found.mayHaveSeen(piece) && found.seen(hash) && found.whole();
            if (covered || !done.insert(hash).second)
                continue;
        }
        if (!scanOne(piece, std::to_string(i) + " pieces")) // also behind an infected one: its name may be allowed, that of the next is another
            break;
    }
    for (auto mails = found.takeMails(); !mails.empty() && found.trouble().empty(); mails = found.takeMails())
        for (const std::string& mail : mails)
            if (!scanOne(std::string(wire::kReceived) + mail, "mails inside"))
                break;
    std::string trouble = found.trouble();
    if (trouble.empty()) {
        emptyFolder(".");
        trouble = space_.problemAfter();
    }
    if (trouble.empty())
        return {{}, found.all()};
    if (!found.infected())
        return {trouble, {}};
    found.note(Class::broken, trouble); // what was found is certain; that there is no more is not
    return {{}, found.all()};
}

std::string Scanner::canary()
{
    const std::string sample = samples::mail("test.zip", samples::zip("test.com", samples::eicar()));
    const ScanResult result = scan({sample});
    if (result.kind() != Verdict::Kind::infected)
        return "the test file in an archive in a mail was not found" + (result.trouble.empty() ? "" : ": " + result.trouble);
    return {};
}

std::string Scanner::selfTest()
{
    const std::string plain = std::string(wire::kReceived) + "From: scanner@localhost\r\n\r\n" + samples::eicar() + "\r\n";
    if (scan({plain}).kind() != Verdict::Kind::infected)
        return "the test file was not found";
    if (std::string problem = canary(); !problem.empty())
        return problem;
    const std::string locked = samples::mail("test.zip", samples::zip("test.txt", "Locked away, nobody can look.", true));
    if (scan({locked}).kind() != Verdict::Kind::unscannable)
        return "an encrypted archive was not noticed";
    const std::string clean = samples::cleanMail();
    const ScanResult result = scan({clean});
    if (!result.clean())
        return "a clean mail is not clean: " + (result.findings.empty() ? result.trouble : inWords(result.findings.front()));
    return {};
}

} // namespace postfach::scanner
