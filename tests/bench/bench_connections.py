"""Connections: ten thousand that wait, logins, and peers that harm.

Dovecot holds fewer where a process for each would not end well on a small machine; the rows say how many.
"""
import time

import load
from bench import Bench, Row

IDLE, IDLE_OTHERS = 10000, 200     # sessions in IDLE, Postfach and the others
WATCHED, WATCHED_OTHERS = 1000, 100  # sessions in IDLE while mail comes
TOLD, TOLD_OTHERS = 2000, 200      # sessions that watch one mailbox
HALF_OPEN, HALF_OPEN_DEFAULT = 2000, 200
STALLED, STALLED_OTHERS = 500, 100

BOTH = (("in the clear", "imap"), ("TLS", "imaps"))
TARGETS = {"in the clear": {"Dovecot default": 10, "Dovecot maildir": 1.5}, "TLS": {"Dovecot default": 5, "Dovecot maildir": 1.2}}


def some(work, subject, full, others):
    return (full if subject.name == "Postfach" else others) // (20 if work.quick else 1)


def accounts(subject, count):
    """The same ones again in the next round."""
    known = subject.__dict__.setdefault("known", [])
    known.extend(subject.account("idle") for _ in range(count - len(known)))
    return known[:count]


def settled(subject):
    """KiB in use once that no longer changes: processes of earlier sessions take a moment to end."""
    last = subject.memory()
    for _ in range(20):
        time.sleep(0.2)
        now = subject.memory()
        if abs(now - last) < 64:
            break
        last = now
    return now


def idle(subject, work):
    users = load.of(accounts(subject, 5 if work.quick else 100))
    count = some(work, subject, IDLE, IDLE_OTHERS)
    threads = 0
    for kind, service in BOTH:
        with load.Held(work, subject, "idle", service, count=10, **users):
            pass  # what the first sessions cost, they cost once
        before = settled(subject)
        with load.Held(work, subject, "idle", service, count=count, **users) as sessions:
            yield "idle session, %s: memory" % kind, (subject.memory() - before) / count
            yield "idle sessions, %s: opened" % kind, sessions.figures["sessions_per_s"]
            threads = max(threads, subject.threads())
    yield "idle sessions: threads in all", threads


