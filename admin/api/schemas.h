#pragma once
// Parts of the OpenAPI document's schemas, each an object of named ones as JSON text; openapi.cpp joins them.

#include <string>
#include <string_view>

namespace postfach::admin {

const char* setupSchemas();
const char* officeSchemas();
const char* meSchemas();
const char* loginSchemas();
const char* webSessionSchemas();
const char* totpSchemas();

// A body of that schema as JSON text; empty: there is none to show.
std::string exampleOf(std::string_view schema);

} // namespace postfach::admin
