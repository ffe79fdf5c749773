"""POP3: a session that lists a large maildrop, and RETR."""
import time

from bench import Bench, Row, mailbox, rate
from speak import Pop3


def pop3(subject, work, round_number):
    account = mailbox(subject, work)

    def listing():
        connection = Pop3(subject.ports["pop3"], account)
        connection.short(b"STAT\r\n")
        connection.long(b"UIDL\r\n")
        connection.long(b"LIST\r\n")
        connection.quit()
    if round_number == 0:
        listing()
    began = time.perf_counter()
    listing()
    yield "pop3 login STAT UIDL LIST QUIT", rate(work.messages, began)
    connection = Pop3(subject.ports["pop3"], account)
    commands = [b"RETR %d\r\n" % (number + 1) for number in range(work.retrieved)]
    began = time.perf_counter()
    for command in commands:
        connection.long(command)
    yield "pop3 RETR, one by one", rate(len(commands), began)
    began = time.perf_counter()
    for first in range(0, len(commands), 100):
        connection.long(b"".join(commands[first:first + 100]), len(commands[first:first + 100]))
    yield "pop3 RETR, 100 at once", rate(len(commands), began)
    connection.quit()


BENCH = Bench(pop3, {
    "pop3 login STAT UIDL LIST QUIT": Row("mails/s"),
    "pop3 RETR, one by one": Row("mails/s"),
    "pop3 RETR, 100 at once": Row("mails/s"),
})
