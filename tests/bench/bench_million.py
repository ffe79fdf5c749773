"""A million stored messages: what comes in beside them, and what they take."""
import load
from bench import SIZE, Bench, Row

RECIPIENTS, RUN = 10, 25_000  # of one mail; mails at once in the load generator's memory


def rate(subject, work, inboxes):
    return load.run(work, subject, "deliver", "lmtp", count=10, mails=work.deliveries * 4, **load.of(inboxes))["rate"]


def million(subject, work, _):
    inboxes = [subject.account("million") for _ in range(RECIPIENTS)]
    load.run(work, subject, "deliver", "lmtp", count=10, mails=100, size=1000, **load.of(inboxes))
    empty = rate(subject, work, inboxes)
    yield "deliver, 10 at once, into little", empty
    mails = 500 if work.quick else 1_000_000 // RECIPIENTS
    before = subject.disk()
    for left in range(mails, 0, -RUN):
        load.run(work, subject, "deliver", "lmtp", count=10, mails=min(left, RUN), recipients=RECIPIENTS, **load.of(inboxes))
    subject.restart()
    yield "on disk for a byte stored", (subject.disk() - before) / (mails * RECIPIENTS * SIZE)
    full = rate(subject, work, inboxes)
    yield "deliver, 10 at once, beside a million", full
    yield "of that into little", 100 * full / empty


BENCH = Bench(million, {
    "deliver, 10 at once, into little": Row("mails/s"),
    "on disk for a byte stored": Row("bytes", less=True),
    "deliver, 10 at once, beside a million": Row("mails/s"),
    "of that into little": Row("%", target={"Postfach": 80}),
}, subjects=("Postfach",), alone=True, note="million: 100,000 mails that differ, each to 10 accounts (--quick: 500)")
