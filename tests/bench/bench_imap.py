"""IMAP: what clients ask of a mailbox of 10,000 and of one of 100,000, and what a session on it holds; many mailboxes; coming back after a
day; news in IDLE."""
import contextlib
import re
import time

import load
from bench import Bench, Row, filled, mailbox
from bench_connections import settled
from bench_store import large
from speak import Failed, Imap

TWICE = {"Dovecot": 2}
MAILBOXES = 500
SESSIONS, SESSIONS_OTHERS = 50, 10  # on one mailbox, beside the first
PART = "BODY.PEEK[1]<1000.1000>"


def asked(subject, work, account, command, before="EXAMINE INBOX", repeat=5, service="imap", **more):
    """Each command is asked once beforehand: what is measured is warm."""
    return load.run(work, subject, "ask", service, before="%s|%s" % (before, command), command=command, repeat=repeat, **more, **load.of(account))


def fetching(subject, work, first):
    fresh = filled(subject, work, work.cold)
    found = load.run(work, subject, "ask", "imap", before="EXAMINE INBOX", command="FETCH 1:* (ENVELOPE BODYSTRUCTURE)", pattern=" FETCH (",
                     expect=work.cold, **load.of(fresh))
    yield "FETCH ENVELOPE BODYSTRUCTURE, cold", found["counted_per_s"]
    account, count = mailbox(subject, work), work.messages
    sizes = [("10,000", account, count)]
    if first:
        many, all_of_them, _ = large(subject, work)
        sizes.append(("100,000", many, all_of_them))
    for size, whose, expect in sizes:
        found = asked(subject, work, whose, "FETCH 1:* (UID FLAGS)", pattern=" FETCH (", expect=expect)
        yield "FETCH 1:* (UID FLAGS), %s" % size, found["counted_per_s"]
    found = asked(subject, work, account, "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", pattern=" FETCH (", expect=count)
    yield "FETCH ENVELOPE BODYSTRUCTURE, warm", found["counted_per_s"]
    for kind, service in (("in the clear", "imap"), ("TLS", "imaps")):
        subject.restart()  # the kernel still has the files, the server nothing
        found = load.run(work, subject, "ask", service, before="EXAMINE INBOX", command="FETCH 1:* BODY.PEEK[]", **load.of(account))
        yield "FETCH BODY.PEEK[], the first after a restart, %s" % kind, found["bytes_per_s"] / 1e6
        found = asked(subject, work, account, "FETCH 1:* BODY.PEEK[]", service=service)
        yield "FETCH BODY.PEEK[], %s" % kind, found["bytes_per_s"] / 1e6
    found = asked(subject, work, account, "FETCH %d %s" % (count // 2, PART), repeat=work.retrieved)
    yield "FETCH of a piece of a part, one by one", found["rate"]


def mailboxes(subject, work):
    account, count = subject.account("boxes"), MAILBOXES // (25 if work.quick else 1)
    with Imap(subject.ports["imap"], account) as imap:
        for number in range(count):
            imap.ask(b"CREATE Box-%d" % number)
    found = asked(subject, work, account, 'LIST "" Box-% RETURN (STATUS (MESSAGES UIDNEXT UNSEEN))', before="NOOP", pattern="* STATUS ", expect=count)
    yield "LIST with STATUS of 500 mailboxes", found["answer_p50_us"] / 1000
    found = load.run(work, subject, "ask", "imap", before="NOOP", command="SELECT INBOX|SELECT Box-1", repeat=work.selects, **load.of(account))
    yield "SELECT", found["answer_p50_us"] / 1000


def searching(subject, work):
    account = mailbox(subject, work)
    for row, command in (("SEARCH UNSEEN", "SEARCH UNSEEN"), ("SEARCH SUBJECT", "SEARCH SUBJECT quokka"), ("SEARCH TEXT", "SEARCH TEXT zymurgy"),
                         ("SORT SUBJECT", "SORT (SUBJECT) UTF-8 ALL"), ("SORT REVERSE DATE", "SORT (REVERSE DATE) UTF-8 ALL"),
                         ("THREAD REFERENCES", "THREAD REFERENCES UTF-8 ALL")):
        found = asked(subject, work, account, command, repeat=3)
        yield row, work.messages / (found["answer_p50_us"] / 1e6)


def changing(subject, work, number):
    account, count = mailbox(subject, work), work.messages
    with Imap(subject.ports["imap"], account) as imap:
        for name in (b"Copied-%d", b"Moved-%d"):
            imap.ask(b"CREATE " + name % number)
        imap.ask(b"SELECT INBOX")

        def timed(command):
            began = time.perf_counter()
            imap.ask(command)
            return (time.perf_counter() - began) * 1000
        yield "COPY of 10,000", timed(b"COPY 1:* Copied-%d" % number) * 10000 / count
        imap.ask(b"SELECT Copied-%d" % number)
        yield "STORE of 10,000", timed(b"STORE 1:* +FLAGS.SILENT (\\Flagged)") * 10000 / count
        yield "MOVE of 10,000", timed(b"MOVE 1:* Moved-%d" % number) * 10000 / count


def after_a_day(subject, work, number):
    """A client comes back: a twentieth of the mails has other flags, some are gone, some are new."""
    account, count = mailbox(subject, work), work.messages
    name = b"Moved-%d" % number
    with Imap(subject.ports["imap"], account) as imap:
        state = b"".join(imap.ask(b"SELECT %s (CONDSTORE)" % name))
        known = tuple(int(re.search(word + rb" (\d+)", state).group(1)) for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ"))
        imap.ask(b"STORE 1:%d -FLAGS.SILENT (\\Flagged)" % (count // 20))
        imap.ask(b"STORE %d:%d +FLAGS.SILENT (\\Deleted)" % (count // 2, count // 2 + count // 100))
        imap.ask(b"EXPUNGE")
        imap.ask(b"COPY 1:%d %s" % (count // 100, name))
    with Imap(subject.ports["imap"], account) as imap:
        imap.ask(b"ENABLE CONDSTORE QRESYNC")
        times = []
        for _ in range(5):
            imap.ask(b"SELECT INBOX")
            began = time.perf_counter()
            answer = b"".join(imap.ask(b"SELECT %s (QRESYNC (%d %d))" % (name, *known)))
            times.append((time.perf_counter() - began) * 1000)
            if answer.count(b" FETCH (") < count // 20 or b"VANISHED (EARLIER)" not in answer:
                raise Failed("QRESYNC did not say what changed")
        yield "SELECT with QRESYNC after a day", sorted(times)[2]


def news(subject, work):
    account = subject.account("news")
    load.run(work, subject, "deliver", "lmtp", count=1, mails=1, **load.of(account))
    with Imap(subject.ports["imap"], account) as idle, Imap(subject.ports["imap"], account) as other:
        other.ask(b"SELECT INBOX")
        idle.ask(b"SELECT INBOX")
        idle.send(b"t9 IDLE\r\n")
        idle.lines()
        times = []
        for turn in range(40):
            began = time.perf_counter()
            other.send(b"t9 STORE 1 %sFLAGS.SILENT (\\Flagged)\r\n" % (b"+" if turn % 2 == 0 else b"-"))
            idle.lines()
            times.append((time.perf_counter() - began) * 1000)
            other.answer()
        yield "another's STORE, seen in IDLE", sorted(times)[len(times) // 2]


def memory(subject, work):
    """What one more session holds that has the large mailbox selected: fresh, and after it has asked for all of it."""
    account, count, _ = large(subject, work)
    sessions = 5 if work.quick else SESSIONS if subject.name == "Postfach" else SESSIONS_OTHERS
    commands = (b"SEARCH UNSEEN", b"SORT (SUBJECT) UTF-8 ALL", b"FETCH 1:* (FLAGS)")
    with contextlib.ExitStack() as all_of_them:
        def opened():
            session = all_of_them.enter_context(Imap(subject.ports["imap"], account))
            session.ask(b"SELECT INBOX")
            return session
        first = opened()  # what it brings into memory is there for all
        for command in commands:
            first.ask(command)
        before = settled(subject)
        others = [opened() for _ in range(sessions)]
        yield "a session on 100,000: memory", max(0.0, settled(subject) - before) / sessions
        for session in others:
            for command in commands:
                session.ask(command)
            found = b"".join(session.ask(b"SEARCH RETURN (COUNT) ALL"))
            if b"COUNT %d" % count not in found:
                raise Failed("the session has another mailbox: %r" % found)
        yield "a session on 100,000 after SEARCH, SORT, FETCH: memory", (settled(subject) - before) / sessions


def imap(subject, work, number):
    yield from fetching(subject, work, number == 0)
    if number == 0:
        yield from memory(subject, work)
    yield from mailboxes(subject, work)
    yield from searching(subject, work)
    yield from changing(subject, work, number)
    yield from after_a_day(subject, work, number)
    yield from news(subject, work)


FLAGS, MANY = {"Dovecot": 4}, {"Dovecot": 8}
BENCH = Bench(imap, {
    "FETCH 1:* (UID FLAGS), 10,000": Row("mails/s", target=FLAGS),
    "FETCH 1:* (UID FLAGS), 100,000": Row("mails/s", target=FLAGS),
    "FETCH ENVELOPE BODYSTRUCTURE, cold": Row("mails/s", target=TWICE),
    "FETCH ENVELOPE BODYSTRUCTURE, warm": Row("mails/s", target=TWICE),
    "FETCH BODY.PEEK[], the first after a restart, in the clear": Row("MB/s", target={"Dovecot": 1}),
    "FETCH BODY.PEEK[], in the clear": Row("MB/s", target=TWICE),
    "FETCH BODY.PEEK[], the first after a restart, TLS": Row("MB/s", target={"Dovecot": 1}),
    "FETCH BODY.PEEK[], TLS": Row("MB/s", target=TWICE),
    "FETCH of a piece of a part, one by one": Row("a second", target=TWICE),
    "a session on 100,000: memory": Row("KiB", True, {"Postfach": 2048}),
    "a session on 100,000 after SEARCH, SORT, FETCH: memory": Row("KiB", True, {"Postfach": 2048}),
    "LIST with STATUS of 500 mailboxes": Row("ms", True, TWICE),
    "SELECT": Row("ms", True, TWICE),
    "SEARCH UNSEEN": Row("mails/s", target=TWICE),
    "SEARCH SUBJECT": Row("mails/s", target=TWICE),
    "SEARCH TEXT": Row("mails/s", target=MANY),
    "SORT SUBJECT": Row("mails/s", target=TWICE),
    "SORT REVERSE DATE": Row("mails/s", target=TWICE),
    "THREAD REFERENCES": Row("mails/s", target=TWICE),
    "COPY of 10,000": Row("ms", True, TWICE),
    "STORE of 10,000": Row("ms", True, TWICE),
    "MOVE of 10,000": Row("ms", True, TWICE),
    "SELECT with QRESYNC after a day": Row("ms", True, TWICE),
    "another's STORE, seen in IDLE": Row("ms", True, TWICE),
}, alone=True, note="imap: mails of 5 KiB. What is warm was asked once before. COPY, STORE and MOVE are one command each.")
