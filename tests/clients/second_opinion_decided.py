"""The differences from Dovecot that are decided: (title, kinds they are of, what they look like).

SECOND-OPINION.md has the same titles, with the text that decides. A difference is taken for the first one that fits.
"""
import re


class Difference:
    """One answer that differs: its kind, the mail and what each server said of it."""

    def __init__(self, kind, name, message, ours, theirs):
        self.kind, self.name, self.message, self.ours, self.theirs = kind, name, message, ours, theirs

    def both_bytes(self):
        return isinstance(self.ours, bytes) and isinstance(self.theirs, bytes)

    def field_count(self, field):
        return len(re.findall(rb"(?im)^" + field.encode() + rb"[ \t]*:", header_of(self.message)))


def squeezed(text):
    return re.sub(rb"[ \t]+", b" ", text or b"").strip()


def without_inventions(addresses):
    """Dovecot's addresses, its words for what is missing made empty."""
    invented = (b"MISSING_DOMAIN", b"MISSING_MAILBOX", b"SYNTAX_ERROR")
    return [[b"" if value in invented else value for value in address] for address in addresses or []]


def is_unnamed_part(d):
    return d.ours is None and d.theirs == b""


def is_nul(d):
    if b"\0" not in d.message or not d.both_bytes():
        return False
    return d.theirs == d.ours.replace(b"\0", b"\x80") or d.ours == d.theirs.replace(b"\xef\xbf\xbd", b"")


def is_line_end_of_outer(d):
    if d.both_bytes() and d.ours.isdigit():
        return int(d.theirs) - int(d.ours) == (1 if d.kind.endswith("lines") else 2)
    return d.both_bytes() and d.theirs == d.ours + b"\r\n" and re.search(rb"--[^\r\n]*--[ \t]*(\r\n)*\Z", d.ours)


def is_empty_line_kept(d):
    return d.both_bytes() and d.ours == d.theirs + b"\r\n"


def is_empty_line_added(d):
    return d.both_bytes() and d.theirs == d.ours + b"\r\n"


def is_host_invented(d):
    return bool(d.ours) and without_inventions(d.theirs) == d.ours


def is_comment_for_name(d):
    return (len(d.ours or []) == len(d.theirs or []) and
            all(a == b or a[1:] == b[1:] and b[0] is None and b"(" + a[0] + b")" in d.message for a, b in zip(d.ours, d.theirs)))


def is_malformed_address(d):
    """A phrase that holds an "@", addresses in angle brackets that are none, words without a host."""
    return (any(b"@" in (address[0] or b"") for address in d.ours or []) or
            any(value in (b"SYNTAX_ERROR", b"MISSING_MAILBOX") for address in d.theirs or [] for value in address))


def is_empty_name(d):
    return [[name or None, *rest] for name, *rest in d.theirs or []] == d.ours


def is_white_space(d):
    return squeezed(d.ours) == squeezed(d.theirs)


def is_field_twice(d):
    field = d.kind.rsplit(" ", 1)[1]
    if d.kind.startswith("inner"):
        return len(re.findall(rb"(?im)^" + field.encode() + rb"[ \t]*:", d.message)) > 1
    return d.field_count(field) > 1


def is_broken_type(d):
    return d.theirs == b"" or d.theirs is None


def extended(pairs):
    return any(name.endswith(b"*") for name, _ in pairs or [])


def parameters_of(value):
    """The parameters of a disposition, or of a type."""
    return value[1] if isinstance(value, tuple) else value


def is_extended_parameter(d):
    return extended(parameters_of(d.theirs)) and not extended(parameters_of(d.ours))


def as_utf8(value):
    try:
        value.decode()
        return value
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace").encode()


def is_raw_parameter(d):
    mine, other = parameters_of(d.ours), parameters_of(d.theirs)
    return mine == [(name, as_utf8(value)) for name, value in other]


def is_tab_in_parameter(d):
    mine, other = parameters_of(d.ours), parameters_of(d.theirs)
    return mine == [(name, value.replace(b"\t", b" ")) for name, value in other]


def is_unquoted_value(d):
    """Up to the next semicolon, where a token would have ended at a character that is none of a token's."""
    mine, other = parameters_of(d.ours), parameters_of(d.theirs)
    return (len(mine) == len(other) and
            all(a == b or a[0] == b[0] and a[1].startswith(b[1]) and a[1][len(b[1])] in b' ="' for a, b in zip(mine, other)))


def has_odd_boundary(d):
    return re.search(rb"(?i)boundary(=-[^\r\n\"]*=|\*[0-9]*\*?=)", d.message) is not None


