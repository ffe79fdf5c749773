"""A second opinion: Debian's Dovecot reads the same mails, and every answer of ours is compared with its.

The corpus is appended to both, each mail with the same date and flags. Compared are the values of the answers, not their
text: RFC822.SIZE, INTERNALDATE, ENVELOPE, BODYSTRUCTURE, every section of every structure with its MIME, HEADER and TEXT,
partials, BINARY, SEARCH, SORT and THREAD, as far as both announce them. A difference has a kind; SECOND-OPINION.md lists
the kinds that are decided, with the text that decides them, second_opinion_decided.py says how they look: any other one
fails the test.
"""
import collections
import email.errors
import email.header
import os
import random
import re
import sys

import mails
import server
import wire
from second_opinion_decided import DECIDED, Difference, decide, has_odd_date, has_odd_subject

sys.path.insert(0, os.path.join(server.SOURCE, "tests", "bench"))
import servers  # noqa: E402


class Like:
    """What Dovecot's own certificate is copied from."""

    def __init__(self, office):
        self.certificate = os.path.join(office.data, "tls", "certificate.pem")
        self.key = os.path.join(office.data, "tls", "key.pem")


class Differences:
    """Counts what was compared, and keeps what differs."""

    def __init__(self, names):
        self.names, self.found, self.compared = names, [], collections.Counter()

    def note(self, kind, number, ours, theirs, where=""):
        self.found.append((kind, number, ours, theirs, where))

    def same(self, what, kind, number, ours, theirs, where=""):
        self.compared[what] += 1
        if ours != theirs:
            self.note(kind, number, ours, theirs, where)
        return ours == theirs

    def numbers(self, kind):
        return {number for found, number, *_ in self.found if found == kind}

    def judge(self, report, stored):
        """Tells how often each decided kind was seen; whatever is none of them fails."""
        decided, undecided = collections.Counter(), collections.defaultdict(list)
        for kind, number, ours, theirs, where in self.found:
            title = decide(Difference(kind, self.names[number - 1], stored[number], ours, theirs))
            if title:
                decided[title] += 1
            else:
                undecided[kind].append("%s %s: ours %s, Dovecot's %s" % (self.names[number - 1], where, server.shorten(ours, 160),
                                                                        server.shorten(theirs, 160)))
        for what, count in self.compared.items():
            print("%8d compared: %s" % (count, what))
        for title in dict.fromkeys(title for title, _, _ in DECIDED):
            print("%8d decided: %s" % (decided[title], title))
        for kind, cases in sorted(undecided.items()):
            report.check("%s: no difference but decided ones" % kind, False, "%d\n     %s" % (len(cases), "\n     ".join(cases[:12])))
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "SECOND-OPINION.md"), encoding="utf-8") as file:
            told = {line.split("|")[1].strip() for line in file if line.startswith("| ")}
        report.same("SECOND-OPINION.md tells of each kind", {title for title, _, _ in DECIDED} - told, set())
        report.check("every difference is a decided one", not undecided, "%d are not" % sum(map(len, undecided.values())))


