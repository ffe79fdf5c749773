"""neomutt in a terminal of its own, over TLS, with STARTTLS and in the clear: reads, searches, flags, copies, saves, deletes, sees new mail,
postpones a draft, and leaves."""
import os
import tempfile

import flow
import mails
import server
from terminal import Terminal

CONFIG = """
set folder="{url}"
set spoolfile="{url}INBOX"
set imap_user="{user}"
set imap_pass="{password}"
set imap_check_subscribed=no
set imap_idle=no
set ssl_starttls={starttls}
set ssl_force_tls={force}
set certificate_file="{certificate}"
set ssl_verify_host=no
set postponed="=Drafts"
set record=""
set from="{user}"
set move=no
set delete=yes
set quit=yes
set mark_old=no
set sort=mailbox-order
set wait_key=no
set confirmappend=no
set confirmcreate=no
set pipe_decode=no
set resolve=no
set copy=no
set editor="printf 'Later.\\\\n' >>"
set abort_unmodified=no
set abort_nosubject=no
set fast_reply=yes
set edit_headers=no
push "{keys}"
"""

KEYS = ("<first-entry><pipe-message>cat > {0}/first<enter><flag-message>"
        "<limit>=b bridge<enter><first-entry><pipe-message>cat > {0}/found<enter><copy-message><kill-line>=Sent<enter><limit>all<enter>"
        "<first-entry><next-entry><delete-message><next-entry><save-message><kill-line>=Archive<enter><sync-mailbox>"
        "<shell-escape>touch {0}/waits; while [ ! -e {0}/news ]; do sleep 0.05; done<enter><imap-fetch-mail><last-entry><pipe-message>cat > {0}/last<enter>"
        "<mail>friend@elsewhere.test<enter>a draft<enter><postpone-message><quit>")


def read(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def test(report, office, given):
    for way, service in flow.WAYS:
        address, password = office.account("neomutt")
        for message in mails.to_handle():
            office.deliver(address, message)
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "neomuttrc")
            with open(config, "w") as file:
                file.write(CONFIG.format(url="%s://%s:%d/" % (service, office.host, office.ports[service]), user=address, password=password,
                                         starttls="yes" if way == "STARTTLS" else "no", force="no" if way == "in the clear" else "yes",
                                         certificate=office.certificate(folder), keys=KEYS.format(folder)))
            client = Terminal(["neomutt", "-n", "-F", config], {"HOME": folder})
            waits = flow.within(60, lambda: client.more(0.1) and os.path.exists(os.path.join(folder, "waits")), 0)
            report.check(way + ": it opens the mailbox and works", waits, "" if waits else client.drawn[-1500:])
            office.deliver(address, mails.plain("news"))
            with open(os.path.join(folder, "news"), "w"):
                pass
            report.same(way + ": it does its work and leaves", client.end(), 0)
            imap = office.imap(address, password)
            there = flow.mailboxes(imap)
            stored = next(iter(imap.messages().values()), b"")
            report.same(way + ": the mail it read is the server's", read(folder, "first").rstrip(b"\n"), stored.replace(b"\r\n", b"\n").rstrip(b"\n"))
            report.check(way + ": the mail with that word is found", b"Subject: plan" in read(folder, "found"))
            report.check(way + ": new mail is seen", b"Subject: news" in read(folder, "last"))
            report.same(way + ": what it flagged, left and read is in INBOX",
                        [(subject, "\\Flagged" in flags) for subject, flags in there["INBOX"]], [(there["INBOX"][0][0], True), ("plan", False), ("news", False)])
            report.same(way + ": the copy is in Sent", [subject for subject, _ in there["Sent"]], ["plan"])
            report.same(way + ": the saved one is in Archive", [subject for subject, _ in there["Archive"]], ["for the archive"])
            report.same(way + ": the draft is in Drafts", [subject for subject, _ in there["Drafts"]], ["a draft"])
            imap.logout()
            if report.failed:
                print(client.drawn[-2500:])


server.needs("neomutt")
server.main("client_neomutt", test, {"auth.plaintext": "loopback"})
