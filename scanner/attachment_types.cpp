#include "scanner/attachment_types.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace postfach::scanner {
namespace {
using namespace std::string_view_literals;

// libclamav's types, and in small letters our own: see ownType().
struct Group {
    std::string_view name, extensions, types;
};
constexpr std::array<Group, 3> kGroups{{
    {"executables",
     "app appinstaller application appx appxbundle apk com cpl deb dll dylib elf exe gadget ipa jar jnlp msi msix msixbundle msp mst msu"
     " ocx pif rpm scr so sys xll",
     "CL_TYPE_MSEXE CL_TYPE_ELF CL_TYPE_MACHO CL_TYPE_MACHO_UNIBIN CL_TYPE_AUTOIT CL_TYPE_NULSFT CL_TYPE_JAVA"},
    {"scripts",
     "bash bat chm cmd csh hlp hta inf js jse ksh library-ms lnk mjs msc ps1 ps1xml psc1 psd1 psm1 py pyc pyw pyz reg scf sct"
     " search-ms settingcontent-ms sh url vb vbe vbs wsc wsf wsh xbap zsh",
     "CL_TYPE_SCRENC CL_TYPE_PYTHON_COMPILED CL_TYPE_LNK CL_TYPE_MSCHM shebang"},
    {"disk-images", "dmg ima img iso mdf nrg qcow2 toast udf vdi vhd vhdx vmdk wim",
     "CL_TYPE_ISO9660 CL_TYPE_UDF CL_TYPE_DMG CL_TYPE_MBR CL_TYPE_GPT CL_TYPE_APM disc dmg gpt vhd vhdx vmdk"},
}};

// What an extension means by its bytes, for lists that name it.
struct TypesOf {
    std::string_view extension, types;
};
constexpr std::array<TypesOf, 38> kTypesOf{{
    {"exe", "CL_TYPE_MSEXE"},       {"dll", "CL_TYPE_MSEXE"},     {"scr", "CL_TYPE_MSEXE"},       {"com", "CL_TYPE_MSEXE"},
    {"elf", "CL_TYPE_ELF"},         {"so", "CL_TYPE_ELF"},        {"dylib", "CL_TYPE_MACHO"},     {"lnk", "CL_TYPE_LNK"},
    {"chm", "CL_TYPE_MSCHM"},       {"pyc", "CL_TYPE_PYTHON_COMPILED"}, {"sh", "shebang"},        {"iso", "CL_TYPE_ISO9660 CL_TYPE_UDF disc"},
    {"dmg", "CL_TYPE_DMG dmg"},         {"vhd", "vhd"},               {"vhdx", "vhdx"},               {"vmdk", "vmdk"},
    {"img", "CL_TYPE_MBR CL_TYPE_GPT gpt"},           {"pdf", "CL_TYPE_PDF"},         {"rtf", "CL_TYPE_RTF"},
    {"swf", "CL_TYPE_SWF"},         {"zip", "CL_TYPE_ZIP"},       {"7z", "CL_TYPE_7Z"},           {"rar", "CL_TYPE_RAR"},
    {"arj", "CL_TYPE_ARJ"},         {"cab", "CL_TYPE_MSCAB"},     {"gz", "CL_TYPE_GZ"},           {"bz2", "CL_TYPE_BZ"},
    {"xz", "CL_TYPE_XZ"},           {"lzh", "CL_TYPE_LHA_LZH"},   {"egg", "CL_TYPE_EGG"},         {"alz", "CL_TYPE_ALZ"},
    {"one", "CL_TYPE_ONENOTE"},     {"doc", "CL_TYPE_MSWORD CL_TYPE_MSOLE2"}, {"xls", "CL_TYPE_MSXL CL_TYPE_MSOLE2"},
    {"ppt", "CL_TYPE_MSPPT CL_TYPE_MSOLE2"}, {"docx", "CL_TYPE_OOXML_WORD"}, {"xlsx", "CL_TYPE_OOXML_XL"},
    {"pptx", "CL_TYPE_OOXML_PPT"},
}};

std::vector<std::string> wordsOf(std::string_view list)
{
    std::vector<std::string> words;
    std::string word;
    for (const char c : std::string(list) + ' ') {
        if (c != ' ' && c != '\t' && c != ',') {
            word += base::asciiLower(c);
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    return words;
}

const Group* groupOf(std::string_view word)
{
    const auto found = std::find_if(kGroups.begin(), kGroups.end(), [&](const Group& group) { return group.name == word; });
    return found == kGroups.end() ? nullptr : &*found;
}

bool isExtension(std::string_view word)
{
    return word.size() <= 20 && std::all_of(word.begin(), word.end(), [](char c) {
        return base::isDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    });
}

// A system drops dots and blanks at the end of a name, and what follows a colon names a stream of the file before it.
std::string_view trimmed(std::string_view name)
{
    while (!name.empty() && (name.back() == '.' || static_cast<unsigned char>(name.back()) <= ' ' || name.ends_with("\xc2\xa0")))
        name.remove_suffix(name.ends_with("\xc2\xa0") ? 2 : 1);
    return name;
}

std::string_view extensionOf(std::string_view name)
{
    name = trimmed(name);
    const auto dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// "MZ" begins many a text as well: a program has zero bytes in its head.
bool isProgram(std::string_view bytes) { return bytes.size() >= 64 && bytes.substr(0, 64).find('\0') != std::string_view::npos; }

bool isShebang(std::string_view bytes)
{
    if (!bytes.starts_with("#!"))
        return false;
    bytes.remove_prefix(2);
    while (bytes.starts_with(' '))
        bytes.remove_prefix(1);
    return bytes.starts_with('/');
}

// Types that libclamav calls plain data, or sees only once it has gone into them. An image of a disc says what it is 32 KiB behind its
// start (ECMA-119 8.1, ECMA-167 2/9.1), one of Apple's disks at its end.
std::string_view ownType(std::string_view bytes, bool is_file)
{
    constexpr std::size_t kFooter = 512; // a VHD of fixed size has its mark at the end alone
    if (is_file && isShebang(bytes))
        return "shebang";
    if (bytes.starts_with("vhdxfile"))
        return "vhdx";
    if (bytes.starts_with("KDMV") || bytes.starts_with("# Disk DescriptorFile"))
        return "vmdk";
    constexpr std::size_t kDisc = 32'769;
    if (bytes.size() > kDisc)
        for (const std::string_view mark : {"CD001", "BEA01", "NSR02", "NSR03"})
            if (bytes.substr(kDisc).starts_with(mark))
                return "disc";
    if (bytes.size() > kFooter && bytes.substr(bytes.size() - kFooter).starts_with("koly"))
        return "dmg";
    if (bytes.size() > kFooter && bytes.substr(kFooter).starts_with("EFI PART"))
        return "gpt";
    if (bytes.starts_with("conectix") || (bytes.size() > kFooter && bytes.substr(bytes.size() - kFooter).starts_with("conectix")))
        return "vhd";
    return {};
}

} // namespace

AttachmentTypes::AttachmentTypes(std::string_view words)
{
    const auto addTypes = [this](std::string_view types) {
        for (auto& type : base::split(types, ' '))
            types_.emplace(type);
    };
    for (std::string& word : wordsOf(words.substr(0, kLongest))) {
        if (const Group* group = groupOf(word)) {
            for (auto& extension : base::split(group->extensions, ' '))
                extensions_.emplace(extension);
            addTypes(group->types);
            continue;
        }
        if (word.starts_with('.'))
            word.erase(0, 1);
        for (const auto& [extension, types] : kTypesOf)
            if (word == extension)
                addTypes(types);
        if (!word.empty())
            extensions_.insert(std::move(word));
    }
}

std::shared_ptr<const AttachmentTypes> AttachmentTypes::of(std::string_view words)
{
    thread_local std::string last_words;
    thread_local std::shared_ptr<const AttachmentTypes> last;
    if (!last || last_words != words) {
        last = std::make_shared<const AttachmentTypes>(words);
        last_words = words;
    }
    return last;
}

std::optional<std::string> AttachmentTypes::problemOf(std::string_view words)
{
    if (words.size() > kLongest)
        return "at most " + std::to_string(kLongest) + " bytes";
    for (const std::string& word : wordsOf(words))
        if (!groupOf(word) && !isExtension(word.starts_with('.') ? std::string_view(word).substr(1) : std::string_view(word)))
            return "executables, scripts, disk-images and extensions of file names, not " + base::printable(word, 40);
    return std::nullopt;
}

bool AttachmentTypes::byName(std::string_view file_name) const
{
    if (extensions_.empty())
        return false;
    const auto matches = [this](std::string_view name) {
        const std::string extension = base::lower(std::string(extensionOf(name)));
        // Windows opens a file whose extension is a class id by that class: scripts have used it to pass for text.
        return extensions_.contains(extension) || (extension.starts_with('{') && extension.ends_with('}'));
    };
    const std::string_view base_name = file_name.substr(file_name.find_last_of("/\\") + 1); // npos + 1 is 0
    return matches(base_name) || matches(base_name.substr(0, base_name.find(':'))) || matches(base_name.substr(0, base_name.find('\0')));
}

std::optional<std::string> AttachmentTypes::byContent(std::string_view type, std::string_view bytes, bool is_file) const
{
    if (types_.empty())
        return std::nullopt;
    if (types_.contains(type) && (type != "CL_TYPE_MSEXE" || isProgram(bytes)))
        return std::string(type);
    if (const std::string_view own = ownType(bytes, is_file); !own.empty() && types_.contains(own))
        return std::string(own);
    return std::nullopt;
}

} // namespace postfach::scanner
