"""Mail that flows while a test looks at something else, and all that clients can see of an account."""
import re
import socket
import threading
import time

import mails
import wire


class Writer(threading.Thread):
    """Delivers numbered mails by LMTP until told to stop, each content once; keeps each answer."""

    def __init__(self, office, address, make, pause=0.0):
        super().__init__(daemon=True)
        self.office, self.address, self.make, self.pause = office, address, make, pause
        self.acknowledged, self.replies, self.stopping = {}, [], threading.Event()
        self.slowest = 0.0

    def run(self):
        connection, serial = None, 0
        while not self.stopping.is_set():
            serial += 1
            message = self.make(serial)
            began = time.monotonic()
            try:
                connection = connection or self.office.lmtp()
                reply = connection.deliver("sender@elsewhere.test", self.address, message)[0]
            except wire.Refused as error:  # to MAIL or DATA
                reply = str(error).encode()
                connection = None
            except (OSError, ValueError) as error:
                reply = b"none: " + repr(error).encode()
                connection = None
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.replies.append(reply)
            if reply.startswith(b"250"):
                self.acknowledged[serial] = message
            elif connection is None:
                time.sleep(0.02)
            self.stopping.wait(self.pause)

    def codes(self):
        return sorted({reply[:3].decode(errors="replace") for reply in self.replies})

    def end(self, patience=150):
        self.stopping.set()
        self.join(patience)
        return not self.is_alive()


class Relay:
    """A port whose bytes reach the server, and the server's the client, that many seconds later: a network between them."""

    def __init__(self, host, port, delay):
        self.target, self.delay, self.open = (host, port), delay, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            try:
                far = socket.create_connection(self.target, 30)
            except OSError:
                client.close()
                continue
            far.settimeout(None)
            self.open += [client, far]
            for one in (client, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, far), (far, client)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while True:
                data = source.recv(262144)
                time.sleep(self.delay)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            for one in (source, sink):
                one.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.listener.close()
        for one in self.open:
            one.close()


def within(seconds, condition, pause=0.1):
    """Waits until the condition holds; was it in time?"""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True


def idling(office, address, seconds=60):
    """Waits until a session of the account is in IDLE: only then are news what the client waits for."""
    def found():
        page = office.api("GET", "/sessions?limit=1000")
        return any(session["account"] == address and session["state"].startswith("idle") for session in page["items"])
    return within(seconds, found, pause=0.02)


def contents(office, address, password, mailboxes=("INBOX", "Archive")):
    """{mailbox: (UIDVALIDITY, UIDNEXT, {UID: (flags, INTERNALDATE, bytes)})}, and INBOX by POP3: [(UIDL, bytes)].

    \\Recent is left out: it goes to one session. POP3 comes last, since by default it marks what it reads as seen.
    """
    imap, found = office.imap(address, password), {}
    for name in mailboxes:
        text = b"".join(imap.do("EXAMINE " + wire.quoted(name)))
        rows = {}
        if b"* 0 EXISTS" not in text:
            for row in imap.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])").values():
                flags = sorted(flag.decode() for flag in row["FLAGS"] if flag != b"\\Recent")
                rows[int(row["UID"])] = (flags, row["INTERNALDATE"], row["BODY[]"])
        validity, following = (int(re.search(word + rb" (\d+)", text).group(1)) for word in (b"UIDVALIDITY", b"UIDNEXT"))
        found[name] = (validity, following, rows)
    imap.logout()
    pop3 = office.pop3(address, password)
    maildrop = [(line.split()[1], pop3.block("RETR " + line.split()[0].decode())) for line in pop3.block("UIDL").split(b"\r\n") if line]
    pop3.quit()
    return found, maildrop


# The ways to a server, for clients that know all three: what they are called, and the service that is asked.
WAYS = (("TLS", "imaps"), ("STARTTLS", "imap"), ("in the clear", "imap"))


def mailboxes(imap):
    """{mailbox: [(subject, flags)]}: what a second client sees, \\Recent left out."""
    found = {}
    for answer in imap.do('LIST "" "*"'):
        words = wire.parse(answer[len(b"* LIST "):])
        if answer.startswith(b"* LIST") and b"\\Noselect" not in words[0]:
            found[words[2].decode()] = []
    for name, mails in found.items():
        if imap.select(name, readonly=True) == 0:
            continue
        for row in imap.fetch("1:*", "(FLAGS ENVELOPE)").values():
            flags = {flag.decode() for flag in row["FLAGS"]} - {"\\Recent"}
            mails.append(((row["ENVELOPE"][1] or b"").decode(errors="replace"), flags))
    return found


def change_meanwhile(imap):
    """What another client does to INBOX while one that synchronises is away; a new mailbox with a mail too."""
    imap.select()
    imap.do(r"STORE 1 +FLAGS (\Answered)")
    imap.do(r"STORE 2 +FLAGS (\Deleted)")
    imap.do("EXPUNGE")
    imap.do("CREATE Projects/Bridge")
    imap.append("Projects/Bridge", mails.plain("plan"))
