#include "admin/names.h"
#include "admin/problem.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
using base::lower;

bool isDomain(std::string_view name)
{
    if (name.empty() || name.size() > 253 || !base::isUtf8(name))
        return false;
    for (const auto label : base::split(name, '.')) {
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
            return false;
        for (const char c : label)
            if (!(static_cast<unsigned char>(c) >= 0x80 || base::isDigit(c)
                    || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z') || c == '-' || c == '_'))
                return false;
    }
    return true;
}

// Dot-atoms of RFC 5321 (and UTF-8, RFC 6531); no '+', which separates the detail at delivery and would never be reached.
bool isLocalPart(std::string_view local)
{
    if (local.empty() || local.size() > 64 || local.front() == '.' || local.back() == '.'
        || local.find("..") != std::string_view::npos)
        return false;
    return base::isUtf8(local) && std::all_of(local.begin(), local.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x80 || base::isDigit(c)
            || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z')
            || std::string_view("!#$%&'*-/=?^_`{|}~.").find(c) != std::string_view::npos;
    });
}
} // namespace

std::string checkedDomain(const std::string& name)
{
    if (!isDomain(name))
        throw Problem(422, "invalid_name", "\"" + base::printable(name, 100) + "\" is no domain name.");
    return lower(name);
}

std::string checkedAddress(const std::string& address)
{
    const auto at = address.rfind('@');
    if (at == std::string::npos || !isLocalPart(std::string_view(address).substr(0, at))
        || !isDomain(std::string_view(address).substr(at + 1)))
        throw Problem(
            422, "invalid_name", "\"" + base::printable(address, 100) + "\" is no address: name@domain, without +detail.");
    return lower(address);
}

std::string checkedAlias(const std::string& address)
{
    return address.starts_with('@') ? "@" + checkedDomain(address.substr(1)) : checkedAddress(address);
}

} // namespace postfach::admin
