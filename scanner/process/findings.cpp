#include "scanner/process/findings.h"
#include "scanner/process/compound_file.h"
#include "scanner/wire.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <clamav.h>
#include <openssl/evp.h>

namespace postfach::scanner {
namespace {

constexpr std::size_t kTiny = 5; // libclamav does not scan files of five bytes or less
constexpr std::size_t kPacking = 16; // what a packed file of that size may be larger than itself
constexpr std::size_t kMembers = 20'000;
constexpr std::size_t kMails = 50;

// Archives whose inside always is one layer at least. An empty one of these is rare; one that this build cannot open is not.
bool mustOpen(std::string_view type)
{
    constexpr std::array<std::string_view, 8> kTypes{"CL_TYPE_RAR", "CL_TYPE_EGG",   "CL_TYPE_ALZ",   "CL_TYPE_LHA_LZH",
                                                     "CL_TYPE_ARJ", "CL_TYPE_MSCAB", "CL_TYPE_MSSZDD", "CL_TYPE_ISHIELD_MSI"};
    for (const auto known : kTypes)
        if (type == known)
            return true;
    return false;
}

bool listsMembers(std::string_view container)
{
    return container == "CL_TYPE_ZIP" || container == "CL_TYPE_7Z" || container.starts_with("CL_TYPE_OOXML");
}

// ACE is unknown to libclamav: seven bytes of head, then the mark.
bool isAce(std::string_view bytes) { return bytes.size() > 14 && bytes.substr(7, 7) == "**ACE**"; }

std::string keyOf(std::string_view name, std::uint64_t size)
{
    name = name.substr(name.find_last_of("/\\") + 1); // npos + 1 is 0
    return std::string(name) + '\0' + std::to_string(size);
}

std::string shown(const std::string& text) { return base::printable(text, 120); }

// What libclamav calls by a name, and is no infection.
constexpr std::array<std::pair<std::string_view, Class>, 8> kHeuristics{{
    {"Heuristics.Limits.Exceeded.MaxScanTime", Class::timeout},
    {"Heuristics.Limits.", Class::limit},
    {"Heuristics.XZ.DicSizeLimit", Class::limit},
    {"Heuristics.Encrypted.", Class::encrypted},
    {"Heuristics.Broken.", Class::broken}, // a picture cut short was not looked at to its end
    {"Heuristics.OLE2.ContainsMacros", Class::macros},
    {"Heuristics.Phishing.", Class::phishing},
    {"Heuristics.Safebrowsing.Suspected-phishing", Class::phishing},
}};

// Fetched once: looking an algorithm up costs more than hashing a small layer (OpenSSL's crypto(7), "Performance").
const std::array<const EVP_MD*, 3>& hashesOfLayers()
{
    static const std::array<const EVP_MD*, 3> kinds{EVP_MD_fetch(nullptr, "MD5", nullptr), EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                                    EVP_MD_fetch(nullptr, "SHA256", nullptr)};
    return kinds;
}

// What libclamav calls the files that it makes itself, for a mail's own text among others.
bool isTemporary(std::string_view name) { return name.starts_with("clamav-") && name.ends_with(".tmp"); }

} // namespace

bool Findings::has(Class what) const
{
    return std::any_of(found_.begin(), found_.end(), [&](const Finding& finding) { return finding.what == what; });
}

bool Findings::whole() const { return !has(Class::encrypted) && !has(Class::limit) && !has(Class::timeout) && !has(Class::broken); }

void Findings::startPiece()
{
    ++piece_;
    alerted_ = false;
    layers_ = 0;
    open_container_.clear();
    opened_.clear();
    promised_.clear();
    members_.clear();
}

void Findings::alert(const char* name)
{
    alerted_ = true;
    if (!name) { // libclamav has alerts without a name; those seen were limits
        note(Class::limit, "alert without a name");
        return;
    }
    const std::string_view text(name);
    for (const auto& [prefix, what] : kHeuristics)
        if (text.starts_with(prefix))
            return note(what, shown(name));
    note(Class::infected, base::printable(text, 200));
}

void Findings::closeContainer()
{
    if (!open_container_.empty())
        note(Class::broken, "not opened: " + open_container_);
    open_container_.clear();
}

void Findings::layer(std::string_view type, const char* name, std::string_view bytes, std::uint32_t level)
{
    ++layers_;
    if (!open_container_.empty()) {
        if (level > open_level_)
            open_container_.clear();
        else
            closeContainer();
    }
    if (mustOpen(type)) {
        open_container_ = type;
        open_level_ = level;
    } else if (isAce(bytes)) {
        note(Class::broken, "not opened: ACE");
    }
    if (type == "CL_TYPE_MSOLE2" && isEncryptedOffice(bytes)) // libclamav opens none, and says nothing
        note(Class::encrypted, "Office document");
    const bool named = name && !isTemporary(name);
    if (named && refused_.byName(name)) // the same words as where a header or an archive's directory names it
        note(Class::attachment, shown(name));
    else if (const auto found = refused_.byContent(type, bytes, named))
        note(Class::attachment, shown((named ? std::string(name) + " is " : std::string()) + *found));
    if (bytes.size() >= limits_.file_size)
        note(Class::limit, "layer of " + std::to_string(bytes.size()) + " bytes"); // inflated up to the limit, the rest unseen
    if (level + 2 >= limits_.recursion)
        note(Class::limit, "nested " + std::to_string(limits_.recursion - 2) + " deep");
    if (layers_ >= limits_.files / 10 * 9)
        note(Class::limit, std::to_string(limits_.files / 10 * 9) + " layers");
    if (name)
        ++opened_[keyOf(name, bytes.size())];
    if (bytes.data() && wanted_sizes_.contains(bytes.size())) {
        sizes_seen_.insert(bytes.size());
        layers_seen_.insert(base::sha256(bytes));
    }
    tell(type, bytes, level);
    if (type == "CL_TYPE_MAIL" && hasPartial(bytes))
        note(Class::broken, "message/partial");
    if (type != "CL_TYPE_MAIL" && looksLikeMail(bytes) && mails_seen_.insert(base::sha256(bytes)).second) {
        if (mails_seen_.size() > kMails)
            note(Class::limit, "more than " + std::to_string(kMails) + " mails inside");
        else
            mails_.emplace_back(bytes);
    }
    if (trouble_.empty() && space_.low())
        trouble_ = "temporary folder: too little space during the scan";
}

// For signatures that are a hash of a whole file. The mail itself is none, and libclamav matches no hash against HTML.
void Findings::tell(std::string_view type, std::string_view bytes, std::uint32_t level)
{
    const bool is_mail = piece_ == 1 && level == 0;
    if (is_mail || too_many_ || bytes.size() <= kTiny || bytes.size() > UINT32_MAX || !bytes.data() || type == "CL_TYPE_HTML")
        return;
    const auto put = [](std::string& out, std::uint64_t number, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            out += static_cast<char>(number >> (8 * i) & 0xFF);
    };
    std::string layer;
    put(layer, bytes.size(), 4);
    std::uint64_t first = 0;
    for (const EVP_MD* kind : hashesOfLayers()) {
        unsigned char digest[EVP_MAX_MD_SIZE] = {};
        if (EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, kind, nullptr) != 1)
            return;
        std::memcpy(&first, digest, sizeof first);
        layer.append(reinterpret_cast<const char*>(digest), sizeof first);
    }
    if (!told_.insert(first).second)
        return;
    too_many_ = told_.size() > wire::kMostLayers;
    if (too_many_)
        layers_told_.clear();
    else
        layers_told_ += layer;
}

