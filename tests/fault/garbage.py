"""Strangers on every port: noise, the wrong protocol, sessions cut anywhere, endless lines, too large literals, half-open
connections, questions without an ear for the answers. The sessions that were there before go on, memory stays bounded."""
import random
import select
import socket
import ssl
import struct
import time

from common import Canary, mails, sanitized, server, wire

PLAIN = ["imap", "pop3", "lmtp"]
SECURE = ["imaps", "pop3s", "admin"]
MESSAGE_SIZE = 4 << 20
HALF_OPEN = 1000


class Stranger:
    """A connection that forgives everything; `secure` has finished its handshake."""

    def __init__(self, office, service, secure=False, timeout=10):
        self.socket = socket.create_connection((office.host, office.ports[service]), timeout)
        if secure:
            self.socket = wire.unverified().wrap_socket(self.socket)

    def send(self, data):
        """False when the server no longer listens."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def read(self, seconds=0.2, most=1 << 20):
        """What comes until the end, or until nothing comes for that long."""
        got = b""
        self.socket.settimeout(seconds)
        try:
            while len(got) < most:
                piece = self.socket.recv(65536)
                if not piece:
                    break
                got += piece
        except OSError:
            pass
        return got

    def leave(self, hard):
        """hard: with a reset."""
        try:
            if hard:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        except OSError:
            pass


def hello():
    """A TLS client's first flight."""
    sent = ssl.MemoryBIO()
    tls = wire.unverified().wrap_bio(ssl.MemoryBIO(), sent)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def noise(office, chance, canary):
    for service in PLAIN + SECURE:
        for secure in ([False, True] if service in SECURE else [False]):
            for number in range(6):
                stranger = Stranger(office, service, secure)
                stranger.send(chance.randbytes(chance.choice([1, 100, 5000, 70000])))
                if number % 3 == 0:
                    stranger.read(0.05)
                stranger.leave(number % 2)


def wrong_protocol(office, chance, canary):
    for service in PLAIN:
        for _ in range(5):
            stranger = Stranger(office, service)
            stranger.send(hello())
            stranger.read(0.1)
            stranger.leave(False)
    for service in PLAIN + SECURE:
        for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"a LOGIN x y\r\n" * 20, b"USER x\r\nPASS y\r\n" * 20, b"\r\n" * 5000):
            stranger = Stranger(office, service)
            stranger.send(words)
            stranger.read(0.1)
            stranger.leave(True)


def dialogues(address, password):
    user, word = address.encode(), password.encode()
    login = b"a LOGIN %s %s\r\n" % (user, word)
    return {
        "imaps": [login, b"b SELECT INBOX\r\n", b"c APPEND INBOX {400000}\r\n", b"x" * 200_000, b"x" * 200_000, b"\r\n"],
        "imap": [b"a CAPABILITY\r\n", b"b LOGIN {5}\r\n", b"some", b"one {4}\r\n", b"c STARTTLS\r\n"],
        "pop3s": [b"USER %s\r\n" % user, b"PASS %s\r\n" % word, b"RETR 1\r\n", b"DELE 1\r\n", b"QUIT\r\n"],
        "pop3": [b"CAPA\r\n", b"STLS\r\n", hello()],
        "lmtp": [b"LHLO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<%s>\r\n" % user, b"DATA\r\n",
                 b"Subject: half\r\n\r\n" + b"y" * 300_000, b"\r\n.\r"],
        "admin": [b"POST /api/v1/accounts HTTP/1.1\r\n", b"Host: x\r\nContent-Length: 100000\r\n\r\n", b"{" * 50000],
    }