def fill(ours, theirs):
    """Both get the same mails; returns their names. What our scanner refuses, neither has."""
    names = []
    for index, (_, name, content) in enumerate([("", name, content) for name, content in mails.sample().items()] + list(mails.corpus())):
        message = wire.normalised(content)
        given = '"%02d-%s-2026 %02d:%02d:00 %s"' % (1 + index % 28, ("Jan", "Feb", "Mar", "Apr")[index // 28 % 4], index % 24, index % 60,
                                                   ("+0000", "-0700", "+0530")[index % 3])
        flags = " ".join(["\\Seen"] * (index % 2) + ["\\Flagged"] * (index % 3 == 0) + ["$Label1"] * (index % 5 == 0))
        command = ["APPEND INBOX", "(%s)" % flags, given, message]
        if not ours.ask(command)[0].startswith(b"OK"):
            continue
        answer = theirs.ask(command)[0]
        if not answer.startswith(b"OK"):
            raise wire.Refused("Dovecot refuses %s: %r" % (name, answer))
        names.append(name)
    return names


# --- structures -------------------------------------------------------------------------------------------------------

def parts(structure, path=""):
    """{section: (kind, fields)} of a BODYSTRUCTURE: kind is multipart, message, or single."""
    found = {}
    if isinstance(structure[0], list):
        inner = [part for part in structure if isinstance(part, list)]
        count = next((i for i, part in enumerate(structure) if not isinstance(part, list)), len(structure))
        found[path or ""] = ("multipart", structure[count:])
        for number, part in enumerate(inner[:count], 1):
            found.update(parts(part, "%s.%d" % (path, number) if path else str(number)))
        return found
    section = path or "1"
    kind = (structure[0] or b"").upper(), (structure[1] or b"").upper()
    if kind in ((b"MESSAGE", b"RFC822"), (b"MESSAGE", b"GLOBAL")) and len(structure) > 8 and isinstance(structure[8], list):
        found[section] = ("message", structure[:8] + structure[9:])
        below = structure[8]
        inner = parts(below, section if isinstance(below[0], list) else section + ".1")
        for name, value in inner.items():
            found.setdefault(name, value) if name != section else found.__setitem__(section + " inner", value)
    else:
        found[section] = ("single", structure)
    return found


ENVELOPE = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")
SINGLE = ("type", "subtype", "parameters", "id", "description", "encoding", "octets")


def lower(value):
    return value.upper() if isinstance(value, bytes) else value


def pairs(value):
    """A parameter list, names in one case."""
    if value is None:
        return None
    return [(lower(name), text) for name, text in zip(value[::2], value[1::2])]


def compare_envelopes(differences, where, number, ours, theirs):
    for name, mine, other in zip(ENVELOPE, ours, theirs):
        differences.same("ENVELOPE", "%s %s" % (where, name), number, mine, other)


def compare_part(differences, number, section, ours, theirs):
    kind, mine = ours
    other_kind, other = theirs
    if not differences.same("BODYSTRUCTURE", "BODYSTRUCTURE kind", number, kind, other_kind, section):
        return
    if kind == "multipart":
        fields = ("subtype", "parameters", "disposition", "language", "location")
    else:
        fields = SINGLE
        if kind == "message":
            fields += ("envelope", "lines")
        elif (mine[0] or b"").upper() == b"TEXT":
            fields += ("lines",)
        fields += ("md5", "disposition", "language", "location")
    for name, a, b in zip(fields, list(mine) + [None] * 9, list(other) + [None] * 9):
        if name == "envelope":
            compare_envelopes(differences, "inner ENVELOPE", number, a, b)
            continue
        if name == "parameters":
            a, b = pairs(a), pairs(b)
        elif name in ("type", "subtype", "encoding"):
            a, b = lower(a), lower(b)
        elif name == "disposition" and a and b:
            a, b = (lower(a[0]), pairs(a[1])), (lower(b[0]), pairs(b[1]))
        differences.same("BODYSTRUCTURE", "BODYSTRUCTURE %s %s" % (kind, name), number, a, b, section)


def compare_structures(differences, count, ours, theirs):
    """Returns {number: sections that both have}."""
    common = {}
    for start in range(1, count + 1, 100):
        numbers = "%d:%d" % (start, min(count, start + 99))
        items = "(RFC822.SIZE INTERNALDATE FLAGS ENVELOPE BODYSTRUCTURE BODY)"
        mine, other = ours.fetch(numbers, items), theirs.fetch(numbers, items)
        for number in range(start, min(count, start + 99) + 1):
            a, b = mine[number], other[number]
            differences.same("RFC822.SIZE", "RFC822.SIZE", number, a["RFC822.SIZE"], b["RFC822.SIZE"])
            differences.same("INTERNALDATE", "INTERNALDATE", number, a["INTERNALDATE"], b["INTERNALDATE"])
            differences.same("FLAGS", "FLAGS", number, sorted(a["FLAGS"]), sorted(b["FLAGS"]))
            compare_envelopes(differences, "ENVELOPE", number, a["ENVELOPE"], b["ENVELOPE"])
            first, second = parts(a["BODYSTRUCTURE"]), parts(b["BODYSTRUCTURE"])
            differences.same("BODYSTRUCTURE", "BODYSTRUCTURE sections", number, sorted(first), sorted(second))
            common[number] = {}
            for section in sorted(set(first) & set(second)):
                compare_part(differences, number, section, first[section], second[section])
                if first[section][0] == second[section][0] and " " not in section:
                    common[number][section] = first[section]
    return common


def section_items(structure, size):
    """All that can be asked of the sections of one message."""
    items = ["BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[HEADER.FIELDS (From SUBJECT received)]",
             "BODY.PEEK[HEADER.FIELDS.NOT (From SUBJECT received)]", "BODY.PEEK[]<0.100>", "BODY.PEEK[TEXT]<7.50>",
             "BODY.PEEK[HEADER]<20.30>", "BODY.PEEK[]<%d.10>" % (size - 4), "BODY.PEEK[]<%d.10>" % size, "BODY.PEEK[99]"]
    for section, (kind, fields) in structure.items():
        if not section:
            continue
        items += ["BODY.PEEK[%s]" % section, "BODY.PEEK[%s.MIME]" % section, "BODY.PEEK[%s]<3.40>" % section]
        if kind == "message":
            items += ["BODY.PEEK[%s.HEADER]" % section, "BODY.PEEK[%s.TEXT]" % section, "BODY.PEEK[%s.TEXT]<3.20>" % section,
                      "BODY.PEEK[%s.HEADER.FIELDS (SUBJECT)]" % section]
    return items


def compare_sections(differences, common, ours, theirs):
    for number, structure in common.items():
        size = int(ours.fetch(number, "(RFC822.SIZE)")[number]["RFC822.SIZE"])
        items = section_items(structure, size)
        for start in range(0, len(items), 60):
            some = "(%s)" % " ".join(items[start:start + 60])
            mine, other = ours.fetch(number, some)[number], theirs.fetch(number, some)[number]
            for key in sorted(set(mine) | set(other)):
                kind = re.sub(r"\d+(\.\d+)*", "N", key)
                differences.same("sections", kind, number, mine.get(key, "absent"), other.get(key, "absent"), key)


def binary(imap, number, section):
    """(size, content) of a part, decoded; the response code where the server cannot."""
    answer, untagged = imap.ask("FETCH %d (BINARY.SIZE[%s] BINARY.PEEK[%s])" % (number, section, section))
    if not answer.startswith(b"OK"):
        return (re.search(rb"\[[A-Z-]+\]", answer) or re.match(rb"\S+", answer)).group()
    for response in untagged:
        words = response.split(b" ", 3)
        if words[2:3] == [b"FETCH"]:
            values = wire.parse(words[3])[0]
            return dict(zip([key.upper() for key in values[::2]], values[1::2]))
    return None


def compare_binary(differences, common, ours, theirs, again):
    """Dovecot 2.3 ends the connection over some parts (an assertion of its own): those are passed over."""
    for number, structure in common.items():
        for section, (kind, fields) in structure.items():
            if kind != "single":
                continue
            mine = binary(ours, number, section)
            try:
                other = binary(theirs, number, section)
            except ConnectionError:
                theirs = again()
                print("     Dovecot ends at BINARY of %s, part %s" % (differences.names[number - 1], section))
                continue
            differences.same("BINARY", "BINARY", number, mine, other, section)
    return theirs


# --- searching --------------------------------------------------------------------------------------------------------

def words_of(text, least=4):
    """Words to search for, but those that Dovecot's own words for missing addresses hold."""
    return [word for word in re.findall(r"[^\W\d_]+", text)
            if len(word) >= least and not re.search("(?i)" + re.escape(word), "MISSING_DOMAIN MISSING_MAILBOX SYNTAX_ERROR")]


def decoded(value):
    """A header field as text."""
    try:
        return str(email.header.make_header(email.header.decode_header(value.decode("ascii"))))
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return value.decode("utf-8", "replace")


def queries(stored, seed=9051):
    """[(kind, search program)]: words taken from the mails, dates, sizes, flags."""
    dice, found = random.Random(seed), []
    for number in sorted(stored):
        message = stored[number]
        header, _, body = message.partition(b"\r\n\r\n")
        fields = {name.lower(): value for name, value in
                  re.findall(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", header.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "), re.MULTILINE)}
        for key, field in (("SUBJECT", b"subject"), ("FROM", b"from"), ("TO", b"to"), ("CC", b"cc"), ("HEADER Received", b"received")):
            words = words_of(decoded(fields.get(field, b"")))
            if words and dice.random() < 0.06:
                found.append((key.split()[0], [key, dice.choice(words).encode()]))
        lines = [line for line in body.split(b"\r\n") if line.isascii() and b"=" not in line and b"<" not in line and b" " in line]
        if lines and dice.random() < 0.02:
            words = words_of(dice.choice(lines).decode())
            if words:
                word = dice.choice(words).encode()
                found += [("BODY", ["BODY", word]), ("TEXT", ["TEXT", word])]
        if lines and dice.random() < 0.01:
            phrase = dice.choice(lines).strip()[:40].strip()
            if len(phrase) > 10:
                found.append(("BODY", ["BODY", phrase]))
    for word in ("Grüße", "über", "größe", "ИНФОРМАЦИЯ", "информация", "日本", "ÉTÉ", "São", "é", "エラー"):
        found += [(key, [key, word.encode()]) for key in ("SUBJECT", "TEXT", "BODY", "FROM")]
    for day in ("1-Jan-2001", "15-Jun-2002", "31-Dec-2008", "29-Feb-2012", "2-Mar-2026", "1-Apr-2026", "14-Jan-2026"):
        found += [(key, [key + " " + day]) for key in ("SENTBEFORE", "SENTON", "SENTSINCE", "BEFORE", "ON", "SINCE")]
    for size in (0, 500, 3000, 3001, 20000, 1000000):
        found += [("LARGER", ["LARGER %d" % size]), ("SMALLER", ["SMALLER %d" % size])]
    for program in ("ALL", "SEEN UNFLAGGED", "KEYWORD $Label1 NOT FLAGGED", "OR SEEN (FLAGGED UNKEYWORD $Label1)", "NOT (OR SEEN FLAGGED)",
                    "2:200,300:* FLAGGED", "UID 1:50", "UNDELETED UNDRAFT UNANSWERED"):
        found.append(("flags", [program]))
    for field in ("Message-ID", "In-Reply-To", "X-Mailer", "List-Id", "Cc", "Reply-To"):
        found.append(("HEADER", ["HEADER %s" % field, b""]))
    return found