void Findings::member(std::string_view container, const char* name, std::uint64_t packed, std::uint64_t size, bool encrypted,
                      std::uint32_t position)
{
    if (name && refused_.byName(name))
        note(Class::attachment, shown(name));
    if (encrypted) {
        note(Class::encrypted, "member of " + std::string(container));
        return;
    }
    if (name && size <= kTiny && packed > kTiny + kPacking && container == "CL_TYPE_ZIP")
        note(Class::broken, "member of " + std::to_string(packed) + " bytes says it has " + std::to_string(size) + ": " + shown(name));
    if (!name || size <= kTiny || !listsMembers(container))
        return;
    if (size >= limits_.file_size) { // no layer will come of it, or only the beginning of one
        note(Class::limit, "member of " + std::to_string(size) + " bytes");
        return;
    }
    if (members_.size() >= kMembers) {
        note(Class::limit, "too many members");
        return;
    }
    // Announced twice, once for the directory and once for the member itself; position tells copies in one archive apart.
    if (members_.insert(std::string(name) + '\0' + std::to_string(size) + '\0' + std::to_string(position)).second)
        ++promised_[keyOf(name, size)];
}

void Findings::message(const std::string& text) { note(Class::broken, shown(text)); }

void Findings::finish(int rc, std::string_view piece)
{
    closeContainer();
    for (const auto& [key, count] : promised_) {
        const auto found = opened_.find(key);
        if (found == opened_.end() || found->second < count)
            note(Class::broken, "member not opened: " + shown(key.substr(0, key.find('\0'))));
    }
    switch (rc) {
    case CL_CLEAN:
    case CL_VERIFIED:
        break;
    case CL_VIRUS:
        if (!alerted_) // of this piece nothing was said
            alert(nullptr);
        break;
    case CL_EMAXREC:
    case CL_EMAXSIZE:
    case CL_EMAXFILES:
        note(Class::limit, cl_strerror(static_cast<cl_error_t>(rc)));
        break;
    case CL_ETIMEOUT:
        note(Class::timeout, "libclamav's own limit");
        break;
    case CL_EFORMAT:
    case CL_EPARSE:
    case CL_EUNPACK:
    case CL_EBYTECODE:
    case CL_BREAK:
        note(Class::broken, cl_strerror(static_cast<cl_error_t>(rc)));
        break;
    default: // files, memory, locks: not the content's fault
        if (trouble_.empty())
            trouble_ = std::string("libclamav: ") + cl_strerror(static_cast<cl_error_t>(rc));
    }
    if (piece.size() >= limits_.file_size)
        note(Class::limit, "content of " + std::to_string(piece.size()) + " bytes");
    else if (layers_ == 0 && piece.size() > kTiny)
        trouble_ = trouble_.empty() ? "libclamav did not look at the content" : trouble_;
}

