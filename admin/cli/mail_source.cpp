#include "admin/cli/mail_source.h"
#include "admin/api/target.h"
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/text.h"
#include "server/mail/header.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

namespace postfach::admin {
namespace fs = std::filesystem;
namespace {

base::Time modified(const std::string& path)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        return {};
    return base::fromMillis(static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000);
}

// A file's bytes, mapped: an mbox of 20 GB needs no 20 GB.
class MappedFile {
public:
    explicit MappedFile(const std::string& path)
    {
        base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat info {};
        if (!fd || ::fstat(fd.get(), &info) != 0)
            throw base::Refused(path + " cannot be read: " + std::system_category().message(errno), 1);
        size_ = static_cast<std::size_t>(info.st_size);
        if (size_ == 0)
            return;
        data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (data_ == MAP_FAILED)
            throw base::Refused(path + " cannot be read: " + std::system_category().message(errno), 1);
    }
    ~MappedFile()
    {
        if (size_ > 0)
            ::munmap(data_, size_);
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::string_view view() const { return {static_cast<const char*>(data_), size_}; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

// "From alice@example.org Mon Nov 23 12:00:00 2026" (asctime, with an optional zone that is not looked at).
std::optional<base::Time> fromLineDate(std::string_view line)
{
    static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    std::vector<std::string_view> words;
    for (const auto word : base::split(line, ' '))
        if (!word.empty())
            words.push_back(word);
    for (std::size_t i = 2; i + 1 < words.size(); ++i) {
        const auto clock = base::split(words[i], ':');
        const auto month = kMonths.find(words[i - 2]);
        const auto day = base::parseU32(words[i - 1]);
        if ((clock.size() != 2 && clock.size() != 3) || words[i - 2].size() != 3 || month == std::string_view::npos || month % 3 != 0 || !day)
            continue;
        const auto h = base::parseU32(clock[0]), m = base::parseU32(clock[1]), s = clock.size() == 3 ? base::parseU32(clock[2]) : std::optional(0U);
        for (std::size_t y = i + 1; y < words.size() && y <= i + 2; ++y) {
            const auto year = words[y].size() == 4 ? base::parseU32(words[y]) : std::nullopt;
            if (!year || *year < 1970 || !h || !m || !s || *h > 23 || *m > 59 || *s > 60)
                continue;
            using namespace std::chrono;
            const year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{static_cast<unsigned>(month / 3 + 1)},
                                      std::chrono::day{*day}};
            if (date.ok())
                return base::Time{sys_days{date}} + hours{*h} + minutes{*m} + seconds{*s};
        }
    }
    return std::nullopt;
}

std::string_view lineAt(std::string_view text, std::size_t at)
{
    const auto end = text.find('\n', at);
    auto line = text.substr(at, end == std::string_view::npos ? std::string_view::npos : end - at);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

bool looksLikeField(std::string_view line)
{
    const auto colon = line.find(':');
    return colon != std::string_view::npos && colon > 0 &&
           std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) { return c > 0x20 && c < 0x7F; });
}

// What separates messages: "From " at the start, or with two of three: an empty line before it, a date in it, a header
// field below it. A text's own "From here on" has one at most; some programs leave out the empty line.
bool isSeparator(std::string_view mbox, std::size_t at)
{
    if (!mbox.substr(at).starts_with("From "))
        return false;
    if (at == 0)
        return true;
    const auto before = mbox.substr(0, at);
    const auto next = mbox.find('\n', at);
    const bool empty_line = before.ends_with("\n\n") || before.ends_with("\n\r\n");
    const bool date = fromLineDate(lineAt(mbox, at)).has_value();
    const bool field = next != std::string_view::npos && looksLikeField(lineAt(mbox, next + 1));
    return int{empty_line} + int{date} + int{field} >= 2;
}

void statusFlags(std::string_view header, std::vector<std::string>& flags) // Status and X-Status of mbox files
{
    const auto status = mail::fieldText(header, "Status"), x_status = mail::fieldText(header, "X-Status");
    if (status.find('R') != std::string::npos)
        flags.emplace_back("seen");
    static constexpr std::pair<char, const char*> kLetters[] = {{'A', "answered"}, {'F', "flagged"}, {'D', "deleted"}, {'T', "draft"}};
    for (const auto& [letter, name] : kLetters)
        if (x_status.find(letter) != std::string::npos)
            flags.emplace_back(name);
}

void readMbox(const std::string& path, std::size_t most, const VisitMail& visit)
{
    const MappedFile file(path);
    std::size_t number = 0;
    eachMboxEntry(file.view(), [&](const MboxEntry& entry) {
        FoundMail found;
        found.source = path + ", message " + std::to_string(++number);
        found.date = entry.date;
        if (entry.raw.size() > most + most / 8)
            found.problem = "larger than the limit of " + std::to_string(most) + " bytes";
        if (!found.problem.empty())
            return visit(found, {});
        const auto bytes = unquoted(entry.raw);
        statusFlags(bytes, found.flags);
        visit(found, bytes);
    });
}

void readFileInto(FoundMail found, const std::string& path, std::size_t most, bool by_header, const VisitMail& visit)
{
    found.source = path;
    std::string bytes;
    try {
        bytes = base::readFile(path, most + most / 8);
    } catch (const std::exception& error) {
        found.problem = error.what();
    }
    found.date = modified(path);
    if (by_header)
        if (const auto date = mail::parseDate(mail::fieldText(bytes, "Date")))
            found.date = date->time;
    visit(found, bytes);
}

constexpr std::pair<char, const char*> kMaildirFlags[] = {{'S', "seen"}, {'R', "answered"}, {'F', "flagged"}, {'T', "deleted"}, {'D', "draft"}};

// Dovecot's list: "0 $Forwarded" names the letter a, and so on.
std::vector<std::string> maildirKeywords(const fs::path& folder)
{
    std::vector<std::string> names(26);
    std::error_code missing;
    if (!fs::exists(folder / "dovecot-keywords", missing))
        return names;
    const auto text = base::readFile((folder / "dovecot-keywords").string(), 64 * 1024);
    for (const auto line : base::split(text, '\n')) {
        const auto space = line.find(' ');
        const auto number = base::parseU32(line.substr(0, space));
        if (space != std::string_view::npos && number && *number < names.size())
            names[*number] = base::trim(line.substr(space + 1));
    }
    return names;
}

std::vector<fs::path> sorted(const fs::path& folder)
{
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        entries.push_back(at->path());
    std::sort(entries.begin(), entries.end());
    return entries;
}

bool isMaildir(const fs::path& folder)
{
    std::error_code error;
    return fs::is_directory(folder / "cur", error);
}

void readMaildir(const fs::path& folder, const std::string& mailbox, std::size_t most, const VisitMail& visit)
{
    const auto keywords = maildirKeywords(folder);
    for (const char* part : {"cur", "new"})
        for (const auto& file : sorted(folder / part)) {
            std::error_code error;
            const auto name = file.filename().string();
            if (name.starts_with('.') || !fs::is_regular_file(file, error))
                continue;
            FoundMail found;
            found.mailbox = mailbox;
            if (const auto info = name.rfind(":2,"); info != std::string::npos)
                for (const char c : std::string_view(name).substr(info + 3)) {
                    for (const auto& [letter, flag] : kMaildirFlags)
                        if (c == letter)
                            found.flags.emplace_back(flag);
                    if (c >= 'a' && c <= 'z' && !keywords[static_cast<std::size_t>(c - 'a')].empty())
                        found.keywords.push_back(keywords[static_cast<std::size_t>(c - 'a')]);
                    if (c == 'P')
                        found.keywords.emplace_back("$Forwarded");
                }
            readFileInto(std::move(found), file.string(), most, false, visit);
        }
}

// A Maildir, what lies below it, or a tree of Maildirs (an export, Dovecot's LAYOUT=fs). Not deeper than mailboxes go.
bool readTree(const fs::path& folder, const std::string& mailbox, char delimiter, std::size_t most, int depth, const VisitMail& visit)
{
    bool any = isMaildir(folder);
    if (any)
        readMaildir(folder, mailbox, most, visit);
    if (depth >= 20)
        return any;
    for (const auto& below : sorted(folder)) {
        const auto name = below.filename().string();
        std::error_code error;
        if (name == "cur" || name == "new" || name == "tmp" || fs::is_symlink(below, error) || !fs::is_directory(below, error))
            continue;
        std::string level;
        if (name.starts_with('.')) { // Maildir++: ".Work.2026", in modified UTF-7
            if (!isMaildir(below))
                continue;
            for (const auto part : base::split(std::string_view(name).substr(1), '.'))
                level += (level.empty() ? "" : std::string(1, delimiter)) + fromModifiedUtf7(part);
        } else {
            level = levelOf(name);
        }
        any = readTree(below, mailbox.empty() ? level : mailbox + delimiter + level, delimiter, most, depth + 1, visit) || any;
    }
    return any;
}
} // namespace

void eachMboxEntry(std::string_view mbox, const std::function<void(const MboxEntry&)>& visit)
{
    for (std::size_t at = 0; at < mbox.size();) {
        const auto date = fromLineDate(lineAt(mbox, at));
        const auto begin = mbox.find('\n', at);
        if (begin == std::string_view::npos)
            return;
        std::size_t next = begin + 1;
        while (next < mbox.size() && !isSeparator(mbox, next)) {
            const auto line_end = mbox.find("\nFrom ", next);
            next = line_end == std::string_view::npos ? mbox.size() : line_end + 1;
        }
        auto raw = mbox.substr(begin + 1, next - begin - 1);
        if (raw.ends_with("\n\r\n")) // the empty line belongs to the mbox
            raw.remove_suffix(2);
        else if (raw.ends_with("\n\n"))
            raw.remove_suffix(1);
        visit({raw, date});
        at = next;
    }
}

std::string unquoted(std::string_view raw)
{
    std::string out;
    out.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        auto end = raw.find('\n', at);
        end = end == std::string_view::npos ? raw.size() : end + 1;
        auto line = raw.substr(at, end - at);
        const auto quotes = line.find_first_not_of('>');
        if (quotes != std::string_view::npos && quotes > 0 && line.substr(quotes).starts_with("From "))
            line.remove_prefix(1);
        out.append(line);
        at = end;
    }
    return out;
}

