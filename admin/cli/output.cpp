#include "admin/api/json.h"
#include "admin/cli/command.h"
#include "server/base/text.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace postfach::admin {
namespace {

std::string cell(const Column& column, const Poco::JSON::Object::Ptr& row)
{
    const auto value = row->get(column.field);
    if (column.kind == Column::Kind::size && !value.isEmpty())
        return sizeForPeople(value.convert<Poco::UInt64>());
    if (column.kind == Column::Kind::percent && !value.isEmpty())
        return value.convert<unsigned>() == 0 ? "-" : value.convert<std::string>() + " %";
    auto out = forPeople(value);
    if (column.kind == Column::Kind::date && out.size() > 19) { // 2026-03-01T09:30:00.125Z
        out = out.substr(0, 19) + "Z";
        out[10] = ' ';
    }
    return out;
}

std::size_t width(std::string_view text) // characters, near enough for names
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}
} // namespace

void printObject(const Poco::JSON::Object::Ptr& object) { std::cout << text(object) << '\n'; }
void printList(const Poco::JSON::Array::Ptr& list) { std::cout << text(list) << '\n'; }

// A subject comes from a stranger: what could steer a terminal (C0 and C1 controls) is shown as '?'.
std::string forPeople(const Poco::Dynamic::Var& value)
{
    if (value.isEmpty())
        return "-";
    if (value.isBoolean())
        return value.convert<bool>() ? "yes" : "no";
    std::string text;
    if (value.type() == typeid(Poco::JSON::Array::Ptr))
        for (const auto& item : *value.extract<Poco::JSON::Array::Ptr>())
            text += (text.empty() ? "" : ",") + item.convert<std::string>();
    else
        text = value.convert<std::string>();
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7F) {
            out += '?';
        } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
            out += '?';
            ++i;
        } else {
            out += text[i];
        }
    }
    return out.empty() ? "-" : out;
}

std::string sizeForPeople(std::uint64_t bytes)
{
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(kUnits)) {
        value /= 1024;
        ++unit;
    }
    char text[40];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
    return text;
}

void printTable(const std::vector<Column>& columns, const Poco::JSON::Array::Ptr& rows)
{
    std::vector<std::vector<std::string>> lines(1);
    for (const auto& column : columns)
        lines[0].emplace_back(column.heading);
    for (std::size_t i = 0; i < rows->size(); ++i) {
        lines.emplace_back();
        for (const auto& column : columns)
            lines.back().push_back(cell(column, rows->getObject(static_cast<unsigned>(i))));
    }
    std::vector<std::size_t> widths(columns.size());
    for (const auto& line : lines)
        for (std::size_t i = 0; i < line.size(); ++i)
            widths[i] = std::max(widths[i], width(line[i]));
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i)
            std::cout << line[i] << (i + 1 < line.size() ? std::string(widths[i] - width(line[i]) + 2, ' ') : "");
        std::cout << '\n';
    }
}

void printFields(const std::vector<Column>& columns, const Poco::JSON::Object::Ptr& row)
{
    std::size_t widest = 0;
    for (const auto& column : columns)
        widest = std::max(widest, width(column.heading));
    for (const auto& column : columns)
        std::cout << column.heading << std::string(widest - width(column.heading) + 2, ' ') << cell(column, row) << '\n';
}

std::uint64_t parseSize(const std::string& option, const std::string& given)
{
    std::size_t digits = 0;
    while (digits < given.size() && base::isDigit(given[digits]))
        ++digits;
    const auto number = base::parseU64(std::string_view(given).substr(0, digits));
    auto unit = base::lower(base::trim(std::string_view(given).substr(digits)));
    for (const std::string_view tail : {"ib", "b"})
        if (unit.ends_with(tail)) {
            unit.resize(unit.size() - tail.size());
            break;
        }
    const auto power = unit.empty() ? 0 : unit.size() == 1 ? std::string_view("kmgt").find(unit[0]) + 1 : 9;
    if (!number || power > 4 || (power > 0 && *number >> (62 - 10 * power) != 0))
        throw Usage(option + " wants bytes, or a number with a unit: 500MiB, 5GiB");
    return *number << (10 * power);
}

} // namespace postfach::admin
