"""Thunderbird, headless: IMAP and POP3 over TLS, with STARTTLS and in the clear, by the driver that ../shared/tools/clients has."""
import argparse
import os
import re
import subprocess
import tempfile

import flow
import server

QUICK = "^pop3-"


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        certificate = office.certificate(folder)
        for way in given.ways.split(","):
            address, password = office.account("thunderbird")
            # With COMPRESS Thunderbird loses news that come with "+ Idling" before it waits for them: it takes the count of
            # compressed bytes for what it may read (nsMsgCompressIStream::Available). No network is that quick, but loopback is.
            with flow.Relay(office.host, office.ports["imaps" if way == "tls" else "imap"], 0.002) as relay:
                command = [server.THUNDERBIRD, "--host", office.name, "--user", address, "--address", address, "--password=" + password,
                           "--imap-tls", way, "--imap-port", str(relay.port), "--pop3-tls", way,
                           "--pop3-port", str(office.ports["pop3s" if way == "tls" else "pop3"]),
                           "--lmtp-port", str(office.ports["lmtp"]), "--lmtp-rcpt", address, "--ca", certificate, "--cert-override"]
                # All there is by IMAP in the ways that are asked for, in the others POP3 and what it needs.
                if not given.everything and way not in given.whole.split(","):
                    command += ["--only", QUICK]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
            steps = re.findall(r"^(ok|FAIL) +(\S+) ?(.*)$", done.stdout, re.MULTILINE)
            for outcome, step, detail in steps:
                report.check("%s: %s" % (way, step), outcome == "ok", detail)
            report.check("%s: the driver ends well after %d steps" % (way, len(steps)),
                         done.returncode == 0 and any(step.startswith("pop3-") for _, step, _ in steps), (done.stdout + done.stderr)[-800:])


if not os.path.exists(server.THUNDERBIRD):
    server.skip("the driver of Thunderbird is not here")
server.needs("thunderbird", "certutil")
parser = argparse.ArgumentParser()
parser.add_argument("--ways", default="tls,starttls,plain", help="of tls, starttls, plain")
parser.add_argument("--whole", default="tls", help="the ways in which every step of the driver runs; in the others those of POP3")
parser.add_argument("--everything", action="store_true", help="every step in every way")
server.main("client_thunderbird", test, {"auth.plaintext": "loopback"}, remote=False, parser=parser)