def is_empty_field(d):
    return d.ours is None and d.theirs in (b"", [b"", None])


def is_odd_encoding(d):
    return d.theirs == b"7BIT" and b"content-transfer-encoding" in d.message.lower()


def is_own_keyword(d):
    return [flag for flag in d.ours if flag not in (b"$Unscanned", b"$Encrypted", b"$Suspicious")] == d.theirs


def header_of(message):
    return message.partition(b"\r\n\r\n")[0] + b"\r\n"


def has_odd_date(message):
    """None, several, one that is not of RFC 5322 3.3, or a year that Dovecot does not know."""
    dates = re.findall(rb"(?im)^date[ \t]*:([^\r\n]*)", header_of(message))
    usual = rb"^(\s*[A-Za-z]{3},)?\s*\d{1,2}\s+[A-Za-z]{3}\s+(19[7-9]|20)?\d\d\s+([01]?\d|2[0-3]):\d\d(:\d\d)?\s"
    return len(dates) != 1 or not re.search(usual, dates[0])


def has_odd_subject(message):
    """Several, 8-bit ones, encoded words of charsets that the two read differently."""
    subjects = re.findall(rb"(?im)^subject[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", header_of(message))
    return len(subjects) != 1 or not subjects[0].isascii() or re.search(rb"(?i)=\?(utf-16|none)\?", subjects[0]) is not None


def found_by_us(*names):
    """In mails of these names ours finds a word, and Dovecot none."""
    return lambda d: d.ours and any(re.search(name, d.name) for name in names)


def found_by_dovecot(*names):
    return lambda d: d.theirs and any(re.search(name, d.name) for name in names)


def has_raw_text(d):
    """A word of 8-bit letters, found by us alone in text that names no charset it could be in."""
    return d.ours and not d.message.isascii()


def is_wrong_size(d):
    """The contents are the same, and ours is as long as we say."""
    def content(answer):
        return [value for key, value in sorted(answer.items()) if not key.startswith(b"BINARY.SIZE")]

    def size(answer):
        return [int(value) for key, value in answer.items() if key.startswith(b"BINARY.SIZE")]
    if not isinstance(d.ours, dict) or not isinstance(d.theirs, dict):
        return False
    return content(d.ours) == content(d.theirs) and size(d.ours) == [len(value) for value in content(d.ours)]


def is_refused(d, code, encoding=rb""):
    return isinstance(d.ours, dict) and d.theirs == code and re.search(rb"(?im)^content-transfer-encoding:[ \t]*" + encoding, d.message)


def led_by(*names):
    """Orders that part at a mail of these names: each server's first mail that is another's."""
    return lambda d: any(re.search(name, d.name) for name in names)


WORDS = "SEARCH (FROM|TO|CC|SUBJECT|BODY|TEXT|RECEIVED)"

