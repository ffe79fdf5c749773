"""SIGKILL of the server under deliveries, again and again: what was acknowledged is there afterwards, byte for byte.

Four writers deliver by LMTP and two append by IMAP without a pause; the server dies at random moments and is started again on
the same data. In the end: every acknowledged mail is there, nothing is there twice more often than the server died, no UID was
given twice, nothing is there that nobody sent.
"""
import argparse
import random
import re
import threading
import time

import mails
import server
import wire


class Writer(threading.Thread):
    """Sends numbered mails until told to stop; keeps those that were acknowledged. A mail without an answer is sent again."""

    def __init__(self, office, number, address, password):
        super().__init__(daemon=True)
        self.office, self.number, self.address, self.password = office, number, address, password
        self.acknowledged, self.sent, self.stopping = {}, {}, threading.Event()
        self.random = random.Random(number)

    def message(self, serial):
        size = self.random.choice([200, 2000, 20000, 300000])
        name = "kill9-%d-%d" % (self.number, serial)
        return mails.plain(name, "%s\r\n" % name + (name + " . ") * (size // 20) + "\r\n.\r\n..\r\n")

    def run(self):
        serial, connection, message = 0, None, None
        while not self.stopping.is_set():
            try:
                connection = connection or self.connect()
                if message is None:
                    serial += 1
                    message = self.message(serial)
                    self.sent[serial] = message
                uid = self.write(connection, message)
                self.acknowledged[serial] = uid
                message = None
            except (OSError, wire.Refused, ValueError, IndexError):
                connection = None
                time.sleep(0.02)


class LmtpWriter(Writer):
    def connect(self):
        return self.office.lmtp()

    def write(self, lmtp, message):
        lmtp.must_deliver("sender@elsewhere.test", self.address, message)


class ImapWriter(Writer):
    def connect(self):
        return self.office.imap(self.address, self.password)

    def write(self, imap, message):
        answer = imap.append("INBOX", message)
        if not answer.startswith(b"OK"):
            raise wire.Refused(answer)
        return int(re.search(rb"APPENDUID \d+ (\d+)\]", answer).group(1))


def test(report, office, given):
    until = time.monotonic() + given.seconds
    chance = random.Random(given.seed)
    writers = []
    for number in range(6):
        kind = LmtpWriter if number < 4 else ImapWriter
        writers.append(kind(office, number, *office.account("kill9")))
    for writer in writers:
        writer.start()
    kills, slowest = 0, 0.0
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.2, 1.5))
        office.kill()
        kills += 1
        began = time.monotonic()
        office.start()
        slowest = max(slowest, time.monotonic() - began)
    time.sleep(0.5)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(60)

    acknowledged = sum(len(writer.acknowledged) for writer in writers)
    lost = spoiled = doubled = strange = misplaced = 0
    for writer in writers:
        lmtp = isinstance(writer, LmtpWriter)
        copies = {}
        stored = office.imap(writer.address, writer.password).messages()
        for uid, message in stored.items():
            name = re.search(rb"Subject: kill9-\d+-(\d+)\r\n", message)
            serial = int(name.group(1)) if name else None
            if serial not in writer.sent:
                strange += 1
                continue
            copies[serial] = copies.get(serial, 0) + 1
            sent = writer.sent[serial]
            spoiled += not (wire.is_delivered(message, sent) if lmtp else message == sent)
        lost += sum(serial not in copies for serial in writer.acknowledged)
        doubled += sum(count - 1 for count in copies.values())
        misplaced += sum(uid is not None and stored.get(uid) != writer.sent[serial]
                         for serial, uid in writer.acknowledged.items())
    print("%d kills, %d acknowledged, %d lost, %d spoiled, %d doubled; slowest start %.2f s"
          % (kills, acknowledged, lost, spoiled, doubled, slowest))
    report.check("the server was killed and mail flowed", kills >= 3 and acknowledged >= kills, (kills, acknowledged))
    report.same("nothing acknowledged is lost", lost, 0)
    report.same("every mail is byte for byte what was sent", spoiled, 0)
    report.same("nothing is there that nobody sent", strange, 0)
    report.same("each APPENDUID names the mail it was given for", misplaced, 0)
    report.check("at most one more copy a kill and writer", doubled <= kills * len(writers), doubled)
    if not office.is_remote:
        report.same("the server ends well after all this", office.terminate(), 0)
        time.sleep(0.5)
        report.same("no process of its own is left", office.children(), [])


parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=15)
parser.add_argument("--seed", type=int, default=1)
server.main("kill9", test, parser=parser)
