#pragma once
// Attachments that are told by what they are, whatever is in them: programs, scripts, images of disks. A list of words, each a group
// ("executables", "scripts", "disk-images") or the extension of a file name ("docm"); an extension finds the true type too, where
// libclamav knows it by its bytes. The server looks at the names in a mail's headers, the scanner at members of archives and at bytes.
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace postfach::scanner {

class AttachmentTypes {
public:
    static constexpr std::size_t kLongest = 1'200; // bytes of the list: it travels with each request

    // Words with commas or blanks between them. What is no word is left out: see problemOf().
    explicit AttachmentTypes(std::string_view words = {});
    // The same list comes with every mail: each thread keeps the last one it asked for.
    static std::shared_ptr<const AttachmentTypes> of(std::string_view words);
    static std::optional<std::string> problemOf(std::string_view words); // for a person
    bool empty() const { return extensions_.empty() && types_.empty(); }

    // What an operating system would take this file for. The name as it was written: with a path, blanks and dots behind it, a stream
    // of NTFS, a class id for its extension.
    bool byName(std::string_view file_name) const;
    // `type`: libclamav's word for it; `is_file`: an attachment or a member of an archive, not a mail's own text. What it is.
    std::optional<std::string> byContent(std::string_view type, std::string_view bytes, bool is_file) const;

private:
    std::set<std::string, std::less<>> extensions_;
    std::set<std::string, std::less<>> types_; // CL_TYPE_…, and words of our own
};

} // namespace postfach::scanner
