"""SIGTERM in the middle of everything: each peer hears it in its protocol's own words, the process ends within ten seconds with
status 0, what was acknowledged is there afterwards, and what was not is not there by half."""
import os
import socket
import ssl
import threading
import time

import mails
import server
import wire

PATIENCE = 10.0
LARGE = 24 << 20


def words(connection):
    """All that still comes, up to the end of the connection."""
    heard = connection.buffer
    try:
        while True:
            piece = connection.socket.recv(65536)
            if not piece:
                break
            heard += piece
    except OSError:
        pass
    return heard


def client_hello():
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = wire.unverified().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Writer(threading.Thread):
    """Delivers until the server ends; keeps the subjects that were acknowledged."""

    def __init__(self, office, address):
        super().__init__(daemon=True)
        self.office, self.address, self.acknowledged, self.last = office, address, [], b""

    def run(self):
        serial = 0
        try:
            with self.office.lmtp() as lmtp:
                while True:
                    serial += 1
                    lmtp.must_deliver("sender@elsewhere.test", self.address, mails.plain("written %d" % serial))
                    self.acknowledged.append("written %d" % serial)
        except (OSError, wire.Refused) as error:
            self.last = str(error)


def test(report, office, given):
    address, password = office.account("drain")
    large = b"Subject: large\r\n\r\n" + b"".join(b"%063d\r\n" % n for n in range(LARGE // 65))
    with office.imap(address, password) as imap:
        report.check("a large mail is there", imap.append("INBOX", large).startswith(b"OK"))
        imap.append("INBOX", mails.plain("kept by POP3"))
        for n in range(20): # something for the backup to do
            imap.append("Archive", b"Subject: noise %d\r\n\r\n" % n + os.urandom(1 << 20).hex().encode())

    idle = office.imap(address, password)
    idle.select()
    idle.send(b"i IDLE\r\n")
    report.check("one is in IDLE", idle.line().startswith(b"+"))
    waiting = office.imap(address, password, service="imap")
    compressed = office.imap(address, password)
    report.check("one asked for COMPRESS", b"OK" in compressed.ask("COMPRESS DEFLATE")[0])

    append = office.imap(address, password)
    append.send(b"a APPEND INBOX {100000}\r\n")
    report.check("one is in the middle of a literal", append.line().startswith(b"+"))
    append.send(b"Subject: never whole\r\n\r\n" + b"x" * 50000)

    slow = wire.Imap.__new__(wire.Imap) # a window of a few kilobytes, and nobody who reads
    slow.host, slow.buffer, slow.tags = office.host, b"", 0
    slow.socket = socket.socket()
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    slow.socket.settimeout(60)
    slow.socket.connect((office.host, office.ports["imaps"]))
    slow.start_tls()
    slow.response()
    slow.login(address, password)
    slow.select()
    slow.send(b"f FETCH 1 BODY[]\r\n")
    report.check("one has begun to read a large mail", slow.line().startswith(b"* 1 FETCH"))

    silent = socket.create_connection((office.host, office.ports["imaps"]), 60)
    hello = socket.create_connection((office.host, office.ports["pop3s"]), 60)
    hello.sendall(client_hello()[:100])

    pop3 = office.pop3(address, password)
    pop3.do("DELE 2")

    lmtp = office.lmtp()
    for command, code in (("MAIL FROM:<a@elsewhere.test>", b"250"), ("RCPT TO:<%s>" % address, b"250"), ("DATA", b"354")):
        lmtp.expect(lmtp.reply(command), code)
    lmtp.send(b"Subject: half a delivery\r\n\r\nthe first half\r\n")
    between = office.lmtp()

    writer = Writer(office, address)
    writer.start()
    until = time.monotonic() + 20
    while len(writer.acknowledged) < 20 and time.monotonic() < until:
        time.sleep(0.01)
    tasks = [office.api("POST", "/checks", {})["id"], office.api("POST", "/backups", {"folder": "drained"})["id"]]
    states = [office.api("GET", "/tasks/" + task)["state"] for task in tasks]

    began = time.monotonic()
    status = office.terminate(60)
    took = time.monotonic() - began
    report.same("exit status 0", status, 0)
    report.check("gone within ten seconds (%.1f s; check and backup were: %s)" % (took, ", ".join(states)), took < PATIENCE)
    writer.join(30)

    for claim, connection, wanted in (("who was in IDLE", idle, b"* BYE "), ("who waited in the clear", waiting, b"* BYE "),
                                      ("who was sending a literal", append, b"* BYE "), ("who spoke POP3", pop3, b"-ERR "),
                                      ("who was in the middle of DATA", lmtp, b"421 "), ("who waited at LMTP", between, b"421 ")):
        heard = words(connection)
        last = heard.rstrip(b"\r\n").rsplit(b"\r\n", 1)[-1] # news may come before it
        report.check("%s hears %s" % (claim, wanted.decode()), last.startswith(wanted) and heard.endswith(b"\r\n"), heard[-200:])
    heard = words(slow)
    report.check("who read slowly is cut off in the mail, not told anything inside it", large.startswith(heard) or heard[:200] in large, heard[-200:])
    for claim, plain in (("who said nothing on a TLS port", silent), ("who was in the handshake", hello)):
        plain.settimeout(20)
        try:
            rest = plain.recv(1000)
        except ConnectionError:
            rest = b""
        report.check(claim + " is let go", b"BYE" not in rest and b"-ERR" not in rest, rest)
    report.check("deliveries were acknowledged up to the end (%d)" % len(writer.acknowledged), len(writer.acknowledged) >= 20)

    office.start()
    with office.imap(address, password) as imap:
        imap.select()
        subjects = [line.split(b"Subject: ", 1)[1].split(b"\r\n")[0].decode()
                    for line in imap.do("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]") if b"Subject: " in line]
    report.same("every acknowledged mail is there", [one for one in writer.acknowledged if one not in subjects], [])
    report.same("none twice", len(set(subjects)), len(subjects))
    report.check("what POP3 marked without QUIT is there", "kept by POP3" in subjects)
    report.check("nothing is there by half", "never whole" not in subjects and "half a delivery" not in subjects)
    found = office.cli("check")
    report.check("postfach check finds nothing", found.returncode == 0, found.stdout + found.stderr)
    again = office.cli("backup", "create", os.path.join(office.data, "backups", "drained"))
    report.check("the next backup succeeds", again.returncode == 0, again.stdout + again.stderr)


if __name__ == "__main__":
    server.main("drain", test, remote=False)
