"""POP3 without TLS, where the office allows it (auth.plaintext): poplib, curl, fetchmail and mpop, and APOP refused to all of them."""
import glob
import os
import poplib
import subprocess
import tempfile

import mails
import server
import wire


def test(report, office, given):
    sent = [mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third")]

    def filled(name):
        address, password = office.account(name)
        for message in sent:
            office.deliver(address, message)
        return address, password

    def bodies(folder):
        found = []
        for path in glob.glob(os.path.join(folder, "*")):
            with open(path, "rb") as file:
                found.append(file.read().replace(b"\r\n", b"\n").split(b"\n\n", 1)[1])
        return sorted(found)

    wanted = sorted(message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for message in sent)
    host, port = office.host, office.ports["pop3"]

    address, password = filled("poplib")
    pop3 = poplib.POP3(host, port, timeout=60)
    report.refuses("APOP is refused: there is no timestamp to answer", lambda: pop3.apop(address, password), poplib.error_proto)
    pop3.user(address)
    report.check("poplib logs in", pop3.pass_(password).startswith(b"+OK"))
    for number, message in enumerate(sent, 1):
        got = b"".join(line + b"\r\n" for line in pop3.retr(number)[1])
        report.check("... message %d is what was sent" % number, wire.is_delivered(got, message))
    pop3.dele(1)
    pop3.quit()
    pop3 = poplib.POP3(host, port, timeout=60)
    pop3.user(address)
    pop3.pass_(password)
    report.same("... and what it deleted is gone", pop3.stat()[0], 2)
    pop3.quit()

    if server.shutil.which("curl"):
        address, password = filled("curl")

        def curl(path, *options, user=address + ":" + password):
            return subprocess.run(["curl", "-sS", "--max-time", "60", "-u", user, *options, "pop3://%s:%d/%s" % (host, port, path)],
                                  capture_output=True)
        report.same("curl lists three", len(curl("").stdout.split(b"\r\n")) - 1, 3)
        report.check("curl reads a mail byte for byte", wire.is_delivered(curl("1").stdout, sent[0]))
        report.same("curl is refused a wrong password (exit 67)", curl("", user=address + ":wrong").returncode, 67)

    with tempfile.TemporaryDirectory() as folder:
        if server.shutil.which("fetchmail"):
            address, password = filled("fetchmail")
            inbox, rc = os.path.join(folder, "fetched"), os.path.join(folder, "fetchmailrc")
            os.makedirs(inbox)
            keeper = os.path.join(folder, "keep.sh")
            with open(keeper, "w") as file:
                file.write('#!/bin/sh\nexec cat > "$(mktemp "%s/XXXXXX")"\n' % inbox)

            def fetchmail(*options):
                with open(rc, "w") as file:
                    file.write("poll %s protocol pop3 uidl service %d\n  user \"%s\" password \"%s\" sslproto ''\n  no rewrite %s mda \"/bin/sh %s\"\n"
                               % (host, port, address, password, " ".join(options), keeper))
                os.chmod(rc, 0o600)
                return subprocess.run(["fetchmail", "-f", rc, "--nosyslog", "--nodetach", "--invisible"], capture_output=True,
                                      text=True, timeout=120, env={**os.environ, "FETCHMAILHOME": folder, "HOME": folder})
            result = fetchmail("keep")
            report.check("fetchmail fetches three", result.returncode == 0 and len(bodies(inbox)) == 3, result.stdout + result.stderr)
            report.same("... their texts are the same", bodies(inbox), wanted)
            result = fetchmail("keep")
            report.check("... a second run finds nothing new", result.returncode in (0, 1) and len(bodies(inbox)) == 3, result.stdout + result.stderr)

        if server.shutil.which("mpop"):
            address, password = filled("mpop")
            maildir, config = os.path.join(folder, "mpop"), os.path.join(folder, "mpop.conf")
            for part in ("new", "cur", "tmp"):
                os.makedirs(os.path.join(maildir, part))
            with open(config, "w") as file:
                file.write("account default\nhost %s\nport %d\nauth user\nuser %s\npassword %s\ntls off\nkeep on\nreceived_header off\n"
                           "delivery maildir %s\nuidls_file %s.uidls\n" % (host, port, address, password, maildir, config))
            os.chmod(config, 0o600)
            for run in ("fetches three", "... knows them by their UIDL the second time"):
                result = subprocess.run(["mpop", "-C", config], capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": folder})
                report.check("mpop " + run, result.returncode == 0 and bodies(os.path.join(maildir, "new")) == wanted,
                             result.stdout + result.stderr)


server.main("pop3_clear", test, {"auth.plaintext": "loopback"}, remote=False)
