"""mbsync, both ways: what the server has comes to a Maildir, what is done in the Maildir comes to the server."""
import glob
import os
import subprocess
import tempfile

import flow
import mails
import server
import wire


def unix(message):
    """mbsync keeps lines with LF in a Maildir."""
    return message.replace(b"\r\n", b"\n")


def test(report, office, given):
    address, password = office.account("mbsync")
    sent = [mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third"),
            mails.plain("fourth")]
    for message in sent:
        office.deliver(address, message)
    with tempfile.TemporaryDirectory() as folder:
        near = os.path.join(folder, "near")
        os.mkdir(near)
        config = os.path.join(folder, "mbsyncrc")
        with open(config, "w") as file:
            file.write("IMAPAccount office\nHost %s\nPort %d\nUser %s\nPass %s\nSSLType IMAPS\nCertificateFile %s\n\n"
                       "IMAPStore far\nAccount office\n\n"
                       "MaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n"
                       "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
                       % (office.name, office.ports["imaps"], address, password, office.certificate(folder), near, near))

        def sync(claim):
            result = subprocess.run(["mbsync", "-c", config, "-a"], capture_output=True, text=True, timeout=120,
                                    env={**os.environ, "HOME": folder})
            report.check(claim, result.returncode == 0, result.stdout + result.stderr)

        def maildir(box="INBOX"):
            """{path: content} of a mailbox of the Maildir."""
            paths = glob.glob(os.path.join(near, box, "new", "*")) + glob.glob(os.path.join(near, box, "cur", "*"))
            found = {}
            for path in sorted(paths):
                with open(path, "rb") as file:
                    found[path] = file.read()
            return found

        def put(box, name, content):
            with open(os.path.join(near, box, "cur", name), "wb") as file:
                file.write(content)

        def flag(path, flags):
            os.rename(path, os.path.join(os.path.dirname(os.path.dirname(path)), "cur",
                                         os.path.basename(path).split(":")[0] + ":2," + flags))

        sync("the first run fetches everything")
        # mbsync writes a header of its own, X-TUID, into what it stores: it is not part of the mail.
        stored = {unix(message) for message in office.imap(address, password).messages().values()}
        here = {b"".join(line for line in content.splitlines(True) if not line.startswith(b"X-TUID: "))
                for content in maildir().values()}
        report.same("the four mails are in the Maildir byte for byte", here, stored)
        report.check("all six mailboxes came", all(os.path.isdir(os.path.join(near, box, "cur"))
                                                   for box in ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")))

        path_of = {content.split(b"Subject: ")[1].split(b"\n")[0]: path for path, content in maildir().items()}
        flag(path_of[b"third"], "FS")
        flag(path_of[b"fourth"], "T")
        letter = mails.plain("written offline", "See you.\r\n")
        put("Sent", "1.offline.host:2,S", unix(letter))
        sync("the second run brings the Maildir's changes to the server")
        imap = office.imap(address, password)
        report.same("the deleted mail is gone from the server", imap.select(), 3)
        flagged = [n for n, flags in imap.flags().items() if {"\\Flagged", "\\Seen"} <= flags]
        report.same("the flags are on the server", flagged, [3])
        copies = imap.messages("Sent")
        report.check("the letter is in the server's Sent", len(copies) == 1 and all(
            b"\r\n".join(line for line in copy.split(b"\r\n") if not line.startswith(b"X-TUID: ")) == letter
            for copy in copies.values()), copies)

        flow.change_meanwhile(imap)
        sync("the third run brings the server's changes to the Maildir")
        report.same("the mail deleted on the server is gone here", len(maildir()), 2)
        report.check("the flag set on the server is here", any(os.path.basename(path).split(",")[-1].count("R") for path in maildir()))
        report.same("the new mailbox and its mail are here", len(maildir("Projects/Bridge")), 1)
        before = imap.messages(), imap.messages("Sent")
        sync("a run with nothing to do")
        report.check("... changes nothing", (imap.messages(), imap.messages("Sent")) == before)
        imap.logout()


server.needs("mbsync")
server.main("client_mbsync", test)
