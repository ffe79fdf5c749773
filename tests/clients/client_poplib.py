"""Python's poplib, over TLS from the first byte and with STLS."""
import poplib

import mails
import server
import wire


def test(report, office, given):
    address, password = office.account("poplib")
    mail = mails.sample()["lines of dots"]
    for message in (mail, mails.plain("second"), mails.plain("third")):
        office.deliver(address, message)

    def login(pop3):
        pop3.user(address)
        pop3.pass_(password)
        return pop3

    def pop3s():
        return poplib.POP3_SSL(office.host, office.ports["pop3s"], context=wire.unverified(), timeout=60)

    pop3 = login(pop3s())
    count, size = pop3.stat()
    report.same("STAT counts three", count, 3)
    sizes = [int(line.split()[1]) for line in pop3.list()[1]]
    report.same("LIST adds up to STAT", sum(sizes), size)
    uidl = [line.split()[1] for line in pop3.uidl()[1]]
    report.check("UIDL names three", len(set(uidl)) == 3 and all(1 <= len(name) <= 70 for name in uidl), uidl)
    stored = b"".join(line + b"\r\n" for line in pop3.retr(1)[1])
    report.check("RETR gives the mail byte for byte", wire.is_delivered(stored, mail))
    report.same("... as long as LIST says", len(stored), sizes[0])
    header, _, body = b"\r\n".join(pop3.top(1, 2)[1]).partition(b"\r\n\r\n")
    report.same("TOP 1 2 gives two lines of the body", body.rstrip(b"\r\n"), b".\r\n..")
    pop3.dele(2)
    report.same("DELE takes it out of STAT", pop3.stat()[0], 2)
    report.refuses("... and RETR refuses it", lambda: pop3.retr(2), poplib.error_proto)
    pop3.rset()
    report.same("RSET brings it back", pop3.stat()[0], 3)
    report.refuses("there is no message 0", lambda: pop3.retr(0), poplib.error_proto)
    report.refuses("there is no message 4", lambda: pop3.dele(4), poplib.error_proto)
    pop3.dele(3)
    pop3.close()  # no QUIT: nothing may be deleted

    pop3 = login(pop3s())
    report.same("without QUIT nothing is deleted", pop3.stat()[0], 3)
    pop3.dele(2)
    pop3.quit()

    pop3 = poplib.POP3(office.host, office.ports["pop3"], timeout=60)
    report.check("STLS is announced", "STLS" in pop3.capa(), pop3.capa())
    report.refuses("without TLS there is no login", lambda: login(pop3), poplib.error_proto)
    pop3.close()
    pop3 = poplib.POP3(office.host, office.ports["pop3"], timeout=60)
    pop3.stls(wire.unverified())
    login(pop3)
    report.same("after STLS: two are left", [line.split()[1] for line in pop3.uidl()[1]], [uidl[0], uidl[2]])
    pop3.quit()

    pop3 = pop3s()
    pop3.user(address)
    report.refuses("a wrong password is refused", lambda: pop3.pass_("wrong"), poplib.error_proto)
    pop3.close()


server.main("client_poplib", test)
