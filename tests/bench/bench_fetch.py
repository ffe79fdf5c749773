"""FETCH over a large mailbox; cold is the first FETCH ever of a mailbox just filled."""
import time

from bench import Bench, Row, filled, mailbox, rate
from speak import Imap


def fetch(subject, work, _):
    fresh = filled(subject, work, work.cold)
    with Imap(subject.ports["imap"], fresh) as imap:
        imap.ask(b"EXAMINE INBOX")
        began = time.perf_counter()
        imap.fetched(b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", work.cold)
        yield "fetch ENVELOPE BODYSTRUCTURE, cold", rate(work.cold, began)
    account = mailbox(subject, work)
    with Imap(subject.ports["imap"], account) as imap:
        imap.ask(b"EXAMINE INBOX")
        imap.fetched(b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", work.messages)
        for row, items in (("fetch UID FLAGS", b"(UID FLAGS)"), ("fetch ENVELOPE BODYSTRUCTURE, warm", b"(ENVELOPE BODYSTRUCTURE)")):
            began = time.perf_counter()
            imap.fetched(b"FETCH 1:* " + items, work.messages)
            yield row, rate(work.messages, began)
        began = time.perf_counter()
        size = imap.fetched(b"FETCH 1:* BODY.PEEK[]", work.messages)
        yield "fetch BODY.PEEK[]", rate(size / 1e6, began)
    with Imap(subject.ports["imaps"], account, True) as imap:
        imap.ask(b"EXAMINE INBOX")
        began = time.perf_counter()
        size = imap.fetched(b"FETCH 1:* BODY.PEEK[]", work.messages)
        yield "fetch BODY.PEEK[], TLS", rate(size / 1e6, began)


BENCH = Bench(fetch, {
    "fetch ENVELOPE BODYSTRUCTURE, cold": Row("mails/s"),
    "fetch UID FLAGS": Row("mails/s"),
    "fetch ENVELOPE BODYSTRUCTURE, warm": Row("mails/s"),
    "fetch BODY.PEEK[]": Row("MB/s"),
    "fetch BODY.PEEK[], TLS": Row("MB/s"),
})
