"""offlineimap3, both ways, over TLS, with STARTTLS and in the clear: a Maildir that follows the server, and a server that follows it."""
import glob
import os
import subprocess
import tempfile

import flow
import mails
import server

CONFIG = """[general]
accounts = office
ui = basic
metadata = {folder}/state

[Account office]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {folder}/near

[Repository far]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {ssl}
starttls = {starttls}
sslcacertfile = {certificate}
"""


def test(report, office, given):
    for way, service in flow.WAYS:
        address, password = office.account("offlineimap")
        for message in (mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third"), mails.plain("fourth")):
            office.deliver(address, message)
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "offlineimaprc")
            with open(config, "w") as file:
                file.write(CONFIG.format(folder=folder, host=office.name, port=office.ports[service], user=address,
                                         password=password.replace("%", "%%"), ssl="yes" if way == "TLS" else "no",
                                         starttls="yes" if way == "STARTTLS" else "no", certificate=office.certificate(folder)))

            def run():
                return subprocess.run(["offlineimap", "-c", config, "-o", "-1"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=120, env={**os.environ, "HOME": folder})

            def sync(claim):
                done = run()
                report.check("%s: %s" % (way, claim), done.returncode == 0, (done.stdout + done.stderr)[-800:])

            def maildir(box="INBOX"):
                """{subject: path} of a mailbox of the Maildir."""
                found = {}
                for path in glob.glob(os.path.join(folder, "near", box, "[nc]*", "*")):
                    with open(path, "rb") as file:
                        found[file.read().split(b"Subject: ")[1].split(b"\n")[0].strip().decode()] = path
                return found

            def flag(path, flags):
                os.rename(path, os.path.join(os.path.dirname(os.path.dirname(path)), "cur",
                                             os.path.basename(path).split(":")[0] + ":2," + flags))

            sync("the first run fetches everything")
            imap = office.imap(address, password)
            stored = {message.replace(b"\r\n", b"\n") for message in imap.messages().values()}
            here = set()
            for path in maildir().values():
                with open(path, "rb") as file:
                    here.add(file.read().replace(b"\r\n", b"\n"))
            report.same(way + ": the four mails are in the Maildir byte for byte", here, stored)
            report.check(way + ": all six mailboxes came", all(os.path.isdir(os.path.join(folder, "near", box, "cur"))
                                                               for box in ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")))

            paths = maildir()
            flag(paths["third"], "FS")
            os.remove(paths["fourth"])
            with open(os.path.join(folder, "near", "Sent", "cur", "1.offline.host:2,S"), "wb") as file:
                file.write(mails.plain("written offline", "See you.\r\n").replace(b"\r\n", b"\n"))
            for part in ("", "cur", "new", "tmp"):
                os.mkdir(os.path.join(folder, "near", "Made offline", part))
            sync("the second run brings the Maildir's changes to the server")
            there = flow.mailboxes(imap)
            report.same(way + ": flags and the deletion are on the server",
                        (len(there["INBOX"]), dict(there["INBOX"]).get("third")), (3, {"\\Flagged", "\\Seen"}))
            report.same(way + ": the letter is in the server's Sent", there["Sent"], [("written offline", {"\\Seen"})])
            report.check(way + ": the new folder is a mailbox", "Made offline" in there, sorted(there))

            flow.change_meanwhile(imap)
            sync("the third run brings the server's changes to the Maildir")
            paths = maildir()
            report.same(way + ": the mail deleted on the server is gone here", sorted(paths), ["dots", "third"])
            report.check(way + ": the flag set on the server is here", "R" in paths["dots"].rsplit(",", 1)[1], paths)
            report.same(way + ": the new mailbox and its mail are here", list(maildir("Projects.Bridge")), ["plan"])
            before = flow.mailboxes(imap)
            sync("a run with nothing to do")
            report.check(way + ": ... changes nothing", flow.mailboxes(imap) == before)
            imap.logout()


server.needs("offlineimap")
server.main("client_offlineimap", test, {"auth.plaintext": "loopback"})
