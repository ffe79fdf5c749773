// What a refusal may carry as its code; admin/README.md and the OpenAPI document say the same.
#include "admin/problem.h"

namespace postfach::admin {

const std::vector<ProblemCode>& problemCodes()
{
    static const std::vector<ProblemCode> all = {
        {400, "bad_request", "The HTTP itself is ambiguous or wrong: nothing was read of it"},
        {400, "bad_target", "The path or the query cannot be understood in one way only"},
        {400, "malformed_json", "The body is no JSON, no UTF-8 or nested too deeply"},
        {400, "bad_xml", "The body is no XML, or has a document type"},
        {400, "transfer_encoding", "Transfer-Encoding holds more than one coding, or none"},
        {401, "unauthorized", "No token, or one that is unknown, expired or not allowed here"},
        {401, "session_over", "The browser's session is over or was ended: sign in again"},
        {401, "totp_code", "The account has a second factor, and no code of it came"},
        {403, "scope", "The token lacks the scope that is named"},
        {403, "foreign_origin", "A page of another origin made the browser ask"},
        {403, "csrf", "A browser's change came without the session's token in X-CSRF-Token"},
        {403, "wrong_password", "The password that was asked for once more is not the account's"},
        {403, "totp_required", "An administrator without a second factor, where admin.require_totp wants one"},
        {403, "wrong_code", "The code is not the second factor's now, or was used already"},
        {404, "not_found", "There is no such thing, or no such path"},
        {405, "method_not_allowed", "Allow says which methods the path takes"},
        {408, "timeout", "The request did not arrive in time"},
        {409, "already_exists", "The name is taken"},
        {409, "not_empty", "Something belongs to it still"},
        {409, "reserved", "The name is one that the server keeps for itself"},
        {409, "over_quota", "The account has no room for it"},
        {409, "limit", "There are as many as there may be"},
        {409, "infected", "The deleted message is infected by today's signatures and is not restored"},
        {409, "not_writable", "The folder of the signatures cannot be written by this server"},
        {409, "in_progress", "The request with this Idempotency-Key is still being worked on"},
        {409, "not_begun", "No second factor is being set up"},
        {409, "finished", "The task is over"},
        {412, "already_exists", "If-None-Match: * asked for something new, and it is there"},
        {412, "changed", "If-Match named another state than the present one: read again"},
        {413, "body_too_large", "The body is larger than the path takes"},
        {414, "target_too_long", "The target has more than 8 KiB"},
        {415, "media_type", "The body is of another type than the path takes"},
        {417, "expectation_failed", "Expect asks for something else than 100-continue"},
        {422, "invalid_body", "The body is no object, or parts of it contradict each other"},
        {422, "invalid_field", "A field has a value that it cannot have; errors names each"},
        {422, "unknown_field", "There is no such field; errors names each"},
        {422, "read_only_field", "The field is told, not written; errors names each"},
        {422, "invalid_name", "The name of the domain, account, alias or mailbox cannot be one"},
        {422, "invalid_parameter", "A parameter of the query has a value that it cannot have"},
        {422, "unknown_parameter", "There is no such parameter of the query"},
        {422, "key_used", "The Idempotency-Key came with another request before"},
        {422, "infected", "The message is infected and was not taken"},
        {422, "refused", "What was found in the message is not let in by policy"},
        {422, "bad_signatures", "The signature file does not load, or has nothing in it; the detail says more"},
        {429, "too_many_attempts", "Too many wrong tokens came from there: Retry-After says when to try again"},
        {429, "busy", "Too much at once: Retry-After says when it may go"},
        {431, "header_too_large", "More or longer header fields than are taken"},
        {500, "internal", "The server's fault; its log has more under the reference that is named"},
        {500, "damaged", "The store is damaged there: postfach check"},
        {501, "transfer_encoding", "A Transfer-Encoding other than chunked"},
        {503, "unavailable", "It cannot be done now; later it can"},
        {503, "too_many_streams", "As many streams of events are open as there may be"},
        {505, "http_version", "Another HTTP than 1.0 and 1.1"},
        {507, "disk_full", "The disk is full"},
    };
    return all;
}

} // namespace postfach::admin
