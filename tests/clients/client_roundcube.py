"""Roundcube (Debian's) in Chromium, over TLS, with STARTTLS and in the clear, by the driver that ../shared/tools/clients has.

The driver wants playwright-core from npm, which is fetched for the run; without a driver, node or a network the test is skipped.
"""
import argparse
import os
import re
import shutil
import subprocess
import tempfile

import server

DRIVER = os.path.join(server.DRIVERS, "roundcube-drive")
VERSION = "1.65.1"


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since node looks for packages beside the script.
        driver = shutil.copytree(DRIVER, os.path.join(folder, "driver"))
        done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "playwright-core@" + VERSION],
                              cwd=driver, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            office.stop()
            server.skip("playwright-core could not be fetched")
        certificate = office.certificate(folder)
        for way in given.ways.split(","):
            address, password = office.account("roundcube")
            command = ["node", os.path.join(driver, "drive.mjs"), "--host", office.name, "--user", address, "--password=" + password,
                       "--imap-tls", way, "--imap-port", str(office.ports["imaps" if way == "tls" else "imap"]),
                       "--lmtp-port", str(office.ports["lmtp"]), "--lmtp-rcpt", address, "--ca", certificate]
            if given.only:
                command += ["--only", given.only]
            if given.screenshots:
                command += ["--screenshots", os.path.join(given.screenshots, way)]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
            steps = re.findall(r"^(ok|FAIL) +(\S+) ?(.*)$", done.stdout, re.MULTILINE)
            for outcome, step, detail in steps:
                report.check("%s: %s" % (way, step), outcome == "ok", detail)
            report.check("%s: the driver ends well after %d steps" % (way, len(steps)), done.returncode == 0 and steps,
                         (done.stdout + done.stderr)[-800:])


if not os.path.exists(DRIVER):
    server.skip("the driver of Roundcube is not here")
server.needs("node", "npm", "php", "chromium")
if int(subprocess.run(["node", "--version"], capture_output=True, text=True).stdout[1:].split(".")[0]) < 20:
    server.skip("the driver wants Node 20")
if not os.path.exists("/var/lib/roundcube"):
    server.skip("Roundcube is not installed")
parser = argparse.ArgumentParser()
parser.add_argument("--ways", default="tls", help="some of tls, starttls, plain")
parser.add_argument("--only", default="", help="the driver's steps, a regular expression; those others need run too")
parser.add_argument("--screenshots", help="a folder for the driver's pictures")
server.main("client_roundcube", test, {"auth.plaintext": "loopback"}, remote=False, parser=parser)