std::string fromModifiedUtf7(std::string_view name)
{
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '&') {
            out += name[i];
            continue;
        }
        const auto end = name.find('-', i);
        if (end == std::string_view::npos)
            return std::string(name);
        std::string coded(name.substr(i + 1, end - i - 1));
        i = end;
        if (coded.empty()) {
            out += '&';
            continue;
        }
        std::replace(coded.begin(), coded.end(), ',', '/');
        coded.append((4 - coded.size() % 4) % 4, '=');
        const auto bytes = base::unbase64(coded);
        if (!bytes || bytes->size() % 2 != 0)
            return std::string(name);
        for (std::size_t b = 0; b + 1 < bytes->size(); b += 2) {
            const auto unit = [&](std::size_t at) {
                return (static_cast<std::uint32_t>(static_cast<unsigned char>((*bytes)[at])) << 8) | static_cast<unsigned char>((*bytes)[at + 1]);
            };
            std::uint32_t c = unit(b);
            if (c >= 0xD800 && c < 0xDC00 && b + 3 < bytes->size()) {
                c = 0x10000 + ((c - 0xD800) << 10) + (unit(b + 2) - 0xDC00);
                b += 2;
            }
            if (c < 0x80) {
                out += static_cast<char>(c);
            } else if (c < 0x800) {
                out += static_cast<char>(0xC0 | (c >> 6));
                out += static_cast<char>(0x80 | (c & 0x3F));
            } else if (c < 0x10000) {
                out += static_cast<char>(0xE0 | (c >> 12));
                out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
                out += static_cast<char>(0x80 | (c & 0x3F));
            } else {
                out += static_cast<char>(0xF0 | ((c >> 18) & 7));
                out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
                out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
                out += static_cast<char>(0x80 | (c & 0x3F));
            }
        }
    }
    return base::isUtf8(out) ? out : std::string(name);
}

