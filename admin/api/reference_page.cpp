// /docs: the OpenAPI document for people, one page without a script and without anything from elsewhere.
#include "admin/api/handlers.h"
#include "admin/markup.h"

#include <Poco/JSON/Parser.h>

#include <sstream>

namespace postfach::admin::handle {
namespace {
using Poco::JSON::Object;

constexpr const char* kStyle =
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "code,pre{font:14px/1.4 monospace;background:#f3f3f3;padding:0 .2em}pre{padding:.6em;overflow:auto}"
    "section{border-top:1px solid #ccc;padding:.4em 0}h3{margin:.3em 0}.m{font-weight:bold}"
    "td,th{text-align:left;padding:.1em .8em .1em 0;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}code,pre{background:#2b2b2b}a{color:#8bf}}";

std::string pretty(const Object::Ptr& object)
{
    std::ostringstream out;
    object->stringify(out, 2);
    return std::move(out).str();
}

std::string compact(const Object::Ptr& object)
{
    std::ostringstream out;
    object->stringify(out);
    return std::move(out).str();
}

// "#/components/schemas/Account" and lists of it, as links.
std::string schemaLink(const Object::Ptr& schema)
{
    if (schema && schema->has("$ref")) {
        const auto reference = schema->getValue<std::string>("$ref");
        const auto name = markupText(reference.substr(reference.rfind('/') + 1));
        return "<a href=\"#" + name + "\">" + name + "</a>";
    }
    if (schema && schema->has("properties") && schema->getObject("properties")->has("items"))
        return "a page of " + schemaLink(schema->getObject("properties")->getObject("items")->getObject("items"));
    return {};
}

std::string contentLinks(const Object::Ptr& content)
{
    std::string out;
    for (const auto& type : content->getNames()) {
        const auto link = schemaLink(content->getObject(type)->getObject("schema"));
        out += (out.empty() ? "" : ", ") + (link.empty() ? "" : link + " as ") + "<code>" + markupText(type) + "</code>";
    }
    return out;
}

std::string parameterRows(const Object::Ptr& operation)
{
    std::string out;
    const auto parameters = operation->getArray("parameters");
    for (std::size_t i = 0; parameters && i < parameters->size(); ++i) {
        const auto one = parameters->getObject(static_cast<unsigned>(i));
        out += "<tr><td><code>" + markupText(one->getValue<std::string>("name")) + "</code><td>"
            + markupText(one->getValue<std::string>("in")) + "<td>" + markupText(one->optValue<std::string>("description", ""))
            + "</tr>";
    }
    return out.empty() ? out : "<table>" + out + "</table>";
}

std::string quoted(const std::string& text) // for a shell
{
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

// The call that the document's example makes, to be pasted where SERVER and TOKEN are set.
std::string exampleText(const std::string& verb, const std::string& path, bool open, const Object::Ptr& content)
{
    for (const auto& type : content->getNames()) {
        const auto kind = content->getObject(type);
        if (!kind->has("example"))
            continue;
        const auto example = kind->get("example");
        const std::string body = example.type() == typeid(Object::Ptr) ? compact(example.extract<Object::Ptr>()) : example.convert<std::string>();
        const std::string who = open ? "" : path.starts_with("/api/v1/me") ? " -u ADDRESS" : " -H \"Authorization: Bearer $TOKEN\"";
        const std::string call = "curl -X " + verb + who + " -H 'Content-Type: " + type + "' \\\n  --data-binary " + quoted(body)
                               + " \\\n  \"$SERVER" + path + "\"";
        return "<pre>" + markupText(call) + "</pre>";
    }
    return {};
}

std::string operationText(const std::string& method, const std::string& path, const Object::Ptr& operation)
{
    std::string verb = method;
    for (char& c : verb)
        c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    std::string out = "<section id=\"" + markupText(operation->getValue<std::string>("operationId"))
        + "\"><h3><code><span class=\"m\">" + verb + "</span> " + markupText(path) + "</code></h3><p>"
        + markupText(operation->getValue<std::string>("summary")) + ". "
        + markupText(operation->optValue<std::string>("description", "Asks for no token.")) + "</p>" + parameterRows(operation);
    if (operation->has("requestBody")) {
        const auto content = operation->getObject("requestBody")->getObject("content");
        out += "<p>Takes " + contentLinks(content) + ".</p>" + exampleText(verb, path, !operation->has("description"), content);
    }
    const auto answers = operation->getObject("responses");
    out += "<p>Answers ";
    std::string list;
    for (const auto& status : answers->getNames()) {
        if (status == "default")
            continue;
        const auto answer = answers->getObject(status);
        const bool refusal = status[0] >= '4';
        list += (list.empty() ? "" : " · ") + ("<code>" + markupText(status) + "</code>")
            + (!refusal && answer->has("content") ? " " + contentLinks(answer->getObject("content")) : "");
    }
    return out + list + "</p></section>\n";
}

std::string page(const std::string& name)
{
    const auto document = Poco::JSON::Parser().parse(openApi()).extract<Object::Ptr>();
    std::string out = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                      "content=\"width=device-width\"><title>API of "
        + markupText(name) + "</title><style>" + kStyle
        + "</style></head><body><h1>Postfach: the API</h1>"
          "<p>Version " POSTFACH_VERSION " on "
        + markupText(name)
        + ". The same for programs: <a href=\"/openapi.json\">/openapi.json</a>. "
          "Administrators send <code>Authorization: Bearer TOKEN</code>, owners of an account their address and password (HTTP "
          "Basic). The examples take <code>SERVER=https://"
        + markupText(name)
        + ":8443</code> and a token in <code>TOKEN</code>.</p>"
          "<p><a href=\"#paths\">Paths</a> · <a href=\"#shapes\">Shapes</a> · <a href=\"#codes\">Codes of refusals</a></p><h2 "
          "id=\"paths\">Paths</h2>\n";
    const auto paths = document->getObject("paths");
    for (const auto& route : routes())
        if (const auto methods = paths->getObject(route.path)) {
            std::string method = route.method;
            for (char& c : method)
                c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
            out += operationText(method, route.path, methods->getObject(method));
        }
    out += "<h2 id=\"shapes\">Shapes</h2>\n";
    const auto schemas = document->getObject("components")->getObject("schemas");
    for (const auto& schema : schemas->getNames()) {
        auto shown = schemas->getObject(schema);
        shown->remove("x-codes"); // below, in a table
        out += "<section id=\"" + markupText(schema) + "\"><h3>" + markupText(schema) + "</h3><pre>" + markupText(pretty(shown))
            + "</pre></section>\n";
    }
    out += "<h2 id=\"codes\">Codes of refusals</h2><table><tr><th>Status<th>Code<th>Meaning</tr>\n";
    for (const auto& one : problemCodes())
        out += "<tr><td>" + std::to_string(one.status) + "<td><code>" + one.code + "</code><td>" + markupText(one.meaning)
            + "</tr>\n";
    return out + "</table></body></html>\n";
}
} // namespace

Response docs(Service& service, const Call&)
{
    return {200, "text/html; charset=utf-8", page(service.context().server_name), {}};
}

} // namespace postfach::admin::handle
