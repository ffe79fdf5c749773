// An example of each body that a request may have, by its schema, for the OpenAPI document. Tests hold each against
// its schema.
#include "admin/api/schemas.h"

#include <map>
#include <string>

namespace postfach::admin {

std::string exampleOf(std::string_view schema)
{
    static const std::map<std::string, const char*, std::less<>> all{
        {"DomainPut", R"({"pop3": {"retention": {"days": 30}}, "scan": {"macros": "quarantine"}})"},
        {"DomainPatch", R"({"scan": {"macros": null}})"},
        {"AccountPut", R"({"password": "a good long password", "name": "Alice Doe", "quota": 5368709120, "services": ["imap", "pop3"]})"},
        {"AccountPatch", R"({"quota": 10737418240, "pop3": {"retention": "delete"}})"},
        {"AppPasswordCreate", R"({"label": "phone", "scopes": ["imap", "smtp"], "expires": "2030-12-31T00:00:00Z"})"},
        {"MailboxPut", R"({"subscribed": true})"},
        {"MailboxPatch", R"({"name": "Projects/2026"})"},
        {"AliasPut", R"({"targets": ["alice@example.org", "bob@example.org"]})"},
        {"TokenCreate", R"({"name": "monitoring", "scopes": ["read"], "networks": ["192.0.2.0/24"]})"},
        {"OfficeApply", R"({"domains": [{"name": "example.org"}], "accounts": [{"address": "alice@example.org", "name": "Alice Doe"}],
            "aliases": [{"address": "office@example.org", "targets": ["alice@example.org"]}]})"},
        {"Release", R"({"never_again": "content", "expires": "2030-12-31T00:00:00Z"})"},
        {"ReleaseAsk", R"({"words": "It is the offer that I am waiting for."})"},
        {"AllowancePut", R"({"expires": "2030-12-31T00:00:00Z"})"},
        {"CheckCreate", R"({"repair": false})"},
        {"BackupCreate", R"({"folder": "monday", "keep": 7, "verify": "new"})"},
        {"MailRestore", R"({"folder": "monday", "account": "alice@example.org", "mailbox": "INBOX", "to": "Restored"})"},
        {"WebhookPut", R"({"url": "https://hooks.example.com/mail", "secret": "0123456789abcdef", "kinds": ["ban", "verdict.infected"]})"},
        {"MyPassword", R"({"password": "a new long password", "current_password": "a good long password"})"},
        {"SignIn", R"({"account": "alice@example.org", "password": "a good long password", "code": "492039"})"},
        {"TotpBegin", R"({"current_password": "a good long password"})"},
        {"TotpConfirm", R"({"code": "492039"})"},
        {"TotpRemove", R"({"password": "a good long password", "code": "492039"})"},
        {"message", R"("From: a@example.com\r\nTo: alice@example.org\r\nSubject: hello\r\n\r\nHello.\r\n")"},
        {"xml", R"("<?xml version=\"1.0\"?><Autodiscover><Request><EMailAddress>alice@example.org</EMailAddress></Request></Autodiscover>")"},
    };
    const auto found = all.find(schema);
    return found == all.end() ? std::string() : found->second;
}

} // namespace postfach::admin
