"""Logins: connect, LOGIN, LOGOUT."""
import time

from bench import Bench, Row, rate
from speak import Imap


def login(subject, work, _):
    account = subject.account("login")
    for row, service in (("login, plain", "imap"), ("login, TLS", "imaps")):
        Imap(subject.ports[service], account, service == "imaps").logout()
        began = time.perf_counter()
        for _ in range(work.logins):
            Imap(subject.ports[service], account, service == "imaps").logout()
        yield row, rate(work.logins, began)


BENCH = Bench(login, {
    "login, plain": Row("1/s"),
    "login, TLS": Row("1/s"),
})
