"""LMTP deliveries of 5 KiB, one sender and ten at once."""
import time

from bench import Bench, Row, rate, side_by_side
from speak import Lmtp


def deliver(subject, work, _):
    for row, senders in (("deliver, 1 sender", 1), ("deliver, 10 senders", 10)):
        accounts = [subject.account("deliver") for _ in range(senders)]
        connections = [Lmtp(subject.ports["lmtp"]) for _ in range(senders)]
        for account, lmtp in zip(accounts, connections):
            lmtp.deliver(account[0], work.stuffed[0])  # an account's first mail also makes its mailbox
        each = work.deliveries // senders

        def send(sender):
            for number in range(each):
                connections[sender].deliver(accounts[sender][0], work.stuffed[number % len(work.stuffed)])
        began = time.perf_counter()
        side_by_side(senders, send)
        yield row, rate(each * senders, began)
        for lmtp in connections:
            lmtp.quit()


BENCH = Bench(deliver, {
    "deliver, 1 sender": Row("mails/s"),
    "deliver, 10 senders": Row("mails/s"),
})
