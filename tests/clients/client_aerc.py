"""aerc in a terminal of its own, over TLS, with STARTTLS and in the clear: filters, copies, moves, flags, deletes, reads, is told of new mail,
postpones a draft, and leaves."""
import os
import tempfile
import urllib.parse

import flow
import mails
import server
from terminal import Terminal

CONFIG = """[office]
source = {scheme}://{user}:{password}@{host}:{port}
default = INBOX
from = Someone <{address}>
postpone = Drafts
check-mail = 0
"""
SCHEMES = {"TLS": "imaps", "STARTTLS": "imap", "in the clear": "imap+insecure"}


def start(office, way, service, address, password, folder):
    os.mkdir(os.path.join(folder, "aerc"))
    config = os.path.join(folder, "aerc", "accounts.conf")
    with open(config, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(CONFIG.format(scheme=SCHEMES[way], user=urllib.parse.quote(address, ""), password=urllib.parse.quote(password, ""),
                                 host=office.name, port=office.ports[service], address=address))
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"), folder)
    return Terminal(["aerc"], {**places, "SSL_CERT_FILE": office.certificate(folder), "EDITOR": "true"})


def content_of(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def only(subject, words):
    """The screen when one mail is left of the list, and loaded."""
    return r"(?s)Carol[^|]* %s .*[|] filter %s " % (subject, words)


def test(report, office, given):
    for way, service in flow.WAYS:
        address, password = office.account("aerc")
        for message in mails.to_handle():
            office.deliver(address, message)
        imap = office.imap(address, password)
        with tempfile.TemporaryDirectory() as folder:
            client = start(office, way, service, address, password, folder)
            read = os.path.join(folder, "read")

            def subjects(box):
                return [subject for subject, _ in flow.mailboxes(imap)[box]]

            def flagged():
                return {subject for subject, flags in flow.mailboxes(imap)["INBOX"] if "\\Flagged" in flags}

            steps = (  # (what it does, what it shows, what is typed then, what the server has after it)
                ("it searches for a word", "for the archive", ":filter -b bridge", None),
                ("it copies the mail that has it", only("plan", "-b bridge"), ":select 0\r:copy Sent", lambda: subjects("Sent") == ["plan"]),
                ("it shows another", "", ":clear\r:filter unwanted", None),
                ("it deletes a mail", only("unwanted", "unwanted"), ":select 0\r:delete", lambda: "unwanted" not in subjects("INBOX")),
                ("it shows a third", "", ":clear\r:filter archive", None),
                ("it moves a mail", only("for the archive", "archive"), ":select 0\r:move Archive", lambda: subjects("Archive") == ["for the archive"]),
                ("it shows the first again", "", ":clear\r:filter plan", None),
                ("it flags a mail", only("plan", "plan"), ":select 0\r:flag -x Flagged", lambda: flagged() == {"plan"}),
                ("it reads a mail", "", ":pipe -b -m tee " + read, lambda: b"bridge.\r\n" in content_of(read)),
                ("it shows all of them", "", ":clear", lambda: office.deliver(address, mails.plain("news")) or True),
                ("it is told of new mail", "news", ":compose -H \"Subject: a draft\" -H \"To: friend@elsewhere.test\"", None),
                ("it postpones a draft", "Send this email", ":postpone", lambda: subjects("Drafts") == ["a draft"]),
            )
            for claim, cue, keys, effect in steps:
                shown = not cue or client.comes_to_show(cue)
                if shown:
                    client.keys(keys + "\r")
                if not report.check("%s: %s" % (way, claim), shown and (not effect or flow.within(30, lambda: client.more(0.05) and effect(), 0)),
                                    client.drawn[-1500:]):
                    break
            client.keys(":quit -f\r")
            report.same(way + ": it leaves", client.end(20), 0)
            report.check(way + ": what it read is the server's", content_of(read) in imap.messages().values())
            report.same(way + ": what it left is in INBOX", subjects("INBOX"), ["with an attachment", "plan", "news"])
            imap.logout()


server.needs("aerc")
server.main("client_aerc", test, {"auth.plaintext": "loopback"})