DECIDED = [
    ("a part that is not there is NIL", r"BODY\[", is_unnamed_part),
    ("NUL stays NUL", r"BODY\[|ENVELOPE", is_nul),
    ("a nested multipart ends with its closing boundary", r"BODY\[N(\.TEXT)?\]|BODYSTRUCTURE (message|multipart) (octets|lines)", is_line_end_of_outer),
    ("a header directly before a boundary keeps its empty line", r"BODY\[N\.(MIME|HEADER)\]", is_empty_line_kept),
    ("a header without an empty line is given none", r"BODY\[(N\.)?HEADER", is_empty_line_added),
    ("a host that is missing is empty", r"(inner )?ENVELOPE (from|sender|reply-to|to|cc|bcc)", is_host_invented),
    ("an empty display name is none", r"(inner )?ENVELOPE (from|sender|reply-to|to|cc|bcc)", is_empty_name),
    ("a comment is the name where there is no other", r"(inner )?ENVELOPE (from|sender|reply-to|to|cc|bcc)", is_comment_for_name),
    ("of a malformed address what can be answered is kept", r"(inner )?ENVELOPE (from|sender|reply-to|to|cc|bcc)", is_malformed_address),
    ("white space within a field stays, around it it goes",
     r"(inner )?ENVELOPE (subject|date|message-id|in-reply-to)|BODYSTRUCTURE single description", is_white_space),
    ("of a field that comes twice the first counts", r"(inner )?ENVELOPE (subject|date|message-id|in-reply-to)", is_field_twice),
    ("a broken Content-Type is text/plain in US-ASCII", r"BODYSTRUCTURE single (type|subtype|lines)", is_broken_type),
    ("a broken Content-Type is text/plain in US-ASCII", r"BODYSTRUCTURE single parameters",
     lambda d: d.theirs is None and d.ours == [(b"CHARSET", b"us-ascii")]),
    ("RFC 2231 parameters come joined and decoded", r"BODYSTRUCTURE (single|multipart) (parameters|disposition)", is_extended_parameter),
    ("8-bit parameters come as UTF-8", r"BODYSTRUCTURE single (parameters|disposition)", is_raw_parameter),
    ("a tab in a parameter is a space", r"BODYSTRUCTURE single (parameters|disposition)", is_tab_in_parameter),
    ("an unquoted parameter goes to the semicolon", r"BODYSTRUCTURE (single|multipart) (parameters|disposition)", is_unquoted_value),
    ("a boundary may hold \"=\" or be written in RFC 2231", r"BODYSTRUCTURE (sections|single|multipart)|BODY\[N|BINARY", has_odd_boundary),
    ("an empty field is no field", r"BODYSTRUCTURE single (id|disposition)", is_empty_field),
    ("an encoding is the first word of its field", r"BODYSTRUCTURE single encoding", is_odd_encoding),
    ("what the scanner found is told by a keyword", r"FLAGS", is_own_keyword),
    ("BINARY.SIZE is the size of what BINARY gives", r"BINARY", is_wrong_size),
    ("what is no base64 and no quoted-printable is passed over", r"BINARY", lambda d: is_refused(d, b"[PARSE]")),
    ("uuencoded text and entities of HTML are read", r"BINARY", lambda d: is_refused(d, b"[UNKNOWN-CTE]", rb"(x-)?uuencode")),
    ("an empty field is no field", r"BINARY", lambda d: is_refused(d, b"[UNKNOWN-CTE]", rb"\r\n[^ \t]")),
    ("a part that cannot be decoded spoils no other", r"BINARY", lambda d: is_refused(d, b"[UNKNOWN-CTE]", rb"(x-unprintable|quoted printable)")),
    ("THREAD=REFS ends with the thread of the newest arrival", r"THREAD REFS order", lambda d: True),
    ("a name is sorted as ENVELOPE says it", r"SORT DISPLAYFROM", led_by("aliases_googlemail")),
    ("an accent is compared behind its letter", r"SORT DISPLAYTO", led_by("nice__unicode1")),
    ("8-bit text without a charset is read all the same", r"SORT REVERSE DISPLAYFROM DATE", led_by("rspamd/utf.eml")),
    ("a mail without a date was sent when it came", r"SEARCH SENT", lambda d: has_odd_date(d.message)),
    ("a comment is the name where there is no other", "SEARCH FROM", found_by_us("rfc3464-10", "rhost-apple-01", "rfc2822__example10")),
    ("of a malformed address what can be answered is kept", "(inner )?ENVELOPE to|SEARCH TO", lambda d: "stack-overflow" in d.name),
    ("of a malformed address what can be answered is kept", "SEARCH TO", found_by_us("missing_body", "with_at_display_name")),
    ("text in an encoding that is none is searched as it stands", WORDS, found_by_us("content_transfer_encoding")),
    ("a broken Content-Type is text/plain in US-ASCII", WORDS, found_by_us("msg_14", "startrek", "lhost-x1-02", "nice__mime8")),
    ("a boundary may hold \"=\" or be written in RFC 2231", WORDS, found_by_us("msg_33")),
    ("uuencoded text and entities of HTML are read", WORDS, found_by_us("m3007", "nodemailer/spam.eml")),
    ("a line of blanks ends no header", WORDS, found_by_dovecot("spam__015", "spam__016")),
    ("of a field that comes twice the first counts", WORDS, found_by_dovecot("spam__badmime2")),
    ("a line that is no field is of no header", WORDS,
     found_by_dovecot("rfc3464-36", "phish_sender4", "msg_38", "msg_35", "spam__bsmtp", "state-changes")),
    ("UTF-16 without a mark is big-endian", WORDS, found_by_dovecot("spam__utf16")),
    ("an encoded word that cannot be read stays as it is", WORDS, found_by_dovecot("bad_encoded_subject")),
    ("8-bit text without a charset is read all the same", WORDS, has_raw_text),
    ("8-bit text without a charset is read all the same", WORDS, found_by_us("rspamd/spam.eml", "legacy__039", "m4005")),
]


def decide(difference):
    """The title of what it is, or None."""
    for title, kinds, fits in DECIDED:
        if re.match("(%s)" % kinds, difference.kind):
            try:
                if fits(difference):
                    return title
            except (TypeError, IndexError, ValueError):
                continue
    return None
