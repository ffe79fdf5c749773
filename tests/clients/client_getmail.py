"""getmail 6: POP3 and IMAP over TLS and in the clear (it begins no TLS inside), each mail to a program; leaves mail on the server, or takes it away."""
import glob
import os
import subprocess
import tempfile

import mails
import server


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        certificate = office.certificate(folder)
        for service, kind in (("pop3s", "SimplePOP3SSLRetriever"), ("pop3", "SimplePOP3Retriever"),
                              ("imaps", "SimpleIMAPSSLRetriever"), ("imap", "SimpleIMAPRetriever")):
            name = "%s %s" % (service[:4].upper(), "over TLS" if service.endswith("s") else "in the clear")
            address, password = office.account("getmail")
            for message in (mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third")):
                office.deliver(address, message)
            home = os.path.join(folder, service)
            inbox = os.path.join(home, "mails")
            os.makedirs(inbox)
            keeper = os.path.join(home, "keep.sh")
            with open(keeper, "w") as file:
                file.write('#!/bin/sh\nexec cat > "$(mktemp "%s/XXXXXX")"\n' % inbox)
            os.chmod(keeper, 0o755)

            def fetch(delete):
                with open(os.path.join(home, "getmailrc"), "w") as file:
                    file.write("[retriever]\ntype = %s\nserver = %s\nport = %d\nusername = %s\npassword = %s\n%s"
                               "[destination]\ntype = MDA_external\npath = %s\nallow_root_commands = true\n"
                               "[options]\nread_all = false\ndelete = %s\ndelivered_to = false\nreceived = false\n"
                               % (kind, office.name, office.ports[service], address, password,
                                  "ca_certs = %s\n" % certificate if service.endswith("s") else "", keeper, delete))
                return subprocess.run(["getmail", "--getmaildir", home, "--rcfile", os.path.join(home, "getmailrc")],
                                      capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": home})

            def fetched():
                found = []
                for path in glob.glob(os.path.join(inbox, "*")):
                    with open(path, "rb") as file:  # by IMAP it writes a header of its own
                        found.append(b"".join(line for line in file if not line.startswith(b"X-getmail-retrieved-from-mailbox:")))
                return sorted(found)

            imap = office.imap(address, password)
            stored = sorted(message.replace(b"\r\n", b"\n") for message in imap.messages().values())
            result = fetch("false")
            report.check(name + ": the mails are fetched", result.returncode == 0 and len(fetched()) == 3, result.stdout + result.stderr)
            report.same(name + ": they are the server's, byte for byte", fetched(), stored)
            result = fetch("false")
            report.check(name + ": by UIDL or UID they are known the second time", result.returncode == 0 and len(fetched()) == 3,
                         result.stdout + result.stderr)
            office.deliver(address, mails.plain("late"))
            result = fetch("true")
            report.check(name + ": only the new one is fetched", result.returncode == 0 and len(fetched()) == 4, result.stdout + result.stderr)
            report.same(name + ": with delete INBOX is empty", imap.select(), 0)
            imap.logout()


server.needs("getmail")
server.main("client_getmail", test, {"auth.plaintext": "loopback"})
