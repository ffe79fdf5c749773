"""What a bench is made of: its rows, their targets, and the work that several benches share."""
import dataclasses
import threading
import time
import typing

from speak import Lmtp

SIZE = 5 * 1024
STANDARD = ("Postfach", "Dovecot maildir", "Dovecot sdbox")  # servers.KINDS has all there are


@dataclasses.dataclass
class Row:
    """One line of the table. `less`: smaller is better; the ratio is turned, so that above 1 Postfach is always the better one.

    target: {"Postfach": bound} is an absolute one (at least; at most with `less`), {"Dovecot …": ratio} the least ratio to
    that server; any other word stands for every server whose name begins with it.
    """
    unit: str
    less: bool = False
    target: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Bench:
    """function(subject, work, round) yields (row, value), or (row, None) where that server has no such thing. All rows in the
    first round; later ones may leave out what one round shows.

    subjects: who is compared, Postfach first. alone: servers of its own, started for this bench (memory, options).
    options: configuration of Postfach; {} of the shared servers.
    """
    function: typing.Callable
    rows: dict  # name: Row
    subjects: tuple = STANDARD
    alone: bool = False
    options: dict = dataclasses.field(default_factory=dict)
    note: str = ""  # printed under the table, on a full run: sizes that a row's name has no room for


class Work:
    """How much of everything."""

    def __init__(self, quick, messages=None, build=None):
        self.quick, self.build = quick, build
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
