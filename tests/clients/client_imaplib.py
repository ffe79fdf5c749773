"""Python's imaplib, over TLS from the first byte and with STARTTLS."""
import imaplib

import mails
import server
import wire


def session(report, name, imap, address, password, mail):
    imap.login(address, password)
    report.check(name + ": six mailboxes", len(imap.list()[1]) >= 6, imap.list())
    report.same(name + ": INBOX has two mails", imap.select("INBOX"), ("OK", [b"2"]))
    numbers = imap.search(None, "SUBJECT", '"dots"')[1][0].split()
    report.same(name + ": one has this subject", numbers, [b"1"])
    stored = imap.fetch(b"1", "(BODY.PEEK[])")[1][0][1]
    report.check(name + ": it is read byte for byte", wire.is_delivered(stored, mail))
    report.same(name + ": APPEND", imap.append("Drafts", r"(\Draft)", None, mail)[0], "OK")
    imap.select("Drafts")
    report.check(name + ": what was appended comes back the same", imap.fetch(b"1", "(RFC822)")[1][0][1] == mail)
    report.same(name + ": STORE", imap.store(b"1", "+FLAGS", r"(\Flagged $Label1)")[0], "OK")
    flags = imaplib.ParseFlags(imap.fetch(b"1", "(FLAGS)")[1][0])
    report.check(name + ": the flags hold", {rb"\Draft", rb"\Flagged", b"$Label1"} <= set(flags), flags)
    report.same(name + ": CREATE", imap.create("Work/Letters")[0], "OK")
    report.same(name + ": COPY", imap.copy(b"1", "Work/Letters")[0], "OK")
    report.same(name + ": UID MOVE", imap.uid("MOVE", imap.uid("SEARCH", "ALL")[1][0], "Work/Letters")[0], "OK")
    report.same(name + ": STATUS counts them", imap.status("Work/Letters", "(MESSAGES UNSEEN)")[1],
                [b'Work/Letters (MESSAGES 2 UNSEEN 0)'])
    imap.select("Work/Letters")
    imap.store(b"1:2", "+FLAGS.SILENT", r"\Deleted")
    report.check(name + ": EXPUNGE names both", imap.expunge()[1] in ([b"2", b"1"], [b"1", b"1"]))
    imap.close()
    report.same(name + ": RENAME", imap.rename("Work", '"Old work"')[0], "OK")
    report.check(name + ": the child moved too", any(b"Old work/Letters" in line for line in imap.list()[1]))
    report.same(name + ": DELETE", [imap.delete('"Old work/Letters"')[0], imap.delete('"Old work"')[0]], ["OK", "OK"])
    report.same(name + ": LOGOUT", imap.logout()[0], "BYE")


def test(report, office, given):
    mail = mails.sample()["lines of dots"]
    for name in ("IMAPS", "STARTTLS"):
        address, password = office.account("imaplib")
        office.deliver(address, mail)
        office.deliver(address, mails.plain("another"))
        if name == "IMAPS":
            imap = imaplib.IMAP4_SSL(office.host, office.ports["imaps"], ssl_context=wire.unverified(), timeout=60)
        else:
            imap = imaplib.IMAP4(office.host, office.ports["imap"], timeout=60)
            report.check("without TLS LOGINDISABLED is announced", "LOGINDISABLED" in imap.capabilities, imap.capabilities)
            report.refuses("... and LOGIN refused", lambda: imap.login(address, password), imaplib.IMAP4.error)
            imap.starttls(wire.unverified())
            report.check("after STARTTLS it is not", "LOGINDISABLED" not in imap.capabilities, imap.capabilities)
        session(report, name, imap, address, password, mail)

    imap = imaplib.IMAP4_SSL(office.host, office.ports["imaps"], ssl_context=wire.unverified(), timeout=60)
    report.refuses("a wrong password is refused", lambda: imap.login(address, "wrong"), imaplib.IMAP4.error)
    report.same("AUTHENTICATE PLAIN", imap.authenticate("PLAIN", lambda _: b"\0%s\0%s" % (address.encode(), password.encode()))[0],
                "OK")
    report.same("EXAMINE", imap.select("INBOX", readonly=True)[0], "OK")
    report.check("... lets no flag be set", imap.store(b"1", "+FLAGS", r"\Seen")[0] == "NO")
    imap.logout()


server.main("client_imaplib", test)
