#pragma once
// Parts of the OpenAPI document's schemas, each an object of named ones as JSON text; openapi.cpp joins them.

namespace postfach::admin {

const char* setupSchemas();
const char* officeSchemas();
const char* meSchemas();
const char* webSessionSchemas();
const char* totpSchemas();

} // namespace postfach::admin
