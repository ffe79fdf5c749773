"""What the fault drivers share: the clients' modules, and canaries.

The server is started by tests/clients/server.py; a driver here does something bad to it, or to what it stands on.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))

import mails  # noqa: E402
import server  # noqa: E402
import wire  # noqa: E402
from flow import Writer, contents, within  # noqa: E402, F401


def sanitized(build):
    """Sanitizers take memory and time: bounds are wider there."""
    try:
        with open(os.path.join(build, "CMakeCache.txt")) as file:
            return re.search(r"^POSTFACH_SANITIZE:\w+=\S", file.read(), re.M) is not None
    except OSError:
        return False


def lost(stored, acknowledged):
    """How many of the acknowledged mails (subject "NAME-SERIAL") are not stored, or not as they were sent."""
    by_subject = {}
    for message in stored.values():
        subject = re.search(rb"^Subject: ([^\r\n]*)\r\n", message, re.M)
        by_subject.setdefault(subject.group(1) if subject else b"", []).append(message)
    missing = 0
    for sent in acknowledged.values():
        subject = re.search(rb"^Subject: ([^\r\n]*)\r\n", sent, re.M).group(1)
        missing += not any(wire.is_delivered(message, sent) for message in by_subject.get(subject, []))
    return missing


class Canary:
    """One session of each service, opened before the trouble and asked after each of its kinds."""

    def __init__(self, office):
        self.office = office
        self.address, self.password = office.account("canary")
        self.message = mails.plain("canary")
        office.deliver(self.address, self.message)
        self.imap = office.imap(self.address, self.password)
        self.imap.select()
        self.pop3 = office.pop3(self.address, self.password)
        self.lmtp = office.lmtp()

    def ask(self):
        """What does not answer as it should: a list of words, empty when all is well."""
        wrong = []

        def tried(name, action):
            try:
                if not action():
                    wrong.append(name)
            except Exception as error:  # whatever it is, the canary is unwell
                wrong.append("%s: %r" % (name, error))

        tried("imap", lambda: wire.is_delivered(self.imap.fetch("1", "(BODY.PEEK[])")[1]["BODY[]"], self.message))
        tried("pop3", lambda: wire.is_delivered(self.pop3.block("RETR 1"), self.message))
        tried("lmtp", lambda: self.lmtp.reply("NOOP").startswith(b"250"))
        tried("admin", lambda: self.office.http("GET", "/healthz")[0] == 200)
        tried("api", lambda: "address" in self.office.api("GET", "/accounts/" + self.address))
        if self.office.process.poll() is not None:
            wrong.append("the server is gone: %s" % self.office.process.returncode)
        return wrong

    def login_time(self):
        """Seconds for a new IMAP session with login; the best of three, since the machine may be busy with other things."""
        times = []
        for _ in range(3):
            began = time.monotonic()
            self.office.imap(self.address, self.password).logout()
            times.append(time.monotonic() - began)
        return min(times)