std::string folderOf(std::string_view mailbox, char delimiter)
{
    std::string out;
    for (const auto level : base::split(mailbox, delimiter)) {
        std::string safe;
        for (std::size_t i = 0; i < level.size(); ++i) {
            const char c = level[i];
            const bool odd = c == '/' || c == '%' || c == '\\' || (c == '.' && i == 0) || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
            safe += odd ? '%' + base::upper(base::hex(std::string_view(&c, 1))) : std::string(1, c);
        }
        if (safe == "cur" || safe == "new" || safe == "tmp")
            safe = '%' + base::upper(base::hex(std::string_view(safe).substr(0, 1))) + safe.substr(1);
        out += (out.empty() ? "" : "/") + safe;
    }
    return out;
}

std::string levelOf(std::string_view folder)
{
    try {
        return percentDecoded(folder, false);
    } catch (const std::exception&) {
        return std::string(folder); // no name of ours
    }
}

void eachMail(const std::string& path, char delimiter, std::size_t most, const VisitMail& visit)
{
    std::error_code error;
    if (fs::is_directory(path, error)) {
        if (readTree(path, "", delimiter, most, 0, visit))
            return;
        bool any = false;
        for (const auto& file : sorted(path))
            if (base::lower(file.extension().string()) == ".eml") {
                any = true;
                readFileInto({}, file.string(), most, true, visit);
            }
        if (!any)
            throw base::Refused(path + " holds no Maildir (a folder with cur and new) and no .eml files", 1);
        return;
    }
    if (!fs::exists(path, error))
        throw base::Refused("there is no " + path, 1);
    bool is_mbox = false;
    {
        const MappedFile file(path);
        is_mbox = file.view().starts_with("From ");
    }
    if (is_mbox)
        readMbox(path, most, visit);
    else if (base::lower(fs::path(path).extension().string()) != ".mbox" || fs::file_size(path, error) > 0) // an empty mbox is no error
        readFileInto({}, path, most, true, visit);
}

