"""Thunderbird sets itself up: its own discovery asks autoconfig.DOMAIN, and what Postfach answers there is all that it is told."""
import argparse
import os
import re
import subprocess
import tempfile

import server

DOMAIN = "office.test"
# Reading by IMAP and POP3, and a restart: that the account is whole. The rest is client_thunderbird's.
STEPS = "^(headers|body|pop3-|restart)"


def certificates(folder):
    """A CA, and a certificate by it for the names that are asked; returns (CA, certificate, key)."""
    def path(name):
        return os.path.join(folder, name)

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    with open(path("names"), "w") as names:
        names.write("subjectAltName=DNS:localhost,DNS:%s,DNS:autoconfig.%s\n" % (DOMAIN, DOMAIN))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=Office CA", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days", "2",
            "-extfile", "names")
    return path("ca.pem"), path("server.pem"), path("server.key")


def test(report, office, _given):
    address, password = office.account("autoconfig")
    command = [server.THUNDERBIRD, "--host", office.name, "--user", address, "--address", address, "--domain", DOMAIN, "--password=" + password,
               "--autoconfig", "https://127.0.0.1:%d" % office.ports["admin"], "--imap-port", str(office.ports["imaps"]),
               "--pop3-port", str(office.ports["pop3s"]), "--lmtp-port", str(office.ports["lmtp"]), "--lmtp-rcpt", address, "--ca", AUTHORITY,
               "--only", STEPS]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    steps = re.findall(r"^(ok|FAIL) +(\S+) ?(.*)$", done.stdout, re.MULTILINE)
    for outcome, step, detail in steps:
        report.check(step, outcome == "ok", detail)
    told = next((detail for _, step, detail in steps if step == "account"), "")
    # It asks the domain itself at the same time, and takes whichever answers first: both are this server.
    asked = re.search(r"asked ([^:]+:\d+(?:, [^:]+:\d+)*):", told)
    report.check("the settings are those that it asked for", bool(asked) and "autoconfig.%s:443" % DOMAIN in asked.group(1).split(", "), told)
    report.check("the driver ends well after %d steps" % len(steps),
                 done.returncode == 0 and any(step.startswith("pop3-") for _, step, _ in steps), (done.stdout + done.stderr)[-800:])


if not os.path.exists(server.THUNDERBIRD):
    server.skip("the driver of Thunderbird is not here")
server.needs("thunderbird", "certutil", "openssl")
with tempfile.TemporaryDirectory() as made:
    AUTHORITY, CERTIFICATE, KEY = certificates(made)
    server.main("client_autoconfig", test, {"tls.certificate": CERTIFICATE, "tls.key": KEY}, remote=False, parser=argparse.ArgumentParser())
