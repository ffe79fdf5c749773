"""SELECT of a large mailbox."""
import time

from bench import Bench, Row, mailbox, rate
from speak import Imap


def select(subject, work, _):
    account = mailbox(subject, work)
    with Imap(subject.ports["imap"], account) as imap:
        imap.ask(b"SELECT INBOX")
        began = time.perf_counter()
        for _ in range(work.selects):
            imap.ask(b"UNSELECT")
            imap.ask(b"SELECT INBOX")
        yield "select, same session", rate(work.selects, began)
    began = time.perf_counter()
    for _ in range(work.selects):
        imap = Imap(subject.ports["imap"], account)
        imap.ask(b"SELECT INBOX")
        imap.logout()
    yield "select, login to logout", rate(work.selects, began)


BENCH = Bench(select, {
    "select, same session": Row("1/s"),
    "select, login to logout": Row("1/s"),
})
