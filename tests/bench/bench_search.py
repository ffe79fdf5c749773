"""SEARCH over a large mailbox, with a check of how many are found."""
import time

from bench import Bench, Row, mailbox, rate
from speak import Failed, Imap


def search(subject, work, _):
    with Imap(subject.ports["imap"], mailbox(subject, work)) as imap:
        imap.ask(b"EXAMINE INBOX")
        for row, key, every in (("search SUBJECT", b"SUBJECT quokka", 7), ("search BODY", b"BODY zymurgy", 0)):
            began = time.perf_counter()
            answer = b"".join(imap.ask(b"SEARCH " + key))
            value = rate(work.messages, began)
            wanted = sum(number % len(work.mails) % 50 == every for number in range(work.messages))
            found = len(answer[:answer.index(b"\r\n")].split()) - 2
            if found != wanted:
                raise Failed("%s found %d messages, not %d" % (row, found, wanted))
            yield row, value


BENCH = Bench(search, {
    "search SUBJECT": Row("mails/s"),
    "search BODY": Row("mails/s"),
})
