"""IMAP, POP3 and LMTP spoken byte for byte.

Python's own imaplib, poplib and smtplib are tested as clients (client_*.py), but they fold line ends, cut long lines and
cannot send NULs. Where a test compares bytes, it speaks through these.
"""
import re
import socket
import ssl


def unverified():
    """TLS without a look at the certificate: a test's server has made its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Refused(Exception):
    """The server said no; the text is what it said."""


class Connection:
    def __init__(self, host, port, tls, timeout=60):
        self.host = host
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if tls:
            self.start_tls()

    def start_tls(self):
        assert not self.buffer, "bytes before the handshake"
        self.socket = unverified().wrap_socket(self.socket, server_hostname=self.host)

    def fill(self):
        piece = self.socket.recv(262144)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.buffer += piece

    def line(self):
        """One line with its CRLF; a bare LF does not end it."""
        start = 0
        while True:
            end = self.buffer.find(b"\r\n", start)
            if end >= 0:
                line, self.buffer = self.buffer[:end + 2], self.buffer[end + 2:]
                return line
            start = max(0, len(self.buffer) - 1)
            self.fill()

    def exactly(self, count):
        pieces, have = [self.buffer], len(self.buffer)
        while have < count:
            piece = self.socket.recv(min(1 << 20, count - have))
            if not piece:
                raise ConnectionError("the server closed the connection")
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        self.buffer = whole[count:]
        return whole[:count]

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


# --- IMAP -------------------------------------------------------------------------------------------------------------

def parse(data):
    """The values of an IMAP response: atoms and numbers as bytes, strings as bytes, NIL as None, lists as lists.

    BODY[…] with its section is one atom. Raises ValueError where the text is not well-formed.
    """
    stack, at = [[]], 0
    while at < len(data):
        byte = data[at:at + 1]
        if byte == b" ":
            at += 1
        elif data[at:at + 2] == b"\r\n" and at + 2 == len(data):
            break
        elif byte == b"(":
            stack.append([])
            at += 1
        elif byte == b")":
            if len(stack) == 1:
                raise ValueError("unopened parenthesis")
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif byte == b'"':
            match = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(data, at)
            if not match:
                raise ValueError("bad quoted string at %d: %r" % (at, data[at:at + 40]))
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", match.group(1)))
            at = match.end()
        elif byte in b"{~":
            match = re.compile(rb"~?\{(\d+)\}\r\n").match(data, at)
            if not match:
                raise ValueError("bad literal at %d" % at)
            at = match.end() + int(match.group(1))
            stack[-1].append(data[match.end():at])
        else:
            match = re.compile(rb"(?:[^\s()\[\]{\"]|\[[^\]]*\])+").match(data, at)
            if not match:
                raise ValueError("bad byte %r at %d" % (byte, at))
            atom = match.group(0)
            stack[-1].append(None if atom.upper() == b"NIL" else atom)
            at = match.end()
    if len(stack) != 1:
        raise ValueError("unclosed parenthesis")
    return stack[0]


class Imap(Connection):
    def __init__(self, host, port, tls=True, timeout=60):
        super().__init__(host, port, tls, timeout)
        self.tags = 0
        self.greeting = self.response()
        if not self.greeting.startswith((b"* OK", b"* PREAUTH")):
            raise Refused(self.greeting)

    def response(self):
        """One response with all its literals, as it came."""
        whole = b""
        while True:
            line = self.line()
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole
            whole += self.exactly(int(literal.group(1)))

    def start(self, command):
        self.tags += 1
        tag = b"t%d" % self.tags
        pieces = command if isinstance(command, (list, tuple)) else [command]
        self.send(tag)
        for piece in pieces:
            if isinstance(piece, bytes):  # a literal
                self.send(b" {%d}\r\n" % len(piece))
                answer = self.response()
                if not answer.startswith(b"+"):
                    return tag, answer
                self.send(piece)
            else:
                self.send(b" " + piece.encode())
        self.send(b"\r\n")
        return tag, None

    def ask(self, command):
        """Sends a command (text; in a list, bytes go as literals). Returns (tagged line without its tag, untagged responses)."""
        tag, answer = self.start(command)
        untagged = []
        while answer is None or not answer.startswith(tag + b" "):
            if answer is not None:
                untagged.append(answer)
            answer = self.response()
        return answer[len(tag) + 1:].rstrip(b"\r\n"), untagged

    def do(self, command):
        """Like ask(), for commands that must succeed; returns the untagged responses."""
        tagged, untagged = self.ask(command)
        if not tagged.startswith(b"OK"):
            raise Refused("%s: %s" % (command, tagged.decode(errors="replace")))
        return untagged

    def starttls(self):
        self.do("STARTTLS")
        self.start_tls()

    def login(self, user, password):
        self.do(["LOGIN", user.encode(), password.encode()])
        return self

    def select(self, mailbox="INBOX", readonly=False):
        """Returns how many messages there are."""
        answers = self.do("%s %s" % ("EXAMINE" if readonly else "SELECT", quoted(mailbox)))
        return next(int(a.split()[1]) for a in answers if a.split()[2:3] == [b"EXISTS"])

    def fetch(self, numbers, items, uid=False):
        """Returns {message number: {item: value}}."""
        found = {}
        for answer in self.do("%sFETCH %s %s" % ("UID " if uid else "", numbers, items)):
            words = answer.split(b" ", 3)
            if len(words) == 4 and words[2] == b"FETCH":
                values = parse(words[3])[0]
                row = found.setdefault(int(words[1]), {})
                row.update({key.decode().upper(): value for key, value in zip(values[::2], values[1::2])})
        return found

    def messages(self, mailbox="INBOX"):
        """All messages of a mailbox, whole, by UID."""
        if self.select(mailbox, readonly=True) == 0:
            return {}
        return {int(row["UID"]): row["BODY[]"] for row in self.fetch("1:*", "(UID BODY.PEEK[])").values()}

    def append(self, mailbox, message, flags=()):
        """Returns the tagged answer."""
        flag_list = ["(%s)" % " ".join(flags)] if flags else []
        return self.ask(["APPEND", quoted(mailbox), *flag_list, message])[0]

    def flags(self, numbers="1:*"):
        return {n: {f.decode() for f in row["FLAGS"]} for n, row in self.fetch(numbers, "(FLAGS)").items()}

    def logout(self):
        self.ask("LOGOUT")
        self.close()


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def leaves(structure, path=""):
    """(section, octets) of every single part of a BODYSTRUCTURE. Raises ValueError where it is not one."""
    if isinstance(structure[0], list):  # multipart
        parts = [part for part in structure if isinstance(part, list)]
        found, number = [], 0
        for part in structure:
            if not isinstance(part, list):
                break
            number += 1
            found += leaves(part, "%s%d." % (path, number))
        if number == 0 or not isinstance(structure[number], bytes) or not parts:
            raise ValueError("a multipart without parts or subtype")
        return found
    if len(structure) < 7 or structure[0] is None or structure[1] is None or not structure[6].isdigit():
        raise ValueError("a part with too few fields: %r" % structure)
    section = path[:-1] or "1"
    found = [(section, int(structure[6]))]
    kind = structure[0].upper(), structure[1].upper()
    if kind == (b"MESSAGE", b"RFC822") and len(structure) > 9:
        if len(structure[7]) != 10:
            raise ValueError("an ENVELOPE with %d fields" % len(structure[7]))
        inner = structure[8]
        found += leaves(inner, section + "." if isinstance(inner[0], list) else section + ".1.")
    return found


# --- POP3 -------------------------------------------------------------------------------------------------------------

class Pop3(Connection):
    def __init__(self, host, port, tls=True, timeout=60):
        super().__init__(host, port, tls, timeout)
        self.greeting = self.answer()

    def answer(self):
        line = self.line().rstrip(b"\r\n")
        if not line.startswith(b"+OK"):
            raise Refused(line.decode(errors="replace"))
        return line[4:]

    def do(self, command):
        self.send(command.encode() + b"\r\n")
        return self.answer()

    def block(self, command):
        """A multi-line answer, dots unstuffed, each line with its CRLF."""
        self.do(command)
        lines = []
        while True:
            line = self.line()
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def login(self, user, password):
        self.do("USER " + user)
        self.do("PASS " + password)
        return self

    def quit(self):
        self.do("QUIT")
        self.close()


# --- LMTP -------------------------------------------------------------------------------------------------------------

class Lmtp(Connection):
    def __init__(self, host, port, timeout=120):
        super().__init__(host, port, False, timeout)
        self.expect(self.reply(), b"220")
        self.features = self.reply("LHLO client.test")

    @staticmethod
    def expect(reply, code):
        if not reply.startswith(code):
            raise Refused(reply.decode(errors="replace"))
        return reply

    def reply(self, command=None):
        if command is not None:
            self.send(command.encode() + b"\r\n")
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1][3:4] != b"-":
                return b"".join(lines).rstrip(b"\r\n")

    def deliver(self, sender, recipients, message):
        """Sends the bytes as they are, ended by CRLF. Returns one reply for each recipient."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        self.expect(self.reply("MAIL FROM:<%s>" % sender), b"250")
        replies = [self.reply("RCPT TO:<%s>" % recipient) for recipient in recipients]
        accepted = sum(reply.startswith(b"2") for reply in replies)
        if not accepted:
            self.expect(self.reply("RSET"), b"250")
            return replies
        self.expect(self.reply("DATA"), b"354")
        self.send(stuffed(ended(message)) + b".\r\n")
        return [self.reply() if reply.startswith(b"2") else reply for reply in replies]

    def must_deliver(self, sender, recipient, message):
        return self.expect(self.deliver(sender, recipient, message)[0], b"250")

    def quit(self):
        self.reply("QUIT")
        self.close()


def ended(message):
    """The message with the CRLF at its end that LMTP needs, by the least change."""
    if message.endswith(b"\r\n"):
        return message
    if message.endswith(b"\n"):
        return message[:-1] + b"\r\n"
    return message + (b"\n" if message.endswith(b"\r") else b"\r\n")


def stuffed(message):
    """Dots doubled at the start and after CRLF, nowhere else (RFC 5321 4.5.2)."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")


def normalised(message):
    """What the server keeps of what LMTP brought: bare CR and bare LF are CRLF (CONTRACT, Mail)."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", ended(message))


TRACE = re.compile(rb"Return-Path: <[^\r\n]*>\r\nReceived: [^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n\Z")


def is_delivered(stored, sent):
    """Are these the bytes that were sent, with Return-Path and Received before them and nothing else?"""
    body = normalised(sent)
    return stored.endswith(body) and TRACE.match(stored[:len(stored) - len(body)]) is not None
