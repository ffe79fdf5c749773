// Service: signature files, looked at, added after a proof, removed.
#include "admin/api/json.h"
#include "admin/service.h"
#include "scanner/signature_files.h"
#include "server/base/file.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace postfach::admin {
namespace {
namespace fs = std::filesystem;

// What may be added: official sets, and the kinds of files that people make themselves. Not libclamav's configuration and bytecode.
constexpr std::array<std::string_view, 15> kEndings{".cvd", ".cld", ".ndb", ".hdb", ".hsb", ".ldb", ".mdb", ".msb",
                                                    ".cdb", ".yar", ".yara", ".pdb", ".wdb", ".fp",  ".ign2"};

std::string checkedName(const std::string& name)
{
    const bool plain = !name.empty() && name.size() <= 100 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
        return base::isDigit(c) || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z') || c == '.' || c == '-' || c == '_';
    });
    const bool known = std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
    if (!plain || !known)
        throw Problem(422, "invalid_name", "\"" + base::printable(name, 100) + "\" is no name of a signature file: letters, digits, . - _, and an "
                                           "ending such as .cvd, .ndb, .hdb, .hsb, .ldb or .yara.");
    return name;
}

Problem unwritable(const std::string& folder, const std::exception& why)
{
    base::logError("admin", "signature folder", {{"folder", folder}, {"reason", why.what()}});
    return {409, "not_writable", "The folder of the signatures cannot be written by this server."};
}

// Nobody waits: a proof may take minutes of a place that all share.
std::unique_lock<std::mutex> locked(std::mutex& signatures)
{
    std::unique_lock lock(signatures, std::try_to_lock);
    if (!lock)
        throw busyFor(10, "Another file is being proved: try again in some seconds.");
    return lock;
}
} // namespace

SignatureReport Service::signatures()
{
    SignatureReport report;
    report.status = context_.scanner.status();
    report.files = scanner::describeSignatures(context_.scanning.signatures);
    report.age = scanner::signatureAge(report.files, base::toMillis(context_.clock.now()));
    report.freshness = scanner::freshnessOf(report.age);
    return report;
}

void Service::addSignatures(const By& by, const std::string& given, std::string_view bytes)
{
    const std::string name = checkedName(given);
    if (bytes.empty())
        throw Problem(422, "bad_signatures", "The file is empty.");
    const auto lock = locked(signatures_mutex_);
    const std::string folder = context_.scanning.signatures;
    std::string wrong;
    try {
        wrong = scanner::proveSignatures(context_.scanning, name, bytes);
    } catch (const std::exception& why) {
        base::logError("admin", "signatures could not be proved", {{"file", name}, {"reason", why.what()}});
        throw Problem(503, "unavailable", "The file could not be proved now; try again later.");
    }
    if (!wrong.empty()) {
        base::logWarning("admin", "signatures refused", {{"by", by.actor}, {"file", name}, {"reason", wrong}});
        throw Problem(422, "bad_signatures", "The file cannot be used: " + wrong + ".");
    }
    auto after = object();
    after->set("size", bytes.size());
    note(by, "signatures.add", name, after); // first the entry: what cannot be noted is not done
    try {
        base::makeFolders(folder);
        base::writeFileDurably(folder + "/" + name, bytes, 0644);
        // Of a set that is there packed and unpacked libclamav takes one: the one that was just brought.
        std::error_code none;
        if (name.ends_with(".cvd") || name.ends_with(".cld"))
            fs::remove(folder + "/" + name.substr(0, name.size() - 3) + (name.ends_with(".cvd") ? "cld" : "cvd"), none);
    } catch (const std::exception& why) {
        throw unwritable(folder, why);
    }
    context_.scanner.reload();
}

void Service::removeSignatures(const By& by, const std::string& given)
{
    const std::string name = checkedName(given);
    const std::string folder = context_.scanning.signatures;
    const auto lock = locked(signatures_mutex_); // a file that is being added is not taken from under it
    std::error_code none;
    if (!fs::exists(folder + "/" + name, none))
        throw Problem(404, "not_found", "There is no signature file " + name + ".");
    note(by, "signatures.remove", name); // first the entry: what cannot be noted is not done
    try {
        fs::remove(folder + "/" + name);
    } catch (const std::exception& why) {
        throw unwritable(folder, why);
    }
    if (scanner::listSignatures(folder).empty())
        context_.scanner.withdraw();
    else
        context_.scanner.reload();
}

} // namespace postfach::admin