def news(subject, work):
    users = load.of(accounts(subject, 5 if work.quick else 20))
    deliveries = 5 if work.quick else 200 if subject.name == "Postfach" else 5  # Dovecot, out of inotify instances, looks every 30 s
    lmtp = subject.ports["lmtp"]
    for kind, service in BOTH:
        with load.Held(work, subject, "idle", service, count=some(work, subject, WATCHED, WATCHED_OTHERS), lmtp=lmtp, **users) as sessions:
            found = sessions.say("deliver %d" % deliveries)
            yield "delivery to EXISTS, %s: p50" % kind, found["exists_p50_us"] / 1000
            yield "delivery to EXISTS, %s: p99" % kind, found["exists_p99_us"] / 1000
    for kind, service in BOTH:
        count = some(work, subject, TOLD, TOLD_OTHERS)
        with load.Held(work, subject, "idle", service, count=count, watchers=count, lmtp=lmtp, **users) as sessions:
            found = sessions.say("deliver %d" % max(2, deliveries // 10))
            yield "one delivery, told to all, %s: to the last" % kind, found["last_p50_us"] / 1000


def logins(subject, work):
    user = load.of(accounts(subject, 1))
    for kind, service in BOTH:
        for clients, count in ((1, work.logins), (20, work.logins * 4)):
            load.run(work, subject, "login", service, clients=clients, count=clients, **user)
            found = load.run(work, subject, "login", service, clients=clients, count=count, **user)
            yield "logins, %s, %d at once" % (kind, clients), found["rate"]


def half_open(subject, work):
    user = load.of(accounts(subject, 1))
    count = (HALF_OPEN_DEFAULT if subject.name == "Dovecot default" else HALF_OPEN) // (20 if work.quick else 1)
    for kind, service in BOTH:
        with load.Held(work, subject, "half-open", service, count=count, sources=200):
            found = load.run(work, subject, "login", service, count=10 if work.quick else 50, **user)
            yield "a login beside half-open connections, %s: the slowest" % kind, found["login_max_us"] / 1000


def canary(subject, work, service="imap"):
    return load.run(work, subject, "canary", service, seconds=1 if work.quick else 4, **load.of(accounts(subject, 1)))


def storms(subject, work):
    alone = canary(subject, work)
    yield "NOOP, alone: p50", alone["noop_p50_us"] / 1000
    yield "NOOP, alone: p99", alone["noop_p99_us"] / 1000
    heavy, light = accounts(subject, 3)[1:]
    if not getattr(subject, "stuffed", False):
        load.run(work, subject, "deliver", "lmtp", mails=2 if work.quick else 20, size=1000000, **load.of(heavy))
        subject.stuffed = True
    count = some(work, subject, STALLED, STALLED_OTHERS)
    before = settled(subject)
    with load.Held(work, subject, "stall", "imap", count=count, **load.of(heavy)):
        canary(subject, work)
        yield "a reader who takes nothing: memory", (subject.memory() - before) / count
        with load.Held(work, subject, "trickle", "imap", count=count, **load.of(light)):
            found = canary(subject, work)
    yield "NOOP beside stalled readers and slow uploaders: p50", found["noop_p50_us"] / 1000
    yield "NOOP beside stalled readers and slow uploaders: p99", found["noop_p99_us"] / 1000
    for kind, service in BOTH:
        with load.Held(work, subject, "flood", service, count=4, **load.of(light)) as flood:
            found = canary(subject, work, service)
        yield "NOOP beside 4 floods, %s: p50" % kind, found["noop_p50_us"] / 1000
        yield "NOOP beside 4 floods, %s: p99" % kind, found["noop_p99_us"] / 1000
        yield "commands of the 4 floods, %s" % kind, flood.last["rate"]


def connections(subject, work, number):
    for part in (logins, storms) if number else (idle, news, logins, half_open, storms):  # the others are slow, and steady
        yield from part(subject, work)


BENCH = Bench(connections, {
    "idle session, in the clear: memory": Row("KiB", True, {"Postfach": 4}),
    "idle sessions, in the clear: opened": Row("1/s"),
    "idle session, TLS: memory": Row("KiB", True, {"Postfach": 20}),
    "idle sessions, TLS: opened": Row("1/s"),
    "idle sessions: threads in all": Row("", True, {"Postfach": 64}),
    "delivery to EXISTS, in the clear: p50": Row("ms", True, {"Postfach": 5}),
    "delivery to EXISTS, in the clear: p99": Row("ms", True, {"Postfach": 25}),
    "delivery to EXISTS, TLS: p50": Row("ms", True, {"Postfach": 5}),
    "delivery to EXISTS, TLS: p99": Row("ms", True, {"Postfach": 25}),
    "one delivery, told to all, in the clear: to the last": Row("ms", True, {"Postfach": 250}),
    "one delivery, told to all, TLS: to the last": Row("ms", True, {"Postfach": 250}),
    "logins, in the clear, 1 at once": Row("1/s", target=TARGETS["in the clear"]),
    "logins, in the clear, 20 at once": Row("1/s", target=TARGETS["in the clear"]),
    "logins, TLS, 1 at once": Row("1/s", target=TARGETS["TLS"]),
    "logins, TLS, 20 at once": Row("1/s", target=TARGETS["TLS"]),
    "a login beside half-open connections, in the clear: the slowest": Row("ms", True, {"Postfach": 1000}),
    "a login beside half-open connections, TLS: the slowest": Row("ms", True, {"Postfach": 1000}),
    "NOOP, alone: p50": Row("ms", True),
    "NOOP, alone: p99": Row("ms", True, {"Postfach": 5}),
    "a reader who takes nothing: memory": Row("KiB", True, {"Postfach": 150}),
    "NOOP beside stalled readers and slow uploaders: p50": Row("ms", True),
    "NOOP beside stalled readers and slow uploaders: p99": Row("ms", True, {"Postfach": 5}),
    "NOOP beside 4 floods, in the clear: p50": Row("ms", True),
    "NOOP beside 4 floods, in the clear: p99": Row("ms", True, {"Postfach": 10}),
    "commands of the 4 floods, in the clear": Row("1/s"),
    "NOOP beside 4 floods, TLS: p50": Row("ms", True),
    "NOOP beside 4 floods, TLS: p99": Row("ms", True, {"Postfach": 10}),
    "commands of the 4 floods, TLS": Row("1/s"),
}, subjects=("Postfach", "Dovecot default", "Dovecot maildir"), alone=True,
              options={"limits.connections": 12000, "limits.connections_per_address": 12000, "limits.connections_per_account": 12000},
              note="Sessions: %d idle, %d idle beside a delivery, %d told of one delivery, %d readers who take nothing and as many slow "
                   "uploaders; the Dovecots %d, %d, %d, %d. Half-open connections: %d, beside Dovecot default %d."
                   % (IDLE, WATCHED, TOLD, STALLED, IDLE_OTHERS, WATCHED_OTHERS, TOLD_OTHERS, STALLED_OTHERS, HALF_OPEN, HALF_OPEN_DEFAULT))