namespace {

// Skips blanks, line folds and comments (RFC 5322 3.2.2) from `at`; nesting is counted, not recursed into.
std::size_t skipBlanks(std::string_view text, std::size_t at)
{
    int depth = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '(')
            ++depth;
        else if (c == ')' && depth > 0)
            --depth;
        else if (c == '\\' && depth > 0)
            ++at;
        else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return at;
    }
    return text.size();
}

bool skipWord(std::string_view text, std::size_t& at, std::string_view word)
{
    at = skipBlanks(text, at);
    if (!base::istartsWith(text.substr(at), word))
        return false;
    at += word.size();
    return true;
}

} // namespace

bool looksLikeMail(std::string_view bytes)
{
    constexpr std::size_t kHeader = 64 * 1024, kMostFields = 1'000;
    const auto isName = [](char c) { return c > ' ' && c < 0x7F; };
    bool has_mime = false;
    std::string_view rest = bytes.substr(0, kHeader);
    for (std::size_t fields = 0; fields < kMostFields && !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        if (line.empty())
            break;
        if (line.front() == ' ' || line.front() == '\t') {
            if (fields == 0)
                return false;
            continue;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || !std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), isName)) {
            if (fields == 0)
                return false;
            continue; // a line that is no field: mail programs read on
        }
        ++fields;
        has_mime = has_mime || base::istartsWith(line, "content-") || base::istartsWith(line, "mime-version:");
    }
    return has_mime;
}

bool hasPartial(std::string_view mail)
{
    constexpr std::string_view kName = "content-type";
    constexpr std::size_t kField = 1'000;
    for (std::size_t line = 0; line < mail.size();) {
        const std::string_view rest = mail.substr(line, kField);
        std::size_t at = 0;
        if (base::istartsWith(rest, kName)) {
            at = kName.size();
            if (skipWord(rest, at, ":") && skipWord(rest, at, "message") && skipWord(rest, at, "/") && skipWord(rest, at, "partial"))
                return true;
        }
        const auto* end = static_cast<const char*>(std::memchr(mail.data() + line, '\n', mail.size() - line));
        if (!end)
            return false;
        line = static_cast<std::size_t>(end - mail.data()) + 1;
    }
    return false;
}

} // namespace postfach::scanner
