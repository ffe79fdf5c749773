"""The store: mail that comes in, what a large mailbox costs, what a disk holds.

The large mailbox is some mails delivered one by one, then copied within the mailbox until it is full: the same way for all.
"""
import os
import subprocess
import tempfile
import time

import load
from bench import SIZE, Bench, Row
from speak import Imap

SENDERS = (1, 10, 50)
SHARED = 10              # recipients of one mail
FIRST, DOUBLED = 3125, 5  # 100,000 messages
MANY = 10000             # changed by one command


def alone(subject, work):
    """Mails into the store itself: what is left for all that is above it."""
    for writers in SENDERS:
        if subject.name != "Postfach":
            yield "into the store alone, %d at once" % writers, None
            continue
        with tempfile.TemporaryDirectory() as folder:
            words = [os.path.join(work.build, "bench_store"), "--folder", os.path.join(folder, "data"), "--writers", str(writers),
                     "--mails", str(work.deliveries * (2 if writers == 1 else 20))]
            done = subprocess.run(words, capture_output=True, text=True, timeout=600)
        yield "into the store alone, %d at once" % writers, load.parsed(done.stdout, "bench_store")["rate"]


def incoming(subject, work):
    """Rates, and the bytes on disk for each byte that came in."""
    mails, inboxes = work.deliveries * 2, [subject.account("store") for _ in range(max(SENDERS))]
    load.run(work, subject, "deliver", "lmtp", count=50, mails=50, size=1000, **load.of(inboxes))  # a first mail makes its mailbox
    subject.restart()  # both write what they had put off
    before = subject.disk()
    for senders in SENDERS:
        found = load.run(work, subject, "deliver", "lmtp", count=senders, mails=mails, **load.of(inboxes))
        yield "deliver, %d at once" % senders, found["rate"]
        if senders == 10:
            subject.empty_rate = found["rate"]
    subject.restart()
    yield "on disk for a byte stored, each mail once", (subject.disk() - before) / (len(SENDERS) * mails * SIZE)
    before, mails = subject.disk(), mails // 4
    found = load.run(work, subject, "deliver", "lmtp", count=10, mails=mails, recipients=SHARED, **load.of(inboxes))
    yield "deliver, each to %d, 10 at once: copies" % SHARED, found["rate"] * SHARED
    subject.restart()
    yield "on disk for a byte stored, each mail to %d" % SHARED, (subject.disk() - before) / (mails * SHARED * SIZE)
    found = load.run(work, subject, "deliver", "lmtp", count=10, mails=mails * 4, alike=True, **load.of(inboxes))
    yield "deliver, the same mail again and again, 10 at once", found["rate"]
    for sessions in SENDERS:
        found = load.run(work, subject, "append", "imap", count=sessions, mails=work.deliveries, **load.of(inboxes))
        yield "append, %d at once" % sessions, found["rate"]


def large(subject, work):
    """The large mailbox, made when it is first wanted: (account, count)."""
    if not getattr(subject, "large", None):
        account, first, doubled = subject.account("large"), FIRST // (25 if work.quick else 1), DOUBLED
        load.run(work, subject, "deliver", "lmtp", mails=1, size=1000, **load.of(account))  # ten at once make it together: sdbox panics
        load.run(work, subject, "deliver", "lmtp", count=10, mails=first - 1, **load.of(account))
        with Imap(subject.ports["imap"], account) as imap:
            imap.ask(b"SELECT INBOX")
            for _ in range(doubled):
                imap.ask(b"COPY 1:* INBOX")
                imap.ask(b"NOOP")
        subject.large = account, first << doubled, first
    return subject.large


def reading(subject, work):
    account, count, first = large(subject, work)
    subject.restart()
    with Imap(subject.ports["imap"], account) as imap:
        began = time.perf_counter()
        imap.ask(b"SELECT INBOX")
        yield "SELECT after a restart", (time.perf_counter() - began) * 1000
        imap.fetched(b"FETCH %d (UID FLAGS)" % count, 1)
        yield "SELECT and the first FETCH after a restart", (time.perf_counter() - began) * 1000
    found = load.run(work, subject, "ask", "imap", before="SELECT INBOX", command="UNSELECT|SELECT INBOX", repeat=work.selects, **load.of(account))
    yield "SELECT, warm", found["answer_p50_us"] / 1000
    found = load.run(work, subject, "ask", "imap", before="EXAMINE INBOX|FETCH 1:* (UID FLAGS)", command="FETCH 1:* (UID FLAGS)", repeat=5,
                     pattern=" FETCH (", expect=count, **load.of(account))
    yield "FETCH 1:* (UID FLAGS), warm", found["counted_per_s"]
    for kind, service in (("in the clear", "imap"), ("TLS", "imaps")):
        found = load.run(work, subject, "ask", service, before="EXAMINE INBOX|FETCH 1:%d BODY.PEEK[]" % first,
                         command="FETCH 1:%d BODY.PEEK[]" % first, repeat=5, **load.of(account))
        yield "FETCH BODY.PEEK[], %s" % kind, found["bytes_per_s"] / 1e6