def numbers_found(answers):
    return {int(n) for answer in answers if answer.startswith(b"* SEARCH") for n in answer.split()[2:]}


def compare_searches(differences, stored, ours, theirs):
    for kind, program in queries(stored):
        charset = "CHARSET UTF-8 " if any(isinstance(part, bytes) and not part.isascii() for part in program) else ""
        command = ["SEARCH " + charset + program[0], *program[1:]]
        mine, other = numbers_found(ours.do(command)), numbers_found(theirs.do(command))
        differences.compared["SEARCH"] += 1
        for number in mine ^ other:
            differences.note("SEARCH " + kind, number, number in mine, number in other, program)


def capabilities(imap):
    return {word.decode() for answer in imap.do("CAPABILITY") if answer.startswith(b"* CAPABILITY") for word in answer.split()[2:]}


def threads(answers):
    """What THREAD answers, as nested lists of numbers."""
    for answer in answers:
        if answer.startswith(b"* THREAD"):
            return wire.parse(answer[len(b"* THREAD"):].replace(b")(", b") ("))
    return []


def set_of(numbers):
    """As a sequence set."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join("%d:%d" % (first, last) for first, last in runs)


def compare_orders(differences, stored, ours, theirs, announced):
    """SORT and THREAD, of the mails whose dates, subjects and addresses both read alike: the rest is decided by their envelopes."""
    dates = {number for number, message in stored.items() if has_odd_date(message)}
    subjects = {number for number, message in stored.items() if has_odd_subject(message)} | differences.numbers("ENVELOPE subject")
    sources = {"DATE": dates, "SUBJECT": subjects}
    for field in ("FROM", "TO", "CC"):
        sources[field] = sources["DISPLAY" + field] = differences.numbers("ENVELOPE " + field.lower())
    if "SORT" in announced:
        keys = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "REVERSE DATE", "REVERSE SUBJECT", "SUBJECT REVERSE SIZE"]
        keys += ["DISPLAYFROM", "DISPLAYTO", "REVERSE DISPLAYFROM DATE"] if "SORT=DISPLAY" in announced else []
        for key in keys:
            left_out = set().union(*(sources.get(word, set()) for word in key.split()))
            command = "SORT (%s) UTF-8 %s" % (key, set_of(stored.keys() - left_out))
            mine, other = ([int(n) for answer in one.do(command) if answer.startswith(b"* SORT") for n in answer.split()[2:]]
                           for one in (ours, theirs))
            differences.compared["SORT"] += len(mine)
            if mine != other:
                first = next(i for i, (a, b) in enumerate(zip(mine, other)) if a != b)
                differences.note("SORT " + key, mine[first], mine[first:first + 8], other[first:first + 8], "%d apart" % first)
    for algorithm in ("ORDEREDSUBJECT", "REFERENCES", "REFS"):
        if "THREAD=" + algorithm in announced:
            left_out = dates if algorithm == "REFS" else dates | subjects
            command = "THREAD %s UTF-8 %s" % (algorithm, set_of(stored.keys() - left_out))
            mine, other = (threads(one.do(command)) for one in (ours, theirs))
            differences.compared["THREAD " + algorithm] += len(mine)
            for thread in mine:
                if thread not in other:
                    numbers = set(re.findall(r"\d+", repr(thread)))
                    differences.note("THREAD " + algorithm, int(min(numbers, key=int)), thread,
                                     [one for one in other if numbers & set(re.findall(r"\d+", repr(one)))])
            if sorted(mine, key=repr) == sorted(other, key=repr) and mine != other:
                first = next(i for i, (a, b) in enumerate(zip(mine, other)) if a != b)
                differences.note("THREAD %s order" % algorithm, 1, mine[first:first + 5], other[first:first + 5], "thread %d" % first)


def test(report, office, given):
    dovecot = servers.Dovecot("Dovecot", "maildir", servers.HIGH_PERFORMANCE, Like(office))
    try:
        address, password = office.account("second")
        ours = office.imap(address, password)

        def other_side():
            imap = wire.Imap("127.0.0.1", dovecot.ports["imap"], False)
            imap.login("second", "bench")
            return imap

        def again():
            imap = other_side()
            imap.select(readonly=True)
            return imap
        theirs = other_side()
        names = fill(ours, theirs)
        print("%d mails are with both (Dovecot %s)" % (len(names), dovecot.version))
        differences = Differences(names)
        report.same("both have as many", ours.select(readonly=True), theirs.select(readonly=True))
        common = compare_structures(differences, len(names), ours, theirs)
        compare_sections(differences, common, ours, theirs)
        stored = {number: row["BODY[]"] for number, row in ours.fetch("1:*", "(BODY.PEEK[])").items()}
        compare_searches(differences, stored, ours, theirs)
        announced = capabilities(ours) & capabilities(theirs)
        print("both announce " + " ".join(sorted(announced)))
        if "BINARY" in announced:
            theirs = compare_binary(differences, common, ours, theirs, again)
        compare_orders(differences, stored, ours, theirs, announced)
        differences.judge(report, stored)
    finally:
        dovecot.stop()


if not os.path.exists(mails.CORPUS):
    server.skip("the corpus is not here")
server.needs("dovecot")
server.main("second_opinion", test, remote=False)
