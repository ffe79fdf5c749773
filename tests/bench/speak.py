"""IMAP, POP3 and LMTP with as little work on our side as can be: prepared bytes go out, answers are counted, not parsed.

What an answer holds is looked at after the clock has stopped.
"""
import socket
import ssl

PIECE = 1 << 20


class Failed(Exception):
    """The server did not do what it was asked; the text says what it answered."""


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


TLS = unverified()


class Line:
    """A connection. What was read past an answer stays for the next one."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = TLS.wrap_socket(self.socket, server_hostname="localhost")

    def receive(self):
        data = self.socket.recv(PIECE)
        if not data:
            raise Failed("the server closed the connection")
        return data

    def send(self, data):
        self.socket.sendall(data)

    def lines(self, count=1):
        """That many lines, and nothing may follow them."""
        data = self.receive()
        while data.count(b"\r\n") < count or not data.endswith(b"\r\n"):
            data += self.receive()
        return data

    def ended(self):
        """Reads until the server closes."""
        while self.socket.recv(PIECE):
            pass

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Imap(Line):
    def __init__(self, port, account, tls=False):
        super().__init__(port, tls)
        if not self.lines().startswith(b"* OK"):
            raise Failed("no greeting")
        self.ask(b"LOGIN %s %s" % account)

    def ask(self, command):
        """One command and its whole answer, in pieces as they came."""
        self.send(b"t9 %s\r\n" % command)
        return self.answer()

    def answer(self):
        pieces, tail = [], b""
        while True:
            data = self.receive()
            pieces.append(data)
            tail = tail[-2000:] + data[-2000:]
            if tail.endswith(b"\r\n"):
                last = tail[tail.rfind(b"\n", 0, -2) + 1:]
                if last.startswith(b"t9 "):
                    if not last.startswith(b"t9 OK"):
                        raise Failed(last.decode(errors="replace").strip())
                    return pieces

    def fetched(self, command, count):
        """A FETCH that must name that many messages; returns the bytes of the answer."""
        whole = b"".join(self.ask(command))
        found = whole.count(b" FETCH (")
        if found != count:
            raise Failed("%s: %d of %d messages" % (command.decode(), found, count))
        return len(whole)

    def logout(self):
        self.send(b"t9 LOGOUT\r\n")
        self.ended()
        self.close()


class Pop3(Line):
    def __init__(self, port, account):
        super().__init__(port)
        self.short(b"")
        self.short(b"USER %s\r\n" % account[0])
        self.short(b"PASS %s\r\n" % account[1])

    def short(self, command):
        if command:
            self.send(command)
        answer = self.lines()
        if not answer.startswith(b"+OK"):
            raise Failed(answer.decode(errors="replace").strip())
        return answer

    def long(self, commands, count=1):
        """Commands sent at once and their multi-line answers; returns how many bytes those are."""
        self.send(commands)
        ends, size, tail = 0, 0, b""
        while ends < count or tail != b"\r\n.\r\n":
            data = self.receive()
            if not size and not data.startswith(b"+OK"):
                raise Failed(data[:200].decode(errors="replace").strip())
            size += len(data)
            ends += (tail[-4:] + data).count(b"\r\n.\r\n")
            tail = (tail + data[-5:])[-5:]
        return size

    def quit(self):
        self.send(b"QUIT\r\n")
        self.ended()
        self.close()


class Lmtp(Line):
    def __init__(self, port):
        super().__init__(port)
        self.lines()
        self.send(b"LHLO bench.test\r\n")
        data = self.receive()
        while b"\n250 " not in data or not data.endswith(b"\r\n"):
            data += self.receive()

    def deliver(self, recipient, stuffed):
        self.send(b"MAIL FROM:<sender@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient)
        answer = self.lines(3)
        if b"\n354" not in answer:
            raise Failed(answer.decode(errors="replace").strip())
        self.send(stuffed)
        answer = self.lines()
        if not answer.startswith(b"250"):
            raise Failed(answer.decode(errors="replace").strip())

    def quit(self):
        self.send(b"QUIT\r\n")
        self.ended()
        self.close()