def cut(office, chance, canary):
    address, password = office.account("cut")
    message = mails.plain("stays")
    office.deliver(address, message)
    for service, steps in dialogues(address, password).items():
        for last in range(len(steps)):
            stranger = Stranger(office, service, service in SECURE)
            for step in steps[:last]:
                stranger.send(step)
                stranger.read(0.03)
            stranger.send(steps[last][:max(1, len(steps[last]) // 2)])
            stranger.leave(last % 2)
    first = hello()
    for service in SECURE:  # in the middle of a handshake
        for size in (1, 5, len(first) // 2, len(first)):
            stranger = Stranger(office, service)
            stranger.send(first[:size])
            if size == len(first):
                stranger.read(0.05)
            stranger.leave(size % 2)
    time.sleep(0.5)
    stored = list(office.imap(address, password).messages().values())
    canary.report.check("sessions cut anywhere: nothing half is stored, nothing deleted without a QUIT",
                        len(stored) == 1 and wire.is_delivered(stored[0], message), len(stored))


def endless_lines(office, chance, canary):
    piece = b"a" * 65536
    for service in PLAIN + SECURE:
        stranger = Stranger(office, service, service in SECURE, timeout=5)
        sent = 0
        while sent < 32 << 20 and stranger.send(piece):
            sent += len(piece)
        print("an endless line on %s: heard %d KiB" % (service, sent // 1024))
        stranger.leave(True)
    for start in (b"a LOGIN ", b"a LOGIN \"", b"a SEARCH " + b"(" * 100):
        stranger = Stranger(office, "imaps", True, timeout=5)
        stranger.send(start)
        for _ in range(200):
            if not stranger.send(piece):
                break
        stranger.leave(False)


def too_large(office, chance, canary):
    report = canary.report
    for size in (b"{1000000000}", b"{99999999999999999999999}", b"{1000000+}", b"{-1}", b"{4294967296}"):
        stranger = Stranger(office, "imaps", True)
        stranger.read(0.1, 1)
        stranger.send(b"a LOGIN " + size + b"\r\n")
        answer = stranger.read(0.2)
        report.check("a literal %s before login is not asked for" % size.decode(), b"\r\n+" not in answer and not answer.startswith(b"+"), answer)
        stranger.leave(True)
    with office.imap(canary.address, canary.password) as imap:
        answer, _ = imap.ask("APPEND INBOX {1073741824}")
        report.check("an APPEND of 1 GiB is refused with TOOBIG", answer.startswith(b"NO [TOOBIG]"), answer)
        report.same("... and the session goes on", imap.ask("NOOP")[0][:2], b"OK")
    with office.lmtp() as lmtp:
        reply = lmtp.reply("MAIL FROM:<a@b.test> SIZE=%d" % (MESSAGE_SIZE * 2))
        report.check("a MAIL that announces too much: 552", reply.startswith(b"552"), reply)
        reply = lmtp.deliver("a@b.test", canary.address, b"x" * (MESSAGE_SIZE * 4))[0]
        report.check("too much without announcement: 552", reply.startswith(b"552"), reply)
        reply = lmtp.reply("NOOP")
        report.check("... and the session goes on", reply.startswith(b"250"), reply)
    for head in (b"Content-Length: 1000000000000\r\n", b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: -1\r\n",
                 b"Transfer-Encoding: chunked\r\n"):
        stranger = Stranger(office, "admin", True, timeout=1)
        stranger.send(b"PUT /api/v1/domains/x.test HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n" + head + b"\r\n")
        for _ in range(256):
            if not stranger.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
                break
        stranger.leave(True)


def nuls(office, chance, canary):
    for service in PLAIN + SECURE:
        for words in (b"\0", b"\0" * 10000 + b"\r\n", b"a LO\0GIN x y\r\n", b"US\0ER x\r\n", b"LHLO \0\r\nMAIL FROM:<\0@b>\r\n",
                      b"GET /\0 HTTP/1.1\r\nHost: \0\r\n\r\n"):
            stranger = Stranger(office, service, service in SECURE)
            stranger.send(words)
            stranger.read(0.05)
            stranger.leave(False)


def half_open(office, chance, canary):
    first = hello()
    ports = PLAIN + SECURE
    held = []
    try:
        for number in range(HALF_OPEN):
            service = ports[number % len(ports)]
            stranger = Stranger(office, service)
            stranger.send(first[:len(first) // 2] if service in SECURE else b"a LOG")
            held.append(stranger)
        time.sleep(0.5)
        seconds = canary.login_time()
        print("%d half-open connections: a login takes %.3f s" % (len(held), seconds))
        canary.report.check("beside %d half-open connections a login takes less than a second" % HALF_OPEN,
                            seconds < (10 if canary.sanitized else 1), seconds)
        canary.well("while they are there")
    finally:
        for number, stranger in enumerate(held):
            stranger.leave(number % 2)


def floods(office, chance, canary):
    """Questions without reading the answers: the server stops reading, instead of keeping all of them."""
    address, password = office.account("flood")
    for number in range(3):
        office.deliver(address, mails.plain("flood %d" % number, ("x" * 70 + "\r\n") * 20_000))
    login = b"a LOGIN %s %s\r\nb SELECT INBOX\r\n" % (address.encode(), password.encode())
    kinds = [("imaps", login, b"c FETCH 1:* BODY.PEEK[]\r\n" * 100), ("imaps", login, b"c NOOP\r\n" * 5000),
             ("imaps", b"", b"c CAPABILITY\r\n" * 5000), ("pop3s", b"", b"CAPA\r\n" * 5000),
             ("lmtp", b"", b"LHLO x\r\n" * 5000), ("admin", b"", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 500)]
    held = []
    try:
        for service, start, questions in kinds:
            for _ in range(2):
                stranger = Stranger(office, service, service in SECURE)
                stranger.send(start)
                stranger.socket.settimeout(0.5)
                for _ in range(100):
                    if not select.select([], [stranger.socket], [], 0.1)[1] or not stranger.send(questions):
                        break
                held.append(stranger)
        canary.bounded("pipelined floods, their answers unread")
        canary.well("beside the floods")
    finally:
        for stranger in held:
            stranger.leave(True)


class Watch(Canary):
    """The canary with a report, and with an eye on the server's memory."""

    def __init__(self, report, office, build):
        super().__init__(office)
        self.report, self.sanitized = report, sanitized(build)
        self.login_time()  # what the first login costs is not what is measured
        self.before = office.resident()[0]

    def well(self, when):
        self.report.same("%s: the sessions there were go on" % when, self.ask(), [])

    def bounded(self, when):
        grown = self.office.resident()[0] - self.before
        print("%s: %.1f MiB more" % (when, grown))
        self.report.check("%s: memory is bounded" % when, grown < (1000 if self.sanitized else 96), grown)


def test(report, office, given):
    canary = Watch(report, office, given.build)
    for trouble in (noise, wrong_protocol, cut, endless_lines, too_large, nuls, half_open, floods):
        name = trouble.__name__.replace("_", " ")
        began = time.monotonic()
        trouble(office, random.Random(name), canary)
        print("%s: %.1f s" % (name, time.monotonic() - began))
        canary.well("after " + name)
        canary.bounded("after " + name)
    seconds = canary.login_time()
    report.check("a new login works as before", seconds < 10, seconds)
    report.same("the server ends well after all this", office.terminate(), 0)


if __name__ == "__main__":
    server.main("garbage", test, {"limits.message_size": MESSAGE_SIZE}, remote=False)