MaildirWriter::MaildirWriter(const std::string& folder) : folder_(folder)
{
    for (const char* part : {"/cur", "/new", "/tmp"})
        base::makeFolders(folder_ + part);
}

void MaildirWriter::add(std::string_view bytes, std::uint32_t uid, base::Time date, const std::vector<std::string>& flags,
                        const std::vector<std::string>& keywords)
{
    std::string letters;
    for (const auto& [letter, name] : kMaildirFlags)
        if (std::find(flags.begin(), flags.end(), name) != flags.end())
            letters += letter;
    std::sort(letters.begin(), letters.end());
    std::string small;
    for (const auto& keyword : keywords) {
        auto known = std::find(keywords_.begin(), keywords_.end(), keyword);
        if (known == keywords_.end() && keywords_.size() < 26)
            known = keywords_.insert(keywords_.end(), keyword);
        if (known != keywords_.end())
            small += static_cast<char>('a' + (known - keywords_.begin()));
    }
    std::sort(small.begin(), small.end());
    const auto seconds = base::toMillis(date) / 1000;
    const auto name = std::to_string(seconds) + ".U" + std::to_string(uid) + ".postfach";
    const auto temporary = folder_ + "/tmp/" + name, final_name = folder_ + "/cur/" + name + ":2," + letters + small;
    base::Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        throw std::system_error(errno, std::system_category(), temporary);
    base::writeAll(fd.get(), bytes);
    const timespec when[2] = {{static_cast<time_t>(seconds), 0}, {static_cast<time_t>(seconds), 0}};
    ::futimens(fd.get(), when);
    fs::rename(temporary, final_name);
}

void MaildirWriter::finish()
{
    std::string list;
    for (std::size_t i = 0; i < keywords_.size(); ++i)
        list += std::to_string(i) + " " + keywords_[i] + "\n";
    if (!list.empty())
        base::writeFileDurably(folder_ + "/dovecot-keywords", list);
}

} // namespace postfach::admin
