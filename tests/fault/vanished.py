"""Clients that vanish in the middle of what they do: nothing half is stored, nothing is deleted, nothing stays locked.

Each leaves in one of two ways: its connection ends as for a program that was killed (FIN), or as for a machine that was (RST).
"""
import argparse
import os
import random
import socket
import struct

from common import Canary, mails, server, within, wire


def leave(connection, hard):
    if hard:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(connection.socket)  # without TLS's goodbye
    else:
        connection.socket.shutdown(socket.SHUT_RDWR)
        connection.socket.close()


def large(name):
    return mails.plain(name, "".join("%s line %d of many\r\n" % (name, number) for number in range(40_000)))


class Visitor:
    """Somebody with an account and one mail, who begins and does not end."""

    def __init__(self, office, chance):
        self.office, self.chance = office, chance
        self.address, self.password = office.account("vanished")
        self.mail = large("kept")
        office.deliver(self.address, self.mail)

    def part(self, data):
        return data[:self.chance.randrange(1, len(data) - 1)]

    # --- how far each comes

    def append(self):
        imap = self.office.imap(self.address, self.password)
        message = large("appended")
        imap.send(b"a APPEND INBOX {%d}\r\n" % len(message))
        imap.response()
        imap.send(self.part(message))
        return imap

    def lmtp(self):
        lmtp = self.office.lmtp()
        lmtp.reply("MAIL FROM:<sender@elsewhere.test>")
        lmtp.reply("RCPT TO:<%s>" % self.address)
        lmtp.reply("DATA")
        lmtp.send(self.part(large("sent")))
        return lmtp

    def fetch(self):
        imap = self.office.imap(self.address, self.password)
        imap.select()
        imap.send(b"a FETCH 1 BODY.PEEK[]\r\n" * 20)
        imap.fill()
        return imap

    def idle(self):
        imap = self.office.imap(self.address, self.password)
        imap.select()
        imap.send(b"a IDLE\r\n")
        imap.response()
        return imap

    def retr(self):
        pop3 = self.office.pop3(self.address, self.password)
        pop3.send(b"RETR 1\r\n" * 20)
        pop3.fill()
        return pop3

    def dele(self):
        pop3 = self.office.pop3(self.address, self.password)
        pop3.do("DELE 1")
        return pop3


PLACES = [Visitor.append, Visitor.lmtp, Visitor.fetch, Visitor.idle, Visitor.retr, Visitor.dele]


def open_files(office):
    return len(os.listdir("/proc/%d/fd" % office.process.pid))


def test(report, office, given):
    chance = random.Random(given.seed)
    canary = Canary(office)
    visitor = Visitor(office, chance)
    for place in PLACES:  # once, so that what is opened at first need is open
        leave(place(visitor), False)
    office.imap(visitor.address, visitor.password).logout()
    at_rest = open_files(office)
    for place in PLACES:
        for hard in (False, True):
            title = "%s, %s" % (place.__name__, "reset" if hard else "closed")
            for _ in range(given.rounds):
                leave(place(visitor), hard)
            report.check(title + ": its connections are given up", within(20, lambda: open_files(office) <= at_rest + 2), (open_files(office), at_rest))
            with office.imap(visitor.address, visitor.password) as imap:
                stored = imap.messages()
            report.check(title + ": the mail that was there is all there is",
                         len(stored) == 1 and wire.is_delivered(next(iter(stored.values())), visitor.mail), len(stored))
            with office.pop3(visitor.address, visitor.password) as pop3:
                report.same(title + ": and POP3 is not locked", pop3.do("STAT").split()[0], b"1")
                pop3.quit()
            report.same(title + ": the sessions there were go on", canary.ask(), [])
    # Between the last byte and the answer: it may be stored or not, but whole, and once.
    messages = [large("last-%d" % number) for number in range(6)]
    for number, message in enumerate(messages):
        if number % 2:
            imap = office.imap(visitor.address, visitor.password)
            imap.send(b"a APPEND INBOX {%d}\r\n" % len(message))
            imap.response()
            imap.send(message + b"\r\n")
            leave(imap, number % 4 == 1)
        else:
            lmtp = office.lmtp()
            lmtp.reply("MAIL FROM:<sender@elsewhere.test>")
            lmtp.reply("RCPT TO:<%s>" % visitor.address)
            lmtp.reply("DATA")
            lmtp.send(wire.stuffed(wire.ended(message)) + b".\r\n")
            leave(lmtp, number % 4 == 0)
    within(20, lambda: open_files(office) <= at_rest + 2)
    with office.imap(visitor.address, visitor.password) as imap:
        stored = list(imap.messages().values())
    sent = [visitor.mail, *messages]
    times = [sum(found == one or wire.is_delivered(found, one) for found in stored) for one in sent]
    report.check("gone before the answer: what is stored is whole, and once", sum(times) == len(stored) and max(times) == 1, times)
    checked = office.cli("check")
    report.same("the store is sound", (checked.returncode, checked.stderr), (0, ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    server.main("vanished", test, remote=False, parser=parser)
