"""Another process locks the database: deliveries wait or are put off, readers read on, and afterwards all is well."""
import os
import random
import re
import sqlite3
import subprocess
import sys
import time

from common import Writer, lost, mails, server

HOLD = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
database.execute("ROLLBACK")
database.close()
"""


def hold(office, seconds):
    """Another process: SQLite's locks do not work between connections of one that is not the server's."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, os.path.join(office.data, "postfach.db"), str(seconds)],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    return holder


def one_lock(report, office, seconds):
    title = "locked for %d s: " % seconds
    chance = random.Random(seconds)
    accounts = [office.account("locked") for _ in range(3)]
    writers = [Writer(office, address, lambda serial, name=address.split("@")[0]:
                      mails.plain("%s-%d" % (name, serial), "x" * 70 + "\r\n" * chance.choice([1, 500, 3000])), 0.02)
               for address, _ in accounts]
    reader = office.imap(*accounts[0])
    for writer in writers:
        writer.start()
    time.sleep(0.5)
    holder = hold(office, seconds)
    during = [len(writer.acknowledged) for writer in writers]
    began = time.monotonic()
    count = reader.select(readonly=True)  # SELECT would take \\Recent from others, a write
    fetched = reader.fetch("1", "(FLAGS BODY.PEEK[])") if count else {}
    reading = time.monotonic() - began
    report.check(title + "reading goes on", count and b"Subject" in fetched[1]["BODY[]"], count)
    alive = office.http("GET", "/healthz")[0]
    report.same(title + "the admin port answers", alive, 200)
    report.check(title + "... while the lock is held", holder.poll() is None, reading)
    if seconds > 10:  # the server waits five seconds, and as long again for who came meanwhile
        began = time.monotonic()
        answer = reader.append("Drafts", mails.plain("appended"))
        report.check(title + "an APPEND that cannot be written is refused with its code", answer.startswith(b"NO [UNAVAILABLE]"), answer)
        report.check(title + "... in time", time.monotonic() - began < seconds, time.monotonic() - began)
    held = [len(writer.acknowledged) for writer in writers]
    report.check(title + "nothing is acknowledged that could not be written", sum(held) - sum(during) <= len(writers), (during, held))
    report.same(title + "the other process ends well", holder.wait(60), 0)
    after = [len(writer.acknowledged) for writer in writers]
    time.sleep(1.5)
    for writer in writers:
        report.check(title + "the writer came to its end", writer.end())
    codes = sorted({code for writer in writers for code in writer.codes()})
    report.check(title + "answers are 250 or 451", set(codes) <= {"250", "451"}, codes)
    put_off = [reply for writer in writers for reply in writer.replies if reply.startswith(b"451")]
    report.check(title + "put off with an enhanced code",
                 all(re.match(rb"451 4\.\d+\.\d+ ", reply) for reply in put_off), put_off[:1])
    print("%sacknowledged before %s, right after %s, put off %d, slowest %.2f s"
          % (title, during, after, len(put_off), max(writer.slowest for writer in writers)))
    report.check(title + "deliveries work afterwards",
                 all(len(writer.acknowledged) > count for writer, count in zip(writers, during)), during)
    for writer, (address, password) in zip(writers, accounts):
        stored = office.imap(address, password).messages()
        report.same(title + "nothing acknowledged is lost", lost(stored, writer.acknowledged), 0)
        report.check(title + "nothing is there that was not tried", len(stored) <= len(writer.replies), len(stored))


def test(report, office, given):
    one_lock(report, office, 3)   # shorter than the server waits
    one_lock(report, office, 12)  # longer
    # A reader that stays keeps the write-ahead log from starting anew, and nothing else.
    database = sqlite3.connect(os.path.join(office.data, "postfach.db"), isolation_level=None)
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    address, password = office.account("reader")
    message = mails.plain("under a reader")
    office.deliver(address, message)
    report.same("a foreign reader stops no delivery", lost(office.imap(address, password).messages(), {1: message}), 0)
    database.close()
    checked = office.cli("check")
    report.same("the store is sound", (checked.returncode, checked.stderr), (0, ""))


if __name__ == "__main__":
    server.main("locked", test, remote=False)
