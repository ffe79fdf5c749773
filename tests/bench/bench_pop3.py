"""POP3: a session that lists a large maildrop; RETR of a whole one, together and one by one, in the clear and over TLS; taking it away."""
import load
from bench import Bench, Row, filled, mailbox
from bench_store import large

TWICE = {"Dovecot": 2}
WINDOW = 100
KINDS = (("in the clear", "pop3"), ("TLS", "pop3s"))


def pop3(subject, work, round_number):
    account = mailbox(subject, work)

    def listing(of_whom, repeat):
        return load.run(work, subject, "maildrop", "pop3", repeat=repeat, **load.of(of_whom))["session_p50_us"] / 1000
    listing(account, 1)
    yield "login STAT UIDL LIST QUIT, 10,000", listing(account, 5)
    if round_number == 0:
        many = large(subject, work)[0]
        listing(many, 1)
        yield "login STAT UIDL LIST QUIT, 100,000", listing(many, 3)
    subject.restart()  # the kernel still has the files, the server nothing
    found = load.run(work, subject, "retr", "pop3", messages=work.messages, window=WINDOW, **load.of(account))
    yield "RETR pipelined, the first after a restart", found["rate"]
    for kind, service in KINDS:
        for way, window in (("one by one", 1), ("pipelined", WINDOW)):
            found = load.run(work, subject, "retr", service, messages=work.messages, window=window, **load.of(account))
            yield "RETR %s, %s" % (way, kind), found["rate"]
    gone = filled(subject, work, work.retrieved)
    found = load.run(work, subject, "retr", "pop3", messages=work.retrieved, window=WINDOW, dele=True, **load.of(gone))
    yield "RETR, DELE and QUIT", found["rate"]


ROWS = {"login STAT UIDL LIST QUIT, 10,000": Row("ms", less=True, target=TWICE),
        "login STAT UIDL LIST QUIT, 100,000": Row("ms", less=True, target=TWICE)}
ROWS["RETR pipelined, the first after a restart"] = Row("mails/s", target={"Dovecot": 1})
ROWS.update({"RETR %s, %s" % (way, kind): Row("mails/s", target=TWICE) for kind, _ in KINDS for way in ("one by one", "pipelined")})
ROWS["RETR, DELE and QUIT"] = Row("mails/s", target=TWICE)
BENCH = Bench(pop3, ROWS, note="pop3: mails of 5 KiB; one connection; pipelined: %d commands on their way. QUIT after DELE waits for the disk." % WINDOW)
