"""What is measured. A bench is a function (subject, work, round) that yields (row, value); every value is a rate: more is better.

The same lines run against every server; subject.ports and subject.account() are all they know of it.
"""
import threading
import time

from speak import Failed, Imap, Lmtp, Pop3

SIZE = 5 * 1024


class Work:
    """How much of everything."""

    def __init__(self, quick, messages=None):
        self.messages = messages or (600 if quick else 10000)
        self.cold = self.messages // 4 if quick else self.messages // 5
        self.deliveries = 60 if quick else 1000
        self.appends = 50 if quick else 1000
        self.logins = 30 if quick else 400
        self.selects = 10 if quick else 50
        self.retrieved = min(self.messages, 200 if quick else 2000)
        self.mails = [mail(number) for number in range(500)]
        self.stuffed = [one.replace(b"\r\n.", b"\r\n..") + b".\r\n" for one in self.mails]


def mail(number):
    """5 KiB: plain text, or text beside HTML, or text with an attachment; every fiftieth has a rare word."""
    words = "The minutes of our meeting on Tuesday are below; please read them until Friday and answer where you differ. "
    lines = [words[shift:shift + 70].strip() for shift in range(0, 34)]
    text = "".join("%d %s\r\n" % (number * 7 + at, lines[(number + at) % len(lines)]) for at in range(80))
    if number % 50 == 0:
        text = "A word in the body: zymurgy\r\n" + text
    subject = "Minutes %d%s" % (number, " about the quokka" if number % 50 == 7 else "")
    head = ("Date: Mon, 3 Nov 2025 10:%02d:%02d +0100\r\nFrom: Sender %d <sender%d@elsewhere.test>\r\n"
            "To: One <one@office.test>, Two <two@office.test>\r\nCc: Three <three@office.test>\r\nSubject: %s\r\n"
            "Message-ID: <bench-%d@elsewhere.test>\r\nIn-Reply-To: <bench-%d@elsewhere.test>\r\n"
            "References: <bench-%d@elsewhere.test>\r\nMIME-Version: 1.0\r\n"
            % (number // 60 % 60, number % 60, number % 40, number % 40, subject, number, number - 1, number - 1))
    plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    if number % 3 == 0:
        parts = [head + plain]
        ends = ["\r\n"]
    else:
        second = ("Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>" if number % 3 == 1 else
                  "Content-Type: application/octet-stream; name=minutes.bin\r\nContent-Disposition: attachment\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n")
        kind = "alternative" if number % 3 == 1 else "mixed"
        parts = [head + "Content-Type: multipart/%s; boundary=\"limit\"\r\n\r\n--limit\r\n" % kind + plain]
        filler = "bWludXRlcyBvZiBvdXIgbWVldGluZyBvbiBUdWVzZGF5IGFyZSBiZWxvdwAAAAAAAAAA\r\n" * 18
        ends = ["\r\n--limit\r\n" + second + filler + "\r\n--limit--\r\n"]
    room = SIZE - len(parts[0]) - len(ends[0])
    return (parts[0] + text[:room].rstrip("\r\n") + ends[0]).encode()


def rate(count, began):
    return count / (time.perf_counter() - began)


def side_by_side(count, action):
    """Runs action(0…count-1) in threads; the first error is raised here."""
    errors = []

    def one(number):
        try:
            action(number)
        except Exception as error:
            errors.append(error)
    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def filled(subject, work, count):
    """A fresh account whose INBOX holds that many mails, delivered by LMTP from four senders."""
    account = subject.account("filled")

    def send(sender):
        lmtp = Lmtp(subject.ports["lmtp"])
        for number in range(sender, count, 4):
            lmtp.deliver(account[0], work.stuffed[number % len(work.stuffed)])
        lmtp.quit()
    side_by_side(4, send)
    return account


def mailbox(subject, work):
    """The large mailbox, made when it is first wanted."""
    if not getattr(subject, "mailbox", None):
        subject.mailbox = filled(subject, work, work.messages)
    return subject.mailbox


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


def login(subject, work, _):
    account = subject.account("login")
    for row, service in (("login, plain", "imap"), ("login, TLS", "imaps")):
        Imap(subject.ports[service], account, service == "imaps").logout()
        began = time.perf_counter()
        for _ in range(work.logins):
            Imap(subject.ports[service], account, service == "imaps").logout()
        yield row, rate(work.logins, began)


def append(subject, work, _):
    imap = Imap(subject.ports["imap"], subject.account("append"))
    commands = [b"APPEND INBOX {%d+}\r\n%s" % (len(one), one) for one in work.mails]
    imap.ask(commands[0])
    began = time.perf_counter()
    for number in range(work.appends):
        imap.ask(commands[number % len(commands)])
    yield "append", rate(work.appends, began)
    imap.logout()


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


# name: (function, {row: unit})
BENCHES = {
    "deliver": (deliver, {"deliver, 1 sender": "mails/s", "deliver, 10 senders": "mails/s"}),
    "login": (login, {"login, plain": "1/s", "login, TLS": "1/s"}),
    "append": (append, {"append": "mails/s"}),
    "fetch": (fetch, {"fetch ENVELOPE BODYSTRUCTURE, cold": "mails/s", "fetch UID FLAGS": "mails/s",
                      "fetch ENVELOPE BODYSTRUCTURE, warm": "mails/s", "fetch BODY.PEEK[]": "MB/s",
                      "fetch BODY.PEEK[], TLS": "MB/s"}),
    "search": (search, {"search SUBJECT": "mails/s", "search BODY": "mails/s"}),
    "pop3": (pop3, {"pop3 login STAT UIDL LIST QUIT": "mails/s", "pop3 RETR, one by one": "mails/s",
                    "pop3 RETR, 100 at once": "mails/s"}),
    "select": (select, {"select, same session": "1/s", "select, login to logout": "1/s"}),
}
