"""Two clients on one mailbox: each sees the other's flags and deletions, and a delivery wakes an IDLE within a second."""
import time

import mails
import server
import wire


def until(imap, word, patience=10):
    """Reads untagged responses until one holds the word; returns it and the seconds that took."""
    began = time.monotonic()
    imap.socket.settimeout(patience)
    while True:
        response = imap.response()
        if word in response:
            return response, time.monotonic() - began


def test(report, office, given):
    address, password = office.account("two")
    for number in range(4):
        office.deliver(address, mails.plain("number %d" % (number + 1)))
    laptop, phone = office.imap(address, password), office.imap(address, password)
    report.same("the laptop sees four", laptop.select(), 4)
    report.same("the phone sees four", phone.select(), 4)

    laptop.do(r"STORE 2 +FLAGS (\Flagged \Seen)")
    report.check("a flag set by one is told to the other at its next NOOP",
                 any(b"* 2 FETCH" in answer and b"\\Flagged" in answer for answer in phone.do("NOOP")))
    laptop.do(r"STORE 1,3 +FLAGS.SILENT (\Deleted)")
    laptop.do("EXPUNGE")
    gone = [answer for answer in phone.do("NOOP") if b"EXPUNGE" in answer]
    report.same("deletions too, highest number first", gone, [b"* 3 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n"])
    report.same("both now have the same two", laptop.fetch("1:*", "(UID)"), phone.fetch("1:*", "(UID)"))

    tag, _ = phone.start("IDLE")
    report.check("IDLE begins", phone.response().startswith(b"+"))
    with office.lmtp() as lmtp:
        lmtp.must_deliver("sender@elsewhere.test", address, mails.plain("news"))
        _, waited = until(phone, b" EXISTS")
    report.check("a delivery wakes the IDLE within a second", waited < 1, "%.2f s" % waited)
    laptop.do("NOOP")
    laptop.do(r"STORE 1 +FLAGS.SILENT (\Answered)")
    _, waited = until(phone, b"\\Answered")
    report.check("so does a flag", waited < 1, "%.2f s" % waited)
    pop3 = office.pop3(address, password)
    pop3.do("DELE 1")
    pop3.quit()
    response, waited = until(phone, b" EXPUNGE")
    report.check("so does a deletion by POP3", response == b"* 1 EXPUNGE\r\n" and waited < 1, "%.2f s" % waited)
    phone.send(b"DONE\r\n")
    report.check("IDLE ends with OK", until(phone, tag)[0].startswith(tag + b" OK"))
    report.same("the phone reads on with the right numbers", sorted(phone.fetch("1:*", "(UID)")), [1, 2])
    laptop.logout()
    phone.logout()


server.main("two_clients", test)
