"""APPEND of 5 KiB, each in one piece (LITERAL+), one after the other."""
import time

from bench import Bench, Row, rate
from speak import Imap


def append(subject, work, _):
    imap = Imap(subject.ports["imap"], subject.account("append"))
    commands = [b"APPEND INBOX {%d+}\r\n%s" % (len(one), one) for one in work.mails]
    imap.ask(commands[0])
    began = time.perf_counter()
    for number in range(work.appends):
        imap.ask(commands[number % len(commands)])
    yield "append", rate(work.appends, began)
    imap.logout()


BENCH = Bench(append, {
    "append": Row("mails/s"),
})
