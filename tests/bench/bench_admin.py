"""The administration API: GETs on kept connections, a long list, an office in one document, and mail meanwhile."""
import json
import ssl
import socket
import threading
import time

from bench import Bench, Row, rate
from speak import Imap

HASH = "{SHA512-CRYPT}$6$saltsalt$Xl.pQ7c4RmGGmqGrhQbxMoTgpvTz4SYuNE8lZVgAzCeXNOpLNrwzMJVhOB2LzIkBqnKiBvDVJxnLa0wUPrXDe0"
IN_FLIGHT = 16      # of a connection: the client here is the slower side
CONNECTIONS = 4


class Http:
    """A kept connection that counts answers and looks at no more of them than their length."""

    def __init__(self, office):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection((office.host, office.ports["admin"]), 60))
        self.head = "HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n" % office.token
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, rest = self.buffer.split(b"\r\n\r\n", 1)
        length = int(head.split(b"Content-Length: ", 1)[1].split(b"\r\n", 1)[0])
        self.buffer = rest
        while len(self.buffer) < length:
            self.more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(head.decode() + body[:200].decode())
        return body

    def more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise RuntimeError("the connection ended")
        self.buffer += piece

    def get(self, path):
        self.socket.sendall(("GET %s %s\r\n" % (path, self.head)).encode())
        return json.loads(self.answer())

    def post(self, path, body):
        self.socket.sendall(("POST %s %sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (path, self.head, len(body), body)).encode())
        return json.loads(self.answer())

    def many(self, path, count):
        request = ("GET %s %s\r\n" % (path, self.head)).encode()
        sent = min(count, IN_FLIGHT)
        self.socket.sendall(request * sent)
        for done in range(count):
            self.answer()
            if sent < count and (done + 1) % (IN_FLIGHT // 2) == 0:
                more = min(IN_FLIGHT // 2, count - sent)
                self.socket.sendall(request * more)
                sent += more

    def page_by_page(self, path):
        found, cursor = 0, None
        while True:
            page = self.get("%s?limit=1000%s" % (path, "&cursor=" + cursor if cursor else ""))
            found += len(page["items"])
            cursor = page["next"]
            if not cursor:
                return found

    def apply(self, domain, count):
        accounts = [{"address": "user%d@%s" % (number, domain), "password_hash": HASH} for number in range(count)]
        task = self.post("/api/v1/configuration/apply", json.dumps({"accounts": accounts}))
        while task["state"] not in ("done", "failed"):
            time.sleep(0.01)
            task = self.get("/api/v1/tasks/" + task["id"])
        if task["state"] == "failed":
            raise RuntimeError(task["error"])


class Noops:
    """A session that asks NOOP again and again while something else goes on."""

    def __init__(self, subject):
        self.imap, self.times, self.over = Imap(subject.ports["imap"], subject.account("noop")), [], False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over:
            began = time.perf_counter()
            self.imap.ask(b"NOOP")
            self.times.append(time.perf_counter() - began)
            time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.imap.logout()

    def p99(self):
        return sorted(self.times)[len(self.times) * 99 // 100] * 1000


def admin(subject, work, turn):
    office = subject.office
    count, created, listed = (400, 50, 200) if work.quick else (20000, 1000, 10000)
    with Http(office) as http:
        address = subject.account("asked")[0].decode()
        path = "/api/v1/accounts/" + address
        http.many(path, count // 10)
        with Noops(subject) as noops:
            began = time.perf_counter()
            others = [Http(office) for _ in range(CONNECTIONS)]
            threads = [threading.Thread(target=one.many, args=(path, count // CONNECTIONS)) for one in others]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            yield "GET of an account, kept connections", rate(count // CONNECTIONS * CONNECTIONS, began)
            for one in others:
                one.socket.close()
            began = time.perf_counter()
            http.apply("apply%d.test" % turn, created)
            yield "1,000 accounts by one document", (time.perf_counter() - began) * (1000 / created)
        yield "NOOP meanwhile, p99", noops.p99()
        have = http.page_by_page("/api/v1/accounts")
        if have < listed:
            http.apply("list%d.test" % turn, listed - have)
        began = time.perf_counter()
        found = http.page_by_page("/api/v1/accounts")
        yield "10,000 accounts page by page", (time.perf_counter() - began) * (10000 / found)


BENCH = Bench(admin, {
    "GET of an account, kept connections": Row("1/s", target={"Postfach": 5000}),
    "1,000 accounts by one document": Row("s", less=True, target={"Postfach": 5}),
    "NOOP meanwhile, p99": Row("ms", less=True, target={"Postfach": 20}),
    "10,000 accounts page by page": Row("s", less=True, target={"Postfach": 1}),
}, subjects=("Postfach",), alone=True)
