"""TLS sessions are resumed at every door, and a session ticket comes with the server's first words, never by itself.

Clients that read and write on two threads (imaplib2, in offlineimap) wake at whatever comes, and the second call into their TLS library
spoils the first.
"""
import select
import socket
import ssl

import server

# What is said in the clear until TLS begins, and the first thing to say under it.
DOORS = {"imaps": ("", b""), "pop3s": ("", b""), "admin": ("", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
         "imap": (b"a STARTTLS\r\n", b"b CAPABILITY\r\n"), "pop3": (b"STLS\r\n", b"CAPA\r\n"), "lmtp": (b"LHLO there\r\nSTARTTLS\r\n", b"LHLO there\r\n")}


def connect(office, door, version, session=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if session:
        context = session[0]
    plain = socket.create_connection((office.host, office.ports[door]), timeout=30)
    if DOORS[door][0]:
        plain.recv(4096)  # the greeting
        for line in DOORS[door][0].splitlines(keepends=True):
            plain.sendall(line)
            said = b""
            while not any(one[:4] in (b"220 ", b"250 ", b"+OK ") or one[:2] == b"a " for one in said.splitlines()):
                said += plain.recv(4096)
    return context, context.wrap_socket(plain, session=session[1] if session else None)


def test(report, office, given):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for door, (before, words) in DOORS.items():
            named = "%s, %s: " % (door, version.name)
            context, first = connect(office, door, version)
            if before:  # the client has the word: nothing comes by itself
                report.check(named + "nothing comes before the client speaks", not select.select([first], [], [], 0.3)[0])
            first.sendall(words)
            first.recv(4096)
            again = connect(office, door, version, (context, first.session))[1]
            report.check(named + "the session is resumed", again.session_reused)
            if before:
                report.check(named + "... and again nothing comes by itself", not select.select([again], [], [], 0.3)[0])
            again.sendall(words)
            report.check(named + "... and it works", len(again.recv(4096)) > 0)
            third = connect(office, door, version, (context, again.session))[1]
            report.check(named + "... and resumed once more", third.session_reused)
            for one in (first, again, third):
                one.close()


server.main("tls_tickets", test)
