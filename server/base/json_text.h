#pragma once
// Small JSON objects as text, for the journal of events and the audit. What is large or nested is made with Poco::JSON in admin.
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace postfach::base {

struct JsonField {
    std::string_view key; // a literal
    std::string value;    // as JSON
    JsonField(std::string_view k, std::string_view v);
    JsonField(std::string_view k, const std::string& v) : JsonField(k, std::string_view(v)) {}
    JsonField(std::string_view k, const char* v) : JsonField(k, std::string_view(v)) {}
    JsonField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    template <class Number>
        requires(std::is_integral_v<Number> && !std::is_same_v<Number, bool>)
    JsonField(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

// Texts are cut at 2,000 bytes; bytes that are no UTF-8 come out as \xNN.
std::string jsonObject(std::initializer_list<JsonField> fields);

} // namespace postfach::base
