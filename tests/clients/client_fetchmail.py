"""fetchmail: by POP3 and by IMAP, keeping and taking away."""
import glob
import hashlib
import os
import ssl
import subprocess
import tempfile

import mails
import server


def test(report, office, given):
    sent = [mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third")]
    with tempfile.TemporaryDirectory() as folder:
        with open(office.certificate(folder)) as file:
            digest = hashlib.md5(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest().upper()
        fingerprint = ":".join(digest[at:at + 2] for at in range(0, 32, 2))
        inside, clear = "sslproto tls1.2+", "sslproto ''"
        for protocol, service, ways in (("pop3 uidl", "pop3s", "ssl"), ("imap", "imaps", "ssl"), ("pop3 uidl", "pop3", inside),
                                        ("imap", "imap", inside), ("pop3 uidl", "pop3", clear), ("imap", "imap", clear)):
            if ways == clear and office.is_remote:
                continue  # no password in the clear from outside, which is as it should be
            name = service + {inside: " with TLS begun inside", clear: " in the clear"}.get(ways, "")
            address, password = office.account("fetchmail")
            for message in sent:
                office.deliver(address, message)
            home = os.path.join(folder, name.replace(" ", "-"))
            inbox = os.path.join(home, "mails")
            os.makedirs(inbox)
            keeper = os.path.join(home, "keep.sh")
            with open(keeper, "w") as file:
                file.write('#!/bin/sh\nexec cat > "$(mktemp "%s/XXXXXX")"\n' % inbox)
            rc = os.path.join(home, "fetchmailrc")

            def fetch(*options):
                with open(rc, "w") as file:
                    file.write('poll %s protocol %s service %d\n  user "%s" password "%s" %s no sslcertck sslfingerprint "%s"\n'
                               '  no rewrite %s mda "/bin/sh %s"\n'
                               % (office.host, protocol, office.ports[service], address, password, ways, fingerprint,
                                  " ".join(options), keeper))
                os.chmod(rc, 0o600)
                return subprocess.run(["fetchmail", "-f", rc, "--nosyslog", "--nodetach", "--invisible"], capture_output=True,
                                      text=True, timeout=120, env={**os.environ, "FETCHMAILHOME": home, "HOME": home})

            def bodies():
                found = []
                for path in glob.glob(os.path.join(inbox, "*")):
                    with open(path, "rb") as file:
                        found.append(file.read().split(b"\n\n", 1)[1])
                return sorted(found)

            result = fetch("keep")
            report.check(name + ": three mails are fetched", result.returncode == 0 and len(bodies()) == 3, result.stdout + result.stderr)
            report.same(name + ": their texts are the same", bodies(),
                        sorted(message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for message in sent))
            result = fetch("keep")
            report.check(name + ": a second run finds nothing new", result.returncode in (0, 1) and len(bodies()) == 3,
                         result.stdout + result.stderr)
            result = fetch("fetchall", "nokeep")
            report.check(name + ": without keep they are taken away", result.returncode == 0, result.stdout + result.stderr)
            report.same(name + ": ... INBOX is empty", office.imap(address, password).select(), 0)


server.needs("fetchmail")
server.main("client_fetchmail", test, {"auth.plaintext": "loopback"})
