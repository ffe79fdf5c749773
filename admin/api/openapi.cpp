// The OpenAPI 3.1 document: paths from the table of routes, schemas from the texts below. tests/conversation/admin holds
// real answers against these schemas.
#include "admin/api/json.h"
#include "admin/api/routes.h"
#include "admin/api/schemas.h"
#include "server/base/text.h"

#include <Poco/JSON/Parser.h>

#include <map>
#include <set>

namespace postfach::admin {
namespace {
using Poco::JSON::Array;
using Poco::JSON::Object;

constexpr const char* kSchemas = R"json({
"Problem": {"type": "object", "required": ["type", "title", "status", "detail", "code"], "additionalProperties": false, "properties": {
  "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
  "code": {"type": "string", "description": "Stays the same for ever; x-codes lists them"},
  "errors": {"type": "array", "description": "What is wrong with which field", "items": {"type": "object", "required": ["field", "code", "detail"],
    "additionalProperties": false, "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}}}}}},
"Health": {"type": "object", "required": ["status"], "additionalProperties": false, "properties": {"status": {"type": "string"}}},
"Readiness": {"type": "object", "required": ["status", "components"], "additionalProperties": false, "properties": {
  "status": {"type": "string", "enum": ["ready", "not ready"]},
  "components": {"type": "object", "additionalProperties": {"type": "object", "required": ["ready", "warning", "detail"], "properties": {
    "ready": {"type": "boolean"}, "warning": {"type": "boolean", "description": "Mail flows, but somebody should look; with `strict` that is a 503"}, "detail": {"type": ["string", "null"]}}}}}},
"OpenApi": {"type": "object"},
"Server": {"type": "object", "required": ["name", "version", "started", "delimiter", "message_size", "default_quota", "copy"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "version": {"type": "string"}, "started": {"type": "string", "format": "date-time"},
  "delimiter": {"type": "string"}, "message_size": {"type": "integer"}, "default_quota": {"type": "integer"},
  "copy": {"oneOf": [{"$ref": "#/components/schemas/SecondCopy"}, {"type": "null"}]}}},
"SecondCopy": {"type": "object", "required": ["folder", "interval", "current", "lag", "late", "failed"], "additionalProperties": false, "properties": {
  "folder": {"type": "string"}, "interval": {"type": "integer", "description": "Seconds"},
  "current": {"type": "string", "format": "date-time", "description": "What was committed until then is in it"},
  "lag": {"type": "integer", "description": "Seconds since then"}, "late": {"type": "boolean", "description": "By more than three intervals"},
  "failed": {"type": "boolean", "description": "The last round did not go well"}}},
"Pop3Policy": {"type": "object", "description": "What POP3 does with downloaded mail; null: the domain's, there the default", "additionalProperties": false, "properties": {
  "retention": {"description": "How long downloaded mail stays: for ever, until the session that downloaded it ends, or days after the first download",
    "oneOf": [{"type": "string", "enum": ["keep", "delete"]}, {"type": "null"}, {"type": "object", "required": ["days"], "additionalProperties": false,
      "properties": {"days": {"type": "integer", "minimum": 1, "maximum": 36500}}}]},
  "seen": {"type": ["boolean", "null"], "description": "A download sets \\Seen"},
  "delete": {"type": ["string", "null"], "enum": ["remove", "hide", null], "description": "What leaves the maildrop is removed, or stays for IMAP alone"},
  "exclusive": {"type": ["boolean", "null"], "description": "One POP3 session at a time"}}},
"ScanPolicy": {"type": "object", "description": "What becomes of mail by what scanning found; null: the domain's, there the configuration's. Of several lines the strictest holds, of infected mail its own",
  "additionalProperties": false, "properties": {
  "infected": {"type": ["string", "null"], "enum": ["quarantine", "reject", null]},
  "encrypted": {"type": ["string", "null"], "enum": ["deliver", "mark", "quarantine", "reject", null], "description": "Archives and documents under a password; marked $Encrypted"},
  "macros": {"type": ["string", "null"], "enum": ["deliver", "mark", "quarantine", "reject", null], "description": "Documents with macros; marked $Suspicious"},
  "phishing": {"type": ["string", "null"], "enum": ["deliver", "mark", "quarantine", "reject", null], "description": "Links that show another address than they lead to; marked $Suspicious"},
  "limits": {"type": ["string", "null"], "enum": ["deliver", "mark", "quarantine", "reject", null], "description": "Larger, deeper or more than is looked at; marked $Unscanned"},
  "attachments": {"type": ["string", "null"], "enum": ["deliver", "mark", "quarantine", "reject", null], "description": "Attachments of scanner.attachment_types; marked $Suspicious"},
  "unscannable": {"type": ["string", "null"], "enum": ["mark", "quarantine", "reject", null], "description": "What else could not be looked at whole; marked $Unscanned"}}},
"TrashPolicy": {"type": "object", "description": "What becomes of what is deleted; null: the domain's, there the configuration's", "additionalProperties": false, "properties": {
  "expunge_to_trash": {"type": ["boolean", "null"], "description": "What a mail program expunges goes into Trash; else it can only be restored by the administrator"},
  "trash_days": {"type": ["integer", "null"], "minimum": 0, "maximum": 36500, "description": "How long mail stays in Trash; 0: for ever"},
  "junk_days": {"type": ["integer", "null"], "minimum": 0, "maximum": 36500, "description": "How long mail stays in Junk; 0: for ever"},
  "recovery_days": {"type": ["integer", "null"], "minimum": 0, "maximum": 36500, "description": "How long what is gone can be restored; 0: not at all"}}},
"Domain": {"type": "object", "required": ["name", "accounts", "pop3", "scan", "trash", "created"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "accounts": {"type": "integer"}, "pop3": {"$ref": "#/components/schemas/Pop3Policy"}, "scan": {"$ref": "#/components/schemas/ScanPolicy"},
  "trash": {"$ref": "#/components/schemas/TrashPolicy"}, "created": {"type": "string", "format": "date-time"}}},
"DomainPut": {"type": "object", "additionalProperties": false, "properties": {"name": {"type": "string"},
  "pop3": {"oneOf": [{"$ref": "#/components/schemas/Pop3Policy"}, {"type": "null"}]}, "scan": {"oneOf": [{"$ref": "#/components/schemas/ScanPolicy"}, {"type": "null"}]},
  "trash": {"oneOf": [{"$ref": "#/components/schemas/TrashPolicy"}, {"type": "null"}]}}},
"DomainPatch": {"type": "object", "additionalProperties": false, "properties": {"name": {"type": "string"},
  "pop3": {"oneOf": [{"$ref": "#/components/schemas/Pop3Policy"}, {"type": "null"}]}, "scan": {"oneOf": [{"$ref": "#/components/schemas/ScanPolicy"}, {"type": "null"}]},
  "trash": {"oneOf": [{"$ref": "#/components/schemas/TrashPolicy"}, {"type": "null"}]}}},
"Account": {"type": "object", "required": ["address", "name", "enabled", "quota", "used", "messages", "quota_messages", "quota_level", "recoverable", "expunge_to_trash", "services", "scopes", "totp", "pop3",
  "pop3_in_force", "scan", "scan_in_force", "trash", "trash_in_force", "created", "last_login"], "additionalProperties": false, "properties": {
  "address": {"type": "string"}, "name": {"type": "string"}, "enabled": {"type": "boolean"},
  "quota": {"type": "integer", "minimum": 0, "description": "Bytes; 0 for none"}, "used": {"type": "integer", "description": "Bytes"},
  "messages": {"type": "integer"}, "quota_messages": {"type": "integer", "minimum": 0, "description": "Messages; 0 for none"},
  "quota_level": {"type": "integer", "enum": [0, 80, 90, 95], "description": "Percent of the quota, of bytes or messages, that are reached; 0 below 80"},
  "recoverable": {"type": "integer", "description": "Bytes that were deleted and can be restored; they count against no quota"},
  "expunge_to_trash": {"type": "boolean", "description": "As in trash_in_force"},
  "services": {"type": "array", "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "scopes": {"type": "array", "items": {"$ref": "#/components/schemas/Scope"}, "description": "What its owner may do here in a browser; none: look after the account alone"},
  "totp": {"type": "boolean", "description": "It has a second factor"},
  "pop3": {"$ref": "#/components/schemas/Pop3Policy"}, "pop3_in_force": {"$ref": "#/components/schemas/Pop3Policy"},
  "scan": {"$ref": "#/components/schemas/ScanPolicy"}, "scan_in_force": {"$ref": "#/components/schemas/ScanPolicy"},
  "trash": {"$ref": "#/components/schemas/TrashPolicy"}, "trash_in_force": {"$ref": "#/components/schemas/TrashPolicy"},
  "created": {"type": "string", "format": "date-time"}, "last_login": {"type": ["string", "null"], "format": "date-time"},
  "warnings": {"type": "array", "items": {"type": "string"}, "description": "In the answer to a new password that is easy to guess (auth.password_policy)"}}},
"AccountPut": {"type": "object", "additionalProperties": false, "properties": {
  "address": {"type": "string"}, "name": {"type": ["string", "null"], "maxLength": 255}, "enabled": {"type": ["boolean", "null"]},
  "password": {"type": "string", "writeOnly": true, "minLength": 1, "maxLength": 1024},
  "password_hash": {"type": "string", "writeOnly": true, "maxLength": 1024, "description": "Instead of password: a crypt-style hash from another server, replaced at the first login"},
  "quota": {"type": ["integer", "null"], "minimum": 0}, "quota_messages": {"type": ["integer", "null"], "minimum": 0},
  "expunge_to_trash": {"type": ["boolean", "null"], "description": "The same as trash.expunge_to_trash, which it may not come with"}, "services": {"type": ["array", "null"], "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "scopes": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Scope"}, "description": "Of an administrator; as they are when left out. Needs the scope admin, as does whatever else changes an administrator's account"},
  "pop3": {"oneOf": [{"$ref": "#/components/schemas/Pop3Policy"}, {"type": "null"}]}, "scan": {"oneOf": [{"$ref": "#/components/schemas/ScanPolicy"}, {"type": "null"}]},
  "trash": {"oneOf": [{"$ref": "#/components/schemas/TrashPolicy"}, {"type": "null"}]}}},
"AccountPatch": {"type": "object", "additionalProperties": false, "properties": {
  "address": {"type": "string"}, "name": {"type": ["string", "null"], "maxLength": 255}, "enabled": {"type": ["boolean", "null"]},
  "password": {"type": "string", "writeOnly": true, "minLength": 1, "maxLength": 1024},
  "password_hash": {"type": "string", "writeOnly": true, "maxLength": 1024, "description": "Instead of password: a crypt-style hash from another server, replaced at the first login"},
  "quota": {"type": ["integer", "null"], "minimum": 0}, "quota_messages": {"type": ["integer", "null"], "minimum": 0},
  "expunge_to_trash": {"type": ["boolean", "null"], "description": "The same as trash.expunge_to_trash, which it may not come with"}, "services": {"type": ["array", "null"], "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "scopes": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Scope"}, "description": "Of an administrator; as they are when left out. Needs the scope admin, as does whatever else changes an administrator's account"},
  "pop3": {"oneOf": [{"$ref": "#/components/schemas/Pop3Policy"}, {"type": "null"}]}, "scan": {"oneOf": [{"$ref": "#/components/schemas/ScanPolicy"}, {"type": "null"}]},
  "trash": {"oneOf": [{"$ref": "#/components/schemas/TrashPolicy"}, {"type": "null"}]}}},
"AppPassword": {"type": "object", "required": ["label", "scopes", "created", "expires", "last_used"], "additionalProperties": false, "properties": {
  "label": {"type": "string"}, "scopes": {"type": "array", "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "created": {"type": "string", "format": "date-time"}, "expires": {"type": ["string", "null"], "format": "date-time"},
  "last_used": {"type": ["string", "null"], "format": "date-time"}}},
"AppPasswordCreate": {"type": "object", "required": ["label", "scopes"], "additionalProperties": false, "properties": {
  "label": {"type": "string", "minLength": 1, "maxLength": 100},
  "scopes": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "expires": {"type": ["string", "null"], "format": "date-time"}}},
"AppPasswordCreated": {"type": "object", "required": ["label", "scopes", "created", "expires", "last_used", "password"], "additionalProperties": false, "properties": {
  "label": {"type": "string"}, "scopes": {"type": "array", "items": {"type": "string", "enum": ["imap", "pop3", "smtp"]}},
  "created": {"type": "string", "format": "date-time"}, "expires": {"type": ["string", "null"], "format": "date-time"},
  "last_used": {"type": ["string", "null"], "format": "date-time"},
  "password": {"type": "string", "description": "The secret; told here and never again"}}},
"Ban": {"type": "object", "required": ["address", "account", "state", "failures", "until"], "additionalProperties": false, "properties": {
  "address": {"type": ["string", "null"], "description": "An IPv4 address, or the /64 of an IPv6 one; null: any"},
  "account": {"type": ["string", "null"], "description": "As it was typed, known or not; null: any"},
  "state": {"type": "string", "enum": ["slowed", "banned"]}, "failures": {"type": "integer"}, "until": {"type": "string", "format": "date-time"}}},
"Mailbox": {"type": "object", "required": ["name", "id", "special_use", "messages", "unseen", "size", "subscribed"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "id": {"type": "string"}, "special_use": {"type": ["string", "null"]}, "messages": {"type": "integer"},
  "unseen": {"type": "integer"}, "size": {"type": "integer"}, "subscribed": {"type": "boolean"}}},
"Message": {"type": "object", "required": ["uid", "size", "date", "flags", "keywords"], "additionalProperties": false, "properties": {
  "uid": {"type": "integer"}, "size": {"type": "integer"}, "date": {"type": "string", "format": "date-time"},
  "flags": {"type": "array", "items": {"type": "string"}}, "keywords": {"type": "array", "items": {"type": "string"}}}},
"Imported": {"type": "object", "required": ["outcome", "detail", "uid"], "additionalProperties": false, "properties": {
  "outcome": {"type": "string", "enum": ["stored", "quarantined"]}, "detail": {"type": ["string", "null"]}, "uid": {"type": ["integer", "null"]}}},
"Alias": {"type": "object", "required": ["address", "targets", "created"], "additionalProperties": false, "properties": {
  "address": {"type": "string"}, "targets": {"type": "array", "items": {"type": "string"}}, "created": {"type": "string", "format": "date-time"}}},
"AliasPut": {"type": "object", "required": ["targets"], "additionalProperties": false, "properties": {
  "address": {"type": "string"}, "targets": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "string"}}}},
"Token": {"type": "object", "required": ["name", "scopes", "created", "expires", "last_used", "networks"], "additionalProperties": false, "properties": {
  "networks": {"type": "array", "items": {"type": "string"}, "description": "Whence it may be used, in CIDR form; empty: from anywhere"},
  "name": {"type": "string"}, "scopes": {"type": "array", "items": {"$ref": "#/components/schemas/Scope"}}, "created": {"type": "string", "format": "date-time"},
  "expires": {"type": ["string", "null"], "format": "date-time"}, "last_used": {"type": ["string", "null"], "format": "date-time"}}},
"TokenCreate": {"type": "object", "required": ["name", "scopes"], "additionalProperties": false, "properties": {
  "networks": {"type": "array", "items": {"type": "string"}, "description": "Whence it may be used, in CIDR form; empty: from anywhere"},
  "name": {"type": "string", "minLength": 1, "maxLength": 100}, "scopes": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Scope"}},
  "expires": {"type": ["string", "null"], "format": "date-time"}}},
"TokenCreated": {"type": "object", "required": ["name", "scopes", "created", "expires", "last_used", "networks", "token"], "additionalProperties": false, "properties": {
  "networks": {"type": "array", "items": {"type": "string"}, "description": "Whence it may be used, in CIDR form; empty: from anywhere"},
  "name": {"type": "string"}, "scopes": {"type": "array", "items": {"$ref": "#/components/schemas/Scope"}}, "created": {"type": "string", "format": "date-time"},
  "expires": {"type": ["string", "null"], "format": "date-time"}, "last_used": {"type": ["string", "null"], "format": "date-time"},
  "token": {"type": "string", "description": "The secret; told here and never again"}}},
"Scope": {"type": "string", "enum": ["read", "accounts", "scan", "mail", "audit", "admin"]},
"Session": {"type": "object", "required": ["id", "service", "address", "proxy", "account", "client", "state", "tls", "since", "bytes_in", "bytes_out"], "additionalProperties": false, "properties": {
  "id": {"type": "string"}, "service": {"type": "string", "enum": ["imap", "imaps", "pop3", "pop3s", "lmtp"]}, "address": {"type": "string"},
  "proxy": {"type": ["string", "null"], "description": "The trusted proxy that named the address"}, "account": {"type": ["string", "null"]},
  "client": {"type": ["string", "null"], "description": "What it says of itself"}, "state": {"type": "string"},
  "tls": {"type": ["object", "null"], "required": ["protocol", "cipher"], "additionalProperties": false, "properties": {
    "protocol": {"type": "string"}, "cipher": {"type": "string"}}},
  "since": {"type": "string", "format": "date-time"}, "bytes_in": {"type": "integer"}, "bytes_out": {"type": "integer"}}},
"Quarantined": {"type": "object", "required": ["id", "account", "mailbox", "signature", "reason", "sender", "recipient", "subject", "way_in", "size", "sha256", "received", "created", "cleared",
  "asked", "asked_words"], "additionalProperties": false, "properties": {
  "id": {"type": "integer"}, "account": {"type": "string"}, "mailbox": {"type": "string"}, "signature": {"type": "string"},
  "reason": {"type": "string", "enum": ["infected", "encrypted", "limit", "timeout", "broken", "macros", "phishing", "attachment"]}, "sender": {"type": "string"},
  "recipient": {"type": "string"}, "subject": {"type": "string"}, "way_in": {"type": "string"}, "size": {"type": "integer"}, "sha256": {"type": "string"},
  "received": {"type": "string", "format": "date-time"}, "created": {"type": "string", "format": "date-time"},
  "cleared": {"type": ["string", "null"], "format": "date-time", "description": "When newer signatures found nothing in it any more"},
  "asked": {"type": ["string", "null"], "format": "date-time", "description": "When its recipient first asked for its release"},
  "asked_words": {"type": ["string", "null"], "description": "What he said of it last"}}},
"ReleaseAsk": {"type": "object", "additionalProperties": false, "properties": {"words": {"type": "string", "description": "Why; for the administrator", "maxLength": 500}}},
"Exposure": {"type": "object", "required": ["holders", "reads"], "additionalProperties": false, "properties": {
  "holders": {"type": "array", "items": {"type": "object", "required": ["account", "mailbox", "state"], "additionalProperties": false, "properties": {
    "account": {"type": "string"}, "mailbox": {"type": "string"}, "state": {"type": "string", "enum": ["quarantined", "stored"]}}}},
  "reads": {"type": "array", "description": "More than the header was fetched; one for each program, address and day (UTC), kept for scanner.read_days",
    "items": {"type": "object", "required": ["account", "protocol", "address", "client", "first", "last", "times"], "additionalProperties": false, "properties": {
    "account": {"type": ["string", "null"]}, "protocol": {"type": "string", "enum": ["imap", "pop3"]},
    "address": {"type": ["string", "null"], "description": "null: of many, more than are kept for a day"}, "client": {"type": ["string", "null"], "description": "What the program says of itself"},
    "first": {"type": "string", "format": "date-time"}, "last": {"type": "string", "format": "date-time"}, "times": {"type": "integer"}}}}}},
"Deleted": {"type": "object", "required": ["id", "mailbox", "size", "cause", "received", "saved", "deleted"], "additionalProperties": false, "properties": {
  "id": {"type": "integer"}, "mailbox": {"type": "string", "description": "Where it was"}, "size": {"type": "integer"},
  "cause": {"type": "string", "description": "Who removed it: imap, pop3, pop3-retention, mailbox, trash"},
  "received": {"type": "string", "format": "date-time"}, "saved": {"type": "string", "format": "date-time"},
  "deleted": {"type": "string", "format": "date-time"}}},
"Restored": {"type": "object", "required": ["mailbox", "uid"], "additionalProperties": false, "properties": {
  "mailbox": {"type": "string"}, "uid": {"type": "integer"}}},
"QuarantinedMail": {"type": "object", "required": ["headers", "parts", "content", "whole"], "additionalProperties": false, "properties": {
  "headers": {"type": "array", "items": {"type": "object", "required": ["name", "value"], "properties": {"name": {"type": "string"}, "value": {"type": "string", "description": "Decoded"}}}},
  "parts": {"type": "array", "items": {"type": "object", "required": ["section", "type", "name", "encoding", "size", "sha256"], "properties": {
    "section": {"type": "string", "description": "As IMAP numbers parts; empty for the message itself"}, "type": {"type": "string"}, "name": {"type": ["string", "null"]},
    "encoding": {"type": "string"}, "size": {"type": "integer", "description": "As it lies in the message"},
    "sha256": {"type": ["string", "null"], "description": "Of what it decodes to; null for what has parts of its own"}}}},
  "content": {"type": "string", "description": "SHA-256 by which an allowance knows the message"}, "whole": {"type": "boolean", "description": "False: there are more headers or parts than are told"}}},
"Release": {"type": "object", "additionalProperties": false, "properties": {
  "to": {"type": "string", "description": "Address of another account that gets a copy; the message stays in quarantine. Wants the scope `mail` or `admin` besides: it gives mail to somebody else to read"},
  "never_again": {"type": "string", "enum": ["content", "signature"], "description": "Allow this message, or what was found in it, from now on"},
  "expires": {"type": ["string", "null"], "format": "date-time", "description": "When never_again ends; never when left out"}}},
"Allowance": {"type": "object", "required": ["kind", "what", "created", "expires", "author"], "additionalProperties": false, "properties": {
  "kind": {"type": "string", "enum": ["content", "signature"]}, "what": {"type": "string"}, "created": {"type": "string", "format": "date-time"},
  "expires": {"type": ["string", "null"], "format": "date-time"}, "author": {"type": "string"}}},
"AllowancePut": {"type": "object", "additionalProperties": false, "properties": {"expires": {"type": ["string", "null"], "format": "date-time"}}},
"Signatures": {"type": "object", "required": ["set", "engine", "count", "loaded_at", "age", "freshness", "problem", "files"], "additionalProperties": false, "properties": {
  "set": {"type": "string"}, "engine": {"type": "string", "description": "Version of libclamav"}, "count": {"type": "integer"},
  "loaded_at": {"type": ["string", "null"], "format": "date-time"}, "age": {"type": ["integer", "null"], "description": "Seconds since ClamAV made the youngest official file; null without one"},
  "freshness": {"type": "string", "enum": ["own", "fresh", "degraded", "unhealthy"], "description": "degraded after 48 hours, unhealthy after 7 days; own: there are no official signatures"},
  "problem": {"type": ["string", "null"]},
  "files": {"type": "array", "items": {"type": "object", "required": ["name", "size", "modified", "official", "built", "version", "count"], "properties": {
    "name": {"type": "string"}, "size": {"type": "integer"}, "modified": {"type": "string", "format": "date-time"}, "official": {"type": "boolean"},
    "built": {"type": ["string", "null"], "format": "date-time"}, "version": {"type": ["integer", "null"]}, "count": {"type": ["integer", "null"]}}}}}},
"Scans": {"type": "object", "required": ["ready", "problem", "signatures", "signature_count", "loaded_at", "scans", "infected", "unscannable", "engine", "suspicious", "errors", "restarts", "stored", "coverage",
  "pass", "findings"], "additionalProperties": false, "properties": {
  "ready": {"type": "boolean"}, "problem": {"type": ["string", "null"]}, "signatures": {"type": "string"}, "signature_count": {"type": "integer"},
  "loaded_at": {"type": ["string", "null"], "format": "date-time"}, "scans": {"type": "integer"}, "infected": {"type": "integer"},
  "unscannable": {"type": "integer"}, "suspicious": {"type": "integer"}, "engine": {"type": "string", "description": "Version of libclamav"}, "errors": {"type": "integer"}, "restarts": {"type": "integer"},
  "stored": {"type": "string", "enum": ["idle", "running", "waiting", "off", "cancelled"], "description": "What the pass over stored mail does; waiting: for the scanner; off: scanner.rescan_share is 0"},
  "coverage": {"type": "object", "required": ["contents", "bytes", "checked", "checked_bytes", "percent"], "additionalProperties": false,
    "description": "Of the stored contents, those that the present signatures have looked at", "properties": {
    "contents": {"type": "integer"}, "bytes": {"type": "integer"}, "checked": {"type": "integer"}, "checked_bytes": {"type": "integer"},
    "percent": {"type": ["integer", "null"], "minimum": 0, "maximum": 100, "description": "null: not counted yet, because the scanner is not ready"}}},
  "pass": {"oneOf": [{"$ref": "#/components/schemas/RescanPass"}, {"type": "null"}]},
  "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}}}},
"RescanPass": {"type": "object", "required": ["id", "signatures", "started", "finished", "scanned", "scanned_bytes", "left", "left_bytes", "bytes_per_second", "seconds_to_go", "candidates", "hits", "cleared",
  "no_verdict", "problem"], "additionalProperties": false, "description": "The pass over stored mail that runs, or ran last; also a task of this id", "properties": {
  "id": {"type": "string"}, "signatures": {"type": "string"}, "started": {"type": "string", "format": "date-time"}, "finished": {"type": ["string", "null"], "format": "date-time"},
  "scanned": {"type": "integer", "description": "Contents"}, "scanned_bytes": {"type": "integer"}, "left": {"type": "integer"}, "left_bytes": {"type": "integer"},
  "bytes_per_second": {"type": "integer"}, "seconds_to_go": {"type": ["integer", "null"]},
  "candidates": {"type": "integer", "description": "Contents that exact hash signatures point at, by what is recorded of their inside; they are scanned first"},
  "hits": {"type": "integer", "description": "Contents that were found infected"}, "cleared": {"type": "integer", "description": "Contents in quarantine of which nothing is said any more"},
  "no_verdict": {"type": "integer", "description": "Contents that could not be scanned; they are tried again"}, "problem": {"type": ["string", "null"]}}},
"Finding": {"type": "object", "required": ["signature", "state", "hits", "waiting", "since", "decided"], "additionalProperties": false, "description": "A signature that was found in stored mail", "properties": {
  "signature": {"type": "string"}, "state": {"type": "string", "enum": ["quarantined", "asking", "confirmed", "dismissed"],
    "description": "asking: found more often than scanner.brake_hits and scanner.brake_percent allow; what is found since then waits for confirm or dismiss"},
  "hits": {"type": "integer", "description": "Contents, with these signatures; while it asks, with those since as well"}, "waiting": {"type": "integer", "description": "Contents that wait for an answer"},
  "since": {"type": "string", "format": "date-time"}, "decided": {"type": "string", "format": "date-time"}}},
"Released": {"type": "object", "required": ["released"], "additionalProperties": false, "properties": {"released": {"type": "integer", "description": "Messages"}}},
"CheckCreate": {"type": "object", "additionalProperties": false, "properties": {"repair": {"type": "boolean"}}},
"Backup": {"type": "object", "required": ["folder", "id", "created", "accounts", "messages", "bytes", "written", "missing", "problem"], "additionalProperties": false, "properties": {
  "folder": {"type": "string"}, "id": {"type": "string"}, "created": {"type": ["string", "null"], "format": "date-time"}, "accounts": {"type": "integer"},
  "messages": {"type": "integer"}, "bytes": {"type": "integer", "description": "Of all that it names"},
  "written": {"type": "integer", "description": "What it added; the rest was there"},
  "missing": {"type": "integer", "description": "Contents that were damaged when it was made"}, "problem": {"type": ["string", "null"]}}},
"BackupCreate": {"type": "object", "additionalProperties": false, "properties": {
  "folder": {"type": "string", "description": "A name below DIR/backups, backup.folder or copy.folder; any absolute path through the local socket. backup.folder when left out"},
  "keep": {"type": "integer", "minimum": 0, "description": "The newest so many stay; 0 for all. backup.keep in the configured folder"},
  "verify": {"type": "string", "enum": ["all", "new", "none"], "description": "What is read again at the end"}}},
"MailRestore": {"type": "object", "required": ["account"], "additionalProperties": false, "properties": {
  "folder": {"type": "string", "description": "As in BackupCreate"}, "snapshot": {"type": "string", "description": "The newest when left out"},
  "account": {"type": "string", "description": "Made again when it is gone"}, "mailbox": {"type": "string", "description": "All when left out"},
  "uid": {"type": "integer", "minimum": 1, "description": "One message of mailbox, by its UID in the backup"},
  "to": {"type": "string", "description": "Another mailbox for what comes back; for a whole account the one above its mailboxes"}}},
"AuditEntry": {"type": "object", "required": ["id", "time", "actor", "address", "action", "target", "before", "after", "hash"], "additionalProperties": false, "properties": {
  "id": {"type": "integer"}, "time": {"type": "string", "format": "date-time"},
  "actor": {"type": "string", "description": "token:NAME, local:UID (this machine's administrator), account:ADDRESS or server"},
  "address": {"type": ["string", "null"], "description": "Where it was asked for; null: nowhere but on the machine"},
  "action": {"type": "string", "description": "A word such as account.change"}, "target": {"type": "string", "description": "What belongs to something stands behind it and a slash"},
  "before": {"type": ["object", "null"], "description": "What was otherwise before; never a secret"}, "after": {"type": ["object", "null"], "description": "What is otherwise since"},
  "hash": {"type": "string", "description": "SHA-256 over this entry and the hash of the one before it"}}},
"AuditState": {"type": "object", "required": ["whole", "entries", "head", "findings"], "additionalProperties": false, "properties": {
  "whole": {"type": "boolean"}, "entries": {"type": "integer"}, "head": {"type": "string", "description": "ID:HASH of the last entry: note it elsewhere"},
  "findings": {"type": "array", "items": {"type": "object", "required": ["where", "what"], "additionalProperties": false, "properties": {
    "where": {"type": "string"}, "what": {"type": "string"}}}}}},
"Event": {"type": "object", "required": ["id", "time", "kind", "account", "data"], "additionalProperties": false, "properties": {
  "id": {"type": "integer", "description": "Ascends in the order in which things were stored"}, "time": {"type": "string", "format": "date-time"},
  "kind": {"type": "string", "description": "mail.delivered, verdict.infected, verdict.unscannable, verdict.suspicious, quarantine.added …; admin/README.md has them all"}, "account": {"type": ["string", "null"]}, "data": {"type": "object"}}},
"Statistics": {"type": "object", "required": ["from", "to", "step", "times", "series"], "additionalProperties": false, "properties": {
  "from": {"type": "string", "format": "date-time"}, "to": {"type": "string", "format": "date-time"}, "step": {"type": "string", "enum": ["hour", "day"]},
  "times": {"type": "array", "items": {"type": "string", "format": "date-time"}, "description": "When each step begins"},
  "series": {"type": "object", "description": "A value a step: deliveries, logins, bans and scans are counts, of store the last value is told",
    "additionalProperties": {"type": "array", "items": {"type": ["integer", "null"]}}}}},
"Webhook": {"type": "object", "required": ["name", "url", "kinds", "account", "created", "changed"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "url": {"type": "string", "format": "uri"}, "kinds": {"type": "array", "items": {"type": "string"}, "description": "As kind of /events; empty: all"},
  "account": {"type": ["string", "null"], "description": "Of this account alone"}, "created": {"type": "string", "format": "date-time"}, "changed": {"type": "string", "format": "date-time"}}},
"WebhookPut": {"type": "object", "required": ["url"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "url": {"type": "string", "format": "uri", "maxLength": 2000, "description": "https://; private networks only where webhooks.allow names them"},
  "kinds": {"type": "array", "maxItems": 50, "items": {"type": "string"}}, "account": {"type": ["string", "null"]},
  "secret": {"type": "string", "writeOnly": true, "minLength": 16, "maxLength": 1000, "description": "Signs what is sent; as before when left out of an existing one"}}},
"WebhookAttempts": {"type": "object", "required": ["next_try", "attempts"], "additionalProperties": false, "properties": {
  "next_try": {"type": ["string", "null"], "format": "date-time", "description": "While it fails"},
  "attempts": {"type": "array", "items": {"type": "object", "required": ["time", "event", "kind", "attempt", "status", "error", "milliseconds"], "additionalProperties": false, "properties": {
    "time": {"type": "string", "format": "date-time"}, "event": {"type": "integer"}, "kind": {"type": "string"}, "attempt": {"type": "integer"},
    "status": {"type": ["integer", "null"], "description": "Of the answer"}, "error": {"type": ["string", "null"], "description": "Why it counts as failed"},
    "milliseconds": {"type": "integer"}}}}}},
"Task": {"type": "object", "required": ["id", "kind", "state", "progress", "total", "error", "findings", "result", "created", "finished"], "additionalProperties": false, "properties": {
  "id": {"type": "string"}, "kind": {"type": "string"}, "state": {"type": "string", "enum": ["waiting", "running", "done", "failed", "cancelled", "interrupted"]},
  "progress": {"type": "integer"}, "total": {"type": "integer"}, "error": {"type": ["string", "null"]},
  "findings": {"type": "array", "items": {"type": "string"}}, "result": {"type": ["string", "null"]},
  "created": {"type": "string", "format": "date-time"},
  "finished": {"type": ["string", "null"], "format": "date-time"}}}
})json";

// What `sort` may name, - before it for the other way. The first is the order where nothing is said, in the journals the newest first.
const std::map<std::string_view, std::vector<std::string>> kSorts = {
    {"listDomains", {"name", "created", "accounts"}},
    {"listBans", {"address", "account", "failures", "until"}},
    {"listAliases", {"address", "created", "targets"}},
    {"listTokens", {"name", "created", "expires", "last_used"}},
    {"listSessions", {"since", "account", "address", "bytes_in", "bytes_out"}},
    {"listMySessions", {"since", "account", "address", "bytes_in", "bytes_out"}},
    {"listQuarantine", {"created", "account", "signature", "size"}},
    {"listMyQuarantine", {"created", "account", "signature", "size"}},
    {"listDeleted", {"deleted", "mailbox", "received", "size"}},
    {"listMyDeleted", {"deleted", "mailbox", "received", "size"}},
    {"listBackups", {"folder", "created", "bytes"}},
    {"listTasks", {"created", "finished", "kind"}},
    {"listWebhooks", {"name", "created", "changed"}},
    {"listAudit", {"time"}},
    {"getEvents", {"time"}},
    {"listAccounts", {"address", "used", "created", "last_login"}},
};

Object::Ptr sortOf(std::string_view list)
{
    const auto& names = kSorts.at(list);
    auto allowed = Array::Ptr(new Array);
    for (const auto& name : names) {
        allowed->add(name);
        allowed->add("-" + name);
    }
    auto schema = object();
    schema->set("type", "string");
    schema->set("enum", allowed);
    schema->set("default", (names.front() == "time" ? "-" : "") + names.front());
    auto out = object();
    out->set("in", "query");
    out->set("name", "sort");
    out->set("description", "The order; - before it turns it round");
    out->set("schema", schema);
    return out;
}

// By name; where one means something of its own, by the operation and the name.
const std::map<std::string, const char*> kParameters = {
    {"listLogins.service", R"({"in": "query", "name": "service", "description": "Of this service alone: imap, pop3, smtp, me or web", "schema": {"type": "string"}})"},
    {"listMyLogins.service", R"({"in": "query", "name": "service", "description": "Of this service alone: imap, pop3, smtp, me or web", "schema": {"type": "string"}})"},
    {"listDomains.q", R"({"in": "query", "name": "q", "description": "Part of the name, without regard to case", "schema": {"type": "string"}})"},
    {"listAliases.q", R"({"in": "query", "name": "q", "description": "Part of the address or of a target, without regard to case", "schema": {"type": "string"}})"},
    {"listTokens.q", R"({"in": "query", "name": "q", "description": "Part of the name, without regard to case", "schema": {"type": "string"}})"},
    {"listSessions.q", R"({"in": "query", "name": "q", "description": "Part of what the program says of itself, or of the state, without regard to case", "schema": {"type": "string"}})"},
    {"listMySessions.q", R"({"in": "query", "name": "q", "description": "Part of what the program says of itself, or of the state, without regard to case", "schema": {"type": "string"}})"},
    {"listQuarantine.q", R"({"in": "query", "name": "q", "description": "Part of the subject, the sender or the recipient, without regard to case", "schema": {"type": "string"}})"},
    {"listMyQuarantine.q", R"({"in": "query", "name": "q", "description": "Part of the subject, the sender or the recipient, without regard to case", "schema": {"type": "string"}})"},
    {"listWebhooks.q", R"({"in": "query", "name": "q", "description": "Part of the name or the URL, without regard to case", "schema": {"type": "string"}})"},
    {"listBans.state", R"({"in": "query", "name": "state", "description": "Only those", "schema": {"type": "string", "enum": ["slowed", "banned"]}})"},
    {"listBackups.state", R"({"in": "query", "name": "state", "description": "Only those", "schema": {"type": "string", "enum": ["whole", "damaged"]}})"},
    {"listTasks.state", R"({"in": "query", "name": "state", "description": "Only those", "schema": {"type": "string", "enum": ["waiting", "running", "done", "failed", "cancelled", "interrupted"]}})"},
    {"listBans.address", R"({"in": "query", "name": "address", "description": "What stands against this address or its network", "schema": {"type": "string"}})"},
    {"listAliases.target", R"({"in": "query", "name": "target", "description": "Only those that lead to this address themselves", "schema": {"type": "string"}})"},
    {"listTasks.kind", R"({"in": "query", "name": "kind", "description": "Of this kind alone: backup, check …", "schema": {"type": "string"}})"},
    {"scope", R"({"in": "query", "name": "scope", "description": "Only those that have this scope", "schema": {"type": "string", "enum": ["read", "accounts", "scan", "mail", "audit", "admin"]}})"},
    {"folder", R"({"in": "query", "name": "folder", "description": "In this folder: its path, or the name at the end of it", "schema": {"type": "string"}})"},
    {"cause", R"({"in": "query", "name": "cause", "description": "Who removed it: imap, pop3, pop3-retention, mailbox, trash", "schema": {"type": "string"}})"},
    {"outcome", R"({"in": "query", "name": "outcome", "description": "How it came out", "schema": {"type": "string", "enum": ["ok", "wrong", "disabled", "refused"]}})"},
    {"address", R"({"in": "query", "name": "address", "description": "From this address alone", "schema": {"type": "string"}})"},
    {"limit", R"({"in": "query", "name": "limit", "description": "Entries in a page", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}})"},
    {"cursor", R"({"in": "query", "name": "cursor", "description": "What \"next\" of the page before says", "schema": {"type": "string"}})"},
    {"mailbox", R"({"in": "query", "name": "mailbox", "description": "Only what was in the mailbox of this name", "schema": {"type": "string"}})"},
    {"flags", R"({"in": "query", "name": "flags", "description": "Of seen, answered, flagged, deleted, draft; separated by commas", "schema": {"type": "string"}})"},
    {"keywords", R"({"in": "query", "name": "keywords", "description": "Separated by commas", "schema": {"type": "string"}})"},
    {"account", R"({"in": "query", "name": "account", "description": "Of this account alone", "schema": {"type": "string"}})"},
    {"signature", R"({"in": "query", "name": "signature", "description": "A part of what was found", "schema": {"type": "string"}})"},
    {"reason", R"({"in": "query", "name": "reason", "description": "infected, encrypted, limit, timeout, broken, macros, phishing or attachment", "schema": {"type": "string"}})"},
    {"way_in", R"({"in": "query", "name": "way_in", "description": "lmtp, import or rescan", "schema": {"type": "string"}})"},
    {"of", R"({"in": "query", "name": "of", "description": "Of this content, or of every one in which the same was found", "schema": {"type": "string", "enum": ["content", "signature"], "default": "content"}})"},
    {"asked", R"({"in": "query", "name": "asked", "description": "Only what its recipient wants released", "schema": {"type": "boolean"}})"},
    {"since", R"({"in": "query", "name": "since", "description": "Not before this time", "schema": {"type": "string", "format": "date-time"}})"},
    {"until", R"({"in": "query", "name": "until", "description": "Before this time", "schema": {"type": "string", "format": "date-time"}})"},
    {"service", R"({"in": "query", "name": "service", "description": "Of this service alone", "schema": {"type": "string", "enum": ["imap", "imaps", "pop3", "pop3s", "lmtp"]}})"},
    {"emailaddress", R"({"in": "query", "name": "emailaddress", "description": "Of whom; its domain is what counts", "schema": {"type": "string"}})"},
    {"Email", R"({"in": "query", "name": "Email", "description": "Of whom; its domain is what counts", "schema": {"type": "string"}})"},
    {"Protocol", R"({"in": "query", "name": "Protocol", "description": "AutodiscoverV1 is known", "schema": {"type": "string"}})"},
    {"domain", R"({"in": "query", "name": "domain", "description": "Of this domain alone", "schema": {"type": "string"}})"},
    {"enabled", R"({"in": "query", "name": "enabled", "description": "Only those that may log in, or may not", "schema": {"type": "boolean"}})"},
    {"q", R"({"in": "query", "name": "q", "description": "Part of the address or the name, without regard to case", "schema": {"type": "string"}})"},
    {"dry_run", R"({"in": "query", "name": "dry_run", "description": "Only say what would change", "schema": {"type": "boolean", "default": false}})"},
    {"prune", R"({"in": "query", "name": "prune", "description": "Aliases and empty domains that are not in the document go", "schema": {"type": "boolean", "default": false}})"},
    {"check", R"({"in": "query", "name": "check", "description": "Ask DNS what is there", "schema": {"type": "boolean", "default": false}})"},
    {"since", R"({"in": "query", "name": "since", "description": "Not before", "schema": {"type": "string", "format": "date-time"}})"},
    {"until", R"({"in": "query", "name": "until", "description": "Before", "schema": {"type": "string", "format": "date-time"}})"},
    {"strict", R"({"in": "query", "name": "strict", "description": "Warnings count: 503", "schema": {"type": "boolean", "default": false}})"},
    {"from", R"({"in": "query", "name": "from", "description": "A day before `to` by the hour, 30 days by the day", "schema": {"type": "string", "format": "date-time"}})"},
    {"to", R"({"in": "query", "name": "to", "description": "Now when left out", "schema": {"type": "string", "format": "date-time"}})"},
    {"step", R"({"in": "query", "name": "step", "description": "Of what length", "schema": {"type": "string", "enum": ["hour", "day"], "default": "hour"}})"},
    {"actor", R"({"in": "query", "name": "actor", "description": "Who: all of it, or the part before the colon", "schema": {"type": "string"}})"},
    {"action", R"({"in": "query", "name": "action", "description": "What: all of it, or the part before a dot", "schema": {"type": "string"}})"},
    {"target", R"({"in": "query", "name": "target", "description": "To what: all of it, or the part before a slash", "schema": {"type": "string"}})"},
    {"kind", R"({"in": "query", "name": "kind", "description": "Kinds separated by commas; the part before the dot stands for all of them", "schema": {"type": "string"}})"},
    {"head", R"({"in": "query", "name": "head", "description": "One that was noted earlier, ID:HASH: must be in the chain", "schema": {"type": "string"}})"},
    {"date", R"({"in": "query", "name": "date", "description": "When it came in; now when left out", "schema": {"type": "string", "format": "date-time"}})"},
};

Object::Ptr parsed(const std::string& json) { return Poco::JSON::Parser().parse(json).extract<Object::Ptr>(); }

Array::Ptr parsedArray(const std::string& json) { return Poco::JSON::Parser().parse(json).extract<Array::Ptr>(); }

Object::Ptr reference(const std::string& schema)
{
    auto out = object();
    out->set("$ref", "#/components/schemas/" + schema);
    return out;
}

Object::Ptr content(const std::string& type, const Object::Ptr& schema)
{
    auto media = object();
    media->set("schema", schema);
    auto out = object();
    out->set(type, media);
    return out;
}

Object::Ptr bytesOf(const std::string& type) { return content(type, parsed(R"({"type": "string"})")); }

Object::Ptr contentOf(const std::string& schema)
{
    if (schema == "html")
        return bytesOf("text/html");
    if (schema == "text")
        return bytesOf("text/plain");
    if (schema == "xml")
        return bytesOf("text/xml");
    if (schema == "profile")
        return bytesOf("application/x-apple-aspen-config");
    if (schema == "message")
        return bytesOf("message/rfc822");
    if (schema.starts_with("stream:")) {
        auto both = contentOf("list:" + schema.substr(7));
        both->set("text/event-stream", bytesOf("text/event-stream")->get("text/event-stream"));
        return both;
    }
    if (schema == "zip")
        return bytesOf("application/zip");
    if (schema == "bytes")
        return bytesOf("application/octet-stream");
    if (schema.starts_with("list:")) {
        auto list = parsed(R"({"type": "object", "required": ["items", "next"], "additionalProperties": false,
                               "properties": {"items": {"type": "array"}, "next": {"type": ["string", "null"]}}})");
        list->getObject("properties")->getObject("items")->set("items", reference(schema.substr(5)));
        return content("application/json", list);
    }
    return content("application/json", reference(schema));
}

std::string givenFor(const Route& route, int status)
{
    const auto all = base::split(route.gives, '|');
    const auto mark = std::to_string(status) + ":";
    for (const auto one : all)
        if (one.starts_with(mark))
            return std::string(one.substr(mark.size()));
    return std::string(all.front());
}

Object::Ptr answer(const Route& route, int status)
{
    auto out = object();
    out->set("description", std::string(reasonPhrase(status)));
    // A 503 of readyz is an answer of its own shape, not a refusal.
    if (status >= 400 && (std::string_view(route.id) != "readyz" || status != 503))
        out->set("content", content("application/problem+json", reference("Problem")));
    else if (*route.gives != 0 && status != 204 && status != 304)
        out->set("content", contentOf(givenFor(route, status)));
    return out;
}

Array::Ptr parametersOf(const Route& route)
{
    Array::Ptr out = new Array;
    for (const auto part : base::split(route.path, '/'))
        if (part.starts_with('{')) {
            auto one = parsed(R"({"in": "path", "required": true, "schema": {"type": "string"}})");
            one->set("name", std::string(part.substr(1, part.size() - 2)));
            out->add(one);
        }
    for (const char* name : route.parameters) {
        if (std::string_view(name) == "sort") {
            out->add(sortOf(route.id));
            continue;
        }
        const auto own = kParameters.find(std::string(route.id) + "." + name);
        out->add(parsed(own != kParameters.end() ? own->second : kParameters.at(name)));
    }
    return out;
}

Object::Ptr operation(const Route& route)
{
    auto out = object();
    out->set("operationId", route.id);
    out->set("summary", route.summary);
    std::set<int> statuses(route.statuses.begin(), route.statuses.end());
    if (*route.scope != 0) {
        const std::string_view scope = route.scope;
        const bool owners = scope.starts_with("me"), browsers = scope == "session";
        const bool changes = std::string_view(route.method) != "GET";
        const std::string browser = changes ? R"({"session": [], "csrf": []})" : R"({"session": []})";
        const std::string others = browsers ? "" : owners ? R"({"password": []}, )" : R"({"token": []}, )";
        out->set("security", parsedArray("[" + others + browser + "]"));
        out->set("description", browsers                                ? std::string("For a browser that has signed in.")
                                : !owners                               ? "Wants the scope `" + std::string(route.scope) + "`."
                                : std::string_view(route.scope) == "me" ? std::string("For the owner of an account.")
                                                                        : "For the owner of an account, under its own password.");
        statuses.insert({400, 401, 403, 413});
    } else {
        out->set("security", Array::Ptr(new Array));
        statuses.insert({400, 413});
    }
    if (std::string_view(route.method) == "GET" && std::string_view(route.path).starts_with("/api/"))
        statuses.insert(304); // If-None-Match
    if (std::string_view(route.method) == "POST" && *route.scope != 0)
        statuses.insert({409, 422}); // Idempotency-Key
    if (!route.parameters.empty())
        statuses.insert(422);
    if (route.body != BodyKind::none) {
        statuses.insert(415);
        auto body = object();
        body->set("required", *route.takes != 0 && std::string_view(route.takes) != "DomainPut" && std::string_view(route.takes) != "CheckCreate"
                                  && std::string_view(route.takes) != "Release" && std::string_view(route.takes) != "TotpBegin"
                                  && std::string_view(route.takes) != "AllowancePut" && std::string_view(route.takes) != "ReleaseAsk");
        auto kinds = contentOf(route.takes);
        if (const auto example = exampleOf(route.takes); !example.empty())
            for (const auto& kind : kinds->getNames())
                kinds->getObject(kind)->set("example", Poco::JSON::Parser().parse("[" + example + "]").extract<Array::Ptr>()->get(0));
        if (route.body == BodyKind::patch)
            kinds->set("application/merge-patch+json", kinds->get("application/json"));
        body->set("content", kinds);
        out->set("requestBody", body);
    }
    if (const auto parameters = parametersOf(route); parameters->size() > 0)
        out->set("parameters", parameters);
    auto answers = object();
    for (const int status : statuses)
        answers->set(std::to_string(status), answer(route, status));
    auto any = object();
    any->set("description", "Any other refusal");
    any->set("content", content("application/problem+json", reference("Problem")));
    answers->set("default", any);
    out->set("responses", answers);
    return out;
}
} // namespace

std::string openApi()
{
    auto document = parsed(R"json({"openapi": "3.1.0",
        "info": {"title": "Postfach administration", "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"}},
        "servers": [{"url": "/"}], "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "password": {"type": "http", "scheme": "basic"},
            "session": {"type": "apiKey", "in": "cookie", "name": "__Host-postfach", "description": "Of a browser that has signed in (POST /api/v1/session)"},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "csrf_token of /api/v1/session; Origin or Sec-Fetch-Site must name this host, too"}}}})json");
    document->getObject("info")->set("version", POSTFACH_VERSION);
    auto schemas = parsed(kSchemas);
    for (const char* more : {setupSchemas(), officeSchemas(), meSchemas(), webSessionSchemas(), totpSchemas(), loginSchemas()}) {
        const auto part = parsed(more);
        for (const auto& [name, schema] : *part)
            schemas->set(name, schema);
    }
    Array::Ptr codes = new Array;
    for (const auto& known : problemCodes()) {
        auto one = object();
        one->set("status", known.status);
        one->set("code", known.code);
        one->set("meaning", known.meaning);
        codes->add(one);
    }
    schemas->getObject("Problem")->set("x-codes", codes);
    document->getObject("components")->set("schemas", schemas);
    auto paths = object();
    for (const auto& route : routes()) {
        if (!paths->has(route.path))
            paths->set(route.path, object());
        paths->getObject(route.path)->set(base::lower(route.method), operation(route));
    }
    document->set("paths", paths);
    return text(document);
}

} // namespace postfach::admin
