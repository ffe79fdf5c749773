"""Every wrapping and every file of clamav-testfiles by every way in: delivered, appended, imported. Each has its verdict, and the
policy's answer to it: the default's, and that of an account that wants nothing which is not clean."""
import http.client
import json
import os
import tempfile
import time
import urllib.parse

import made_signatures
import scan_wrappings
import server
import wire

MARKS = {"encrypted": "$Encrypted", "limit": "$Unscanned", "broken": "$Unscanned", "macros": "$Suspicious", "phishing": "$Suspicious",
         "attachment": "$Suspicious"}
STRICT = {line: "reject" for line in ("infected", "encrypted", "macros", "phishing", "limits", "attachments", "unscannable")}


def imported(office, address, mail):
    """POST …/messages; returns (status, answer)."""
    connection = http.client.HTTPSConnection(office.host, office.ports["admin"], timeout=120, context=wire.unverified())
    connection.request("POST", "/api/v1/accounts/%s/mailboxes/INBOX/messages" % urllib.parse.quote(address), mail,
                       {"Authorization": "Bearer " + office.mail_token, "Content-Type": "message/rfc822"})
    answer = connection.getresponse()
    result = answer.status, json.loads(answer.read())
    connection.close()
    return result


def last_flags(imap):
    """What the youngest mail of INBOX bears of the server's own keywords."""
    imap.do("NOOP")
    return {mark for flags in imap.flags("*").values() for mark in flags & set(MARKS.values())}


class Table:
    def __init__(self, report, office):
        self.report, self.office = report, office
        status = office.api("POST", "/tokens", {"name": "table-mail", "scopes": ["mail"]})
        office.mail_token = status["token"]
        self.usual, self.strict = office.account("usual"), office.account("strict")
        office.api("PATCH", "/accounts/" + urllib.parse.quote(self.strict[0]), {"scan": STRICT})
        self.imap = office.imap(*self.usual)
        self.imap.select()
        self.strict_imap = office.imap(*self.strict)

    def entries(self):
        return [item for item in self.office.items("/quarantine") if item["account"] == self.usual[0]]

    def expect(self, title, way, wanted, found):
        self.report.same("%s, %s" % (title, way), found, wanted)

    def row(self, title, mail, found):
        words = found.split()
        marks = {MARKS[word] for word in words if word in MARKS}
        infected = words == ["infected"]
        began = time.monotonic()
        before = len(self.entries())
        self.office.deliver(self.usual[0], mail)
        spent = time.monotonic() - began
        after = self.entries()
        if infected:
            self.expect(title, "delivered: kept aside", (before + 1, "infected"), (len(after), after[-1]["reason"] if after else ""))
        else:
            self.expect(title, "delivered: marks", (before, marks), (len(after), last_flags(self.imap)))

        answer = self.imap.append("INBOX", mail)
        if infected:
            self.report.check(title + ", appended: refused", answer.startswith(b"NO [CANNOT]"), answer)
        elif self.report.check(title + ", appended: taken", answer.startswith(b"OK"), answer):
            self.expect(title, "appended: marks", marks, last_flags(self.imap))

        status, said = imported(self.office, self.usual[0], mail)
        self.expect(title, "imported", (201, "quarantined" if infected else "stored"), (status, said.get("outcome")))
        if not infected:
            self.expect(title, "imported: marks", marks, last_flags(self.imap))

        self.strictly(title, mail, words)
        return spent

    def strictly(self, title, mail, words):
        with self.office.lmtp() as lmtp:
            reply = lmtp.deliver("sender@elsewhere.test", self.strict[0], mail)[0]
        appended = self.strict_imap.append("INBOX", mail)
        status, _ = imported(self.office, self.strict[0], mail)
        wanted = (b"250", True, 201) if not words else (b"550", False, 422)
        self.expect(title, "where nothing is taken that is not clean", wanted, (reply[:3], appended.startswith(b"OK"), status))
        if words and words[0] != "infected":
            self.report.check(title + ", the refusal says why", any(word.encode() + b": " in reply for word in words), reply)


def test(report, office, given):
    table = Table(report, office)
    times = []
    for title, mail, found in (*scan_wrappings.wrappings(), *scan_wrappings.test_files()):
        times.append((table.row(title, mail, found), found or "clean", title))
    print("\nslowest deliveries:")
    for spent, found, title in sorted(times, reverse=True)[:12]:
        print("  %6.0f ms  %-10s %s" % (1000 * spent, found, title))


with tempfile.TemporaryDirectory() as made:
    os.chmod(made, 0o755)  # the scanner reads it as another user
    server.main("scan_table", test, made_signatures.options(made), remote=False)
