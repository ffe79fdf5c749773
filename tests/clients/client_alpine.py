"""alpine in a terminal of its own, over TLS, with STARTTLS and in the clear: reads, flags, searches, copies, deletes, sees new mail,
postpones a draft, and leaves."""
import os
import tempfile

import flow
import mails
import server
from terminal import Terminal

CONFIG = """
personal-name=Someone
user-domain=office.test
inbox-path={box}INBOX
folder-collections=Office {box}[]
default-fcc=""
postponed-folder=Drafts
last-version-used=9.99
feature-list=quit-without-confirm,expunge-without-confirm-everywhere,enable-flag-cmd,enable-aggregate-command-set,
 save-will-not-delete,no-auto-move-read-msgs
"""
WORDS = {"TLS": "/ssl", "STARTTLS": "/tls", "in the clear": "/notls"}

FIRST_PART = (  # (what it shows, what is typed then)
    ("ENTER PASSWORD", "{password}\r"),
    ("Preserve password", "n"),
    ("plan", "\x19\r"),
    ("MESSAGE TEXT.*Message 1 of 4", "e"),
    ("EXPORT", "first\r"),
    ("exported to file", "*"),
    ("Flag New", "\r"),
    ("mportant", "<"),
    ("MESSAGE INDEX", ";"),
    ("SELECT criteria", "t"),
    ("Select based on", "b"),
    ("BODYTEXT", "bridge\r"),
    ("matched 1 message", "s"),
    ("to folder", "Sent\r"),
    ("opied|DONE", "z"),
    ("unwanted", "2"),
    ("to jump to", "\r"),
    ("unwanted", "d"),
    ("marked for deletion", "s"),
    ("to folder", "Archive\r"),
    ("opied|DONE", "d"),
    ("marked for deletion", "x"),
    ("xpunged", ""),
)
SECOND_PART = (
    ("news", "c"),
    ("COMPOSE", "friend@elsewhere.test\r\r\ra draft\rLater.\x0f"),
    ("message +DONE|Composition postponed", "q"),
)


def play(client, steps, **words):
    """Types each answer when its cue is shown; the cue that did not come, or None."""
    for cue, keys in steps:
        if not client.shows(cue):
            return cue
        client.keys(keys.format(**words))
    return None


def test(report, office, given):
    for way, service in flow.WAYS:
        address, password = office.account("alpine")
        for message in mails.to_handle():
            office.deliver(address, message)
        with tempfile.TemporaryDirectory() as folder:
            box = "{%s:%d%s/novalidate-cert/user=%s}" % (office.host, office.ports[service], WORDS[way], address)
            with open(os.path.join(folder, "pinerc"), "w") as file:
                file.write(CONFIG.format(box=box))
            client = Terminal(["alpine", "-p", os.path.join(folder, "pinerc"), "-passfile", os.path.join(folder, "passwords"), "-i"],
                              {"HOME": folder})
            missing = play(client, FIRST_PART, password=password, folder=folder)
            office.deliver(address, mails.plain("news"))
            if not missing:
                client.keys("\x0c")
                missing = play(client, SECOND_PART)
            if not report.check(way + ": it reads, searches, deletes, sees new mail and postpones", not missing, missing):
                print(client.drawn[-2500:])
            report.same(way + ": it leaves", client.end(1 if missing else 60), 0)
            imap = office.imap(address, password)
            there = flow.mailboxes(imap)
            try:
                with open(os.path.join(folder, "first"), "rb") as file:
                    exported = file.read()
            except OSError:
                exported = b""
            report.check(way + ": it reads the text of the mail, and what is attached", b"\nSee the attachment.\n" in exported and b"report.bin" in exported, exported[:300])
            report.same(way + ": what it flagged, left and read is in INBOX", [(subject, "\\Flagged" in flags) for subject, flags in there["INBOX"][1:]],
                        [("plan", False), ("news", False)])
            report.check(way + ": ... and has its flags", {"\\Flagged", "\\Seen"} <= there["INBOX"][0][1], there["INBOX"])
            report.same(way + ": the copy is in Sent", [subject for subject, _ in there["Sent"]], ["plan"])
            report.same(way + ": the saved one is in Archive", [subject for subject, _ in there["Archive"]], ["for the archive"])
            report.same(way + ": the draft is in Drafts", [subject for subject, _ in there["Drafts"]], ["a draft"])
            imap.logout()


server.needs("alpine")
server.main("client_alpine", test, {"auth.plaintext": "loopback"})
