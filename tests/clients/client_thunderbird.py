"""Thunderbird, headless: its POP3 account over TLS, with STLS and in the clear, by the driver that ../shared/tools/clients has."""
import argparse
import os
import re
import subprocess
import tempfile

import server

DRIVER = os.path.join(os.path.dirname(server.SOURCE), "shared", "tools", "clients", "thunderbird-drive", "thunderbird-drive")


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        certificate = office.certificate(folder)
        for way in given.ways.split(","):
            address, password = office.account("thunderbird")
            command = [DRIVER, "--host", office.name, "--user", address, "--address", address, "--password=" + password,
                       "--imap-port", str(office.ports["imaps"]), "--pop3-tls", way,
                       "--pop3-port", str(office.ports["pop3s" if way == "tls" else "pop3"]),
                       "--lmtp-port", str(office.ports["lmtp"]), "--lmtp-rcpt", address, "--ca", certificate, "--cert-override",
                       "--only", given.only]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
            steps = re.findall(r"^(ok|FAIL) +(\S+) ?(.*)$", done.stdout, re.MULTILINE)
            for outcome, step, detail in steps:
                report.check("%s: %s" % (way, step), outcome == "ok", detail)
            report.check("%s: the driver ends well" % way, done.returncode == 0 and any(step.startswith("pop3-") for _, step, _ in steps),
                         (done.stdout + done.stderr)[-800:])


if not os.path.exists(DRIVER):
    server.skip("the driver of Thunderbird is not here")
server.needs("thunderbird", "certutil")
parser = argparse.ArgumentParser()
parser.add_argument("--ways", default="tls,starttls,plain", help="of tls, starttls, plain")
parser.add_argument("--only", default="^pop3-", help="the driver's steps, a regular expression; those others need run too")
server.main("client_thunderbird", test, {"auth.plaintext": "loopback"}, remote=False, parser=parser)
