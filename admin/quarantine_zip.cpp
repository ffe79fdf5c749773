#include "admin/quarantine_zip.h"

#include <memory>
#include <stdexcept>

#include <archive.h>
#include <archive_entry.h>

namespace postfach::admin {
namespace {

struct ArchiveFree {
    void operator()(archive* one) const { archive_write_free(one); }
};
struct EntryFree {
    void operator()(archive_entry* one) const { archive_entry_free(one); }
};

la_ssize_t append(archive*, void* to, const void* bytes, size_t size)
{
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

} // namespace

std::string lockedZip(const std::string& name, std::string_view bytes, base::Time modified)
{
    std::string out;
    const std::unique_ptr<archive, ArchiveFree> zip(archive_write_new());
    const std::unique_ptr<archive_entry, EntryFree> entry(archive_entry_new());
    if (!zip || !entry)
        throw std::runtime_error("libarchive: out of memory");
    const auto check = [&zip](la_ssize_t result) {
        if (result < ARCHIVE_OK)
            throw std::runtime_error(std::string("libarchive: ") + archive_error_string(zip.get()));
    };
    check(archive_write_set_format_zip(zip.get()));
    check(archive_write_set_options(zip.get(), "zip:encryption=traditional"));
    check(archive_write_set_passphrase(zip.get(), kZipPassword));
    check(archive_write_set_bytes_in_last_block(zip.get(), 1));
    check(archive_write_open(zip.get(), &out, nullptr, append, nullptr));
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), base::toMillis(modified) / 1000, 0);
    check(archive_write_header(zip.get(), entry.get()));
    for (std::size_t at = 0; at < bytes.size();) {
        const auto written = archive_write_data(zip.get(), bytes.data() + at, bytes.size() - at);
        check(written);
        if (written == 0)
            throw std::runtime_error("libarchive: wrote nothing");
        at += static_cast<std::size_t>(written);
    }
    check(archive_write_close(zip.get()));
    return out;
}

} // namespace postfach::admin