def changing(subject, work, number):
    account, count, _ = large(subject, work)
    many = min(MANY, count)
    with Imap(subject.ports["imap"], account) as imap:
        imap.ask(b"CREATE Gone-%d" % number)
        imap.ask(b"SELECT INBOX")
        imap.ask(b"COPY 1:%d Gone-%d" % (many, number))
        imap.ask(b"SELECT Gone-%d" % number)
        began = time.perf_counter()
        imap.ask(b"STORE 1:* +FLAGS.SILENT (\\Flagged)")
        yield "STORE of all in one command", (time.perf_counter() - began) * 1000
        imap.ask(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        began = time.perf_counter()
        imap.ask(b"EXPUNGE")
        yield "EXPUNGE of all in one command", (time.perf_counter() - began) * 1000


def beside(subject, work):
    """Compared with the rate of the same run into a store that held little."""
    large(subject, work)
    inboxes = [subject.account("late") for _ in range(10)]
    load.run(work, subject, "deliver", "lmtp", count=10, mails=10, size=1000, **load.of(inboxes))
    found = load.run(work, subject, "deliver", "lmtp", count=10, mails=work.deliveries * 2, **load.of(inboxes))
    yield "deliver, 10 at once, beside the large mailbox", found["rate"]
    yield "deliver beside the large mailbox, of that into little", 100 * found["rate"] / subject.empty_rate


def store(subject, work, number):
    yield from alone(subject, work)
    yield from incoming(subject, work)
    yield from beside(subject, work)
    yield from reading(subject, work)
    yield from changing(subject, work, number)


BENCH = Bench(store, {
    "into the store alone, 1 at once": Row("mails/s"),
    "into the store alone, 10 at once": Row("mails/s"),
    "into the store alone, 50 at once": Row("mails/s"),
    "deliver, 1 at once": Row("mails/s", target={"Dovecot": 2}),
    "deliver, 10 at once": Row("mails/s", target={"Dovecot": 5}),
    "deliver, 50 at once": Row("mails/s", target={"Dovecot": 5}),
    "deliver, each to 10, 10 at once: copies": Row("mails/s", target={"Dovecot": 5}),
    "deliver, the same mail again and again, 10 at once": Row("mails/s", target={"Dovecot": 5}),
    "append, 1 at once": Row("mails/s", target={"Dovecot": 2}),
    "append, 10 at once": Row("mails/s", target={"Dovecot": 5}),
    "append, 50 at once": Row("mails/s", target={"Dovecot": 5}),
    "deliver, 10 at once, beside the large mailbox": Row("mails/s"),
    "deliver beside the large mailbox, of that into little": Row("%", target={"Postfach": 80}),
    "SELECT, warm": Row("ms", True, {"Postfach": 1}),
    "SELECT after a restart": Row("ms", True, {"Postfach": 5}),
    "SELECT and the first FETCH after a restart": Row("ms", True, {"Postfach": 80}),
    "FETCH 1:* (UID FLAGS), warm": Row("mails/s", target={"Dovecot": 4}),
    "FETCH BODY.PEEK[], in the clear": Row("MB/s", target={"Dovecot": 1}),
    "FETCH BODY.PEEK[], TLS": Row("MB/s", target={"Dovecot": 1}),
    "STORE of all in one command": Row("ms", True, {"Postfach": 100}),
    "EXPUNGE of all in one command": Row("ms", True, {"Postfach": 100}),
    "on disk for a byte stored, each mail once": Row("bytes", True),
    "on disk for a byte stored, each mail to 10": Row("bytes", True),
}, alone=True,
              note="Every mail delivered or appended is another one of 5 KiB unless its row says otherwise, and Postfach scans each: about 0.4 ms "
                   "of a core, so that two cores end near 5,000 a second whatever the store does, and five times Dovecot is out of reach. "
                   "A mail to many, or the same one again, is scanned once. Large mailbox: %d messages; STORE and EXPUNGE change %d." % (FIRST << DOUBLED, MANY))
