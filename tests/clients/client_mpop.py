"""mpop: POP3 over TLS and with STLS, into a Maildir, byte for byte."""
import glob
import hashlib
import os
import ssl
import subprocess
import tempfile

import mails
import server


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        with open(office.certificate(folder)) as file:
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest().upper()
        fingerprint = ":".join(digest[at:at + 2] for at in range(0, 64, 2))
        for service, starttls, mechanism in (("pop3s", "off", "plain"), ("pop3", "on", "scram-sha-256")):
            name = ("TLS begun with STLS, " if starttls == "on" else "TLS, ") + mechanism
            address, password = office.account("mpop")
            for message in (mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third")):
                office.deliver(address, message)
            maildir = os.path.join(folder, service)
            for part in ("new", "cur", "tmp"):
                os.makedirs(os.path.join(maildir, part))
            config = os.path.join(folder, service + ".conf")

            def fetch(keep):
                with open(config, "w") as file:
                    file.write("account office\nhost %s\nport %d\nauth %s\nuser %s\npassword %s\ntls on\ntls_starttls %s\n"
                               "tls_fingerprint %s\nkeep %s\nreceived_header off\ndelivery maildir %s\nuidls_file %s.uidls\n"
                               "account default : office\n"
                               % (office.host, office.ports[service], mechanism, address, password, starttls, fingerprint, keep, maildir,
                                  config))
                os.chmod(config, 0o600)
                return subprocess.run(["mpop", "-C", config], capture_output=True, text=True, timeout=120,
                                      env={**os.environ, "HOME": folder})

            def fetched():
                found = []
                for path in glob.glob(os.path.join(maildir, "new", "*")):
                    with open(path, "rb") as file:
                        found.append(file.read())
                return sorted(found)

            imap = office.imap(address, password)
            stored = sorted(message.replace(b"\r\n", b"\n") for message in imap.messages().values())
            result = fetch("on")
            report.check(name + ": the mails are fetched", result.returncode == 0, result.stdout + result.stderr)
            report.check(name + ": they are the server's, byte for byte", fetched() == stored and len(stored) == 3)
            result = fetch("on")
            report.check(name + ": by their UIDL they are known the second time", result.returncode == 0 and len(fetched()) == 3,
                         result.stdout + result.stderr)
            office.deliver(address, mails.plain("late"))
            result = fetch("off")
            report.check(name + ": only the new one is fetched", result.returncode == 0 and len(fetched()) == 4,
                         result.stdout + result.stderr)
            report.same(name + ": without keep INBOX is empty", imap.select(), 0)
            imap.logout()


server.needs("mpop")
server.main("client_mpop", test)
