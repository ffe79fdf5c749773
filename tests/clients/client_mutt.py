"""mutt in a terminal of its own: reads, flags, copies, deletes, and leaves."""
import os
import tempfile

import mails
import server
from terminal import Terminal


def test(report, office, given):
    for service in ("imaps", "imap"):
        address, password = office.account("mutt")
        mail = mails.sample()["a multipart with an attachment"]
        for message in (mail, mails.plain("unwanted"), mails.plain("for the archive")):
            office.deliver(address, message)
        with tempfile.TemporaryDirectory() as folder:
            url = "%s://%s:%d/" % (service, office.host, office.ports[service])
            with open(os.path.join(folder, "muttrc"), "w") as file:
                file.write('set folder="%s"\nset spoolfile="%sINBOX"\nset imap_user="%s"\nset imap_pass="%s"\n'
                           'set ssl_starttls=yes\nset ssl_force_tls=yes\nset certificate_file="%s"\nset ssl_verify_host=no\n'
                           'set move=no\nset delete=yes\nset quit=yes\nset mark_old=no\nset sort=mailbox-order\nset wait_key=no\n'
                           'set confirmappend=no\nset confirmcreate=no\nset pipe_decode=no\nset resolve=no\nset copy=no\n'
                           'push "<first-entry><pipe-message>cat > %s/piped<enter><flag-message>'
                           '<next-entry><delete-message><next-entry><save-message><kill-line>=Archive<enter>'
                           '<sync-mailbox><quit>"\n'
                           % (url, url, address, password, office.certificate(folder), folder))
            client = Terminal(["mutt", "-n", "-F", os.path.join(folder, "muttrc")], {"HOME": folder})
            status = client.end(90)
            report.same(service + ": mutt does its work and leaves", status, 0)
            if status != 0:
                print(client.drawn[-1500:])
            imap = office.imap(address, password)
            stored = next(iter(imap.messages().values()), b"")
            try:
                with open(os.path.join(folder, "piped"), "rb") as file:
                    piped = file.read()
            except OSError:
                piped = b""
            report.check(service + ": the mail it read is the server's", piped.rstrip(b"\n") == stored.replace(b"\r\n", b"\n").rstrip(b"\n"),
                         "%d bytes for %d" % (len(piped), len(stored)))
            report.same(service + ": one mail is left in INBOX", imap.select(), 1)
            report.check(service + ": ... with the flag it set", "\\Flagged" in imap.flags().get(1, ()), imap.flags())
            report.same(service + ": the saved one is in Archive",
                        [b"for the archive" in message for message in imap.messages("Archive").values()], [True])
            imap.logout()


server.needs("mutt")
server.main("client_mutt", test)
