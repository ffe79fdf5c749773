"""Python's smtplib.LMTP: deliveries and refusals."""
import smtplib

import mails
import server
import wire


def test(report, office, given):
    first, first_password = office.account("smtplib")
    second, second_password = office.account("smtplib")
    nobody = "nobody." + second
    mail = mails.sample()["lines of dots"]

    lmtp = smtplib.LMTP(office.host, office.ports["lmtp"])
    lmtp.ehlo_or_helo_if_needed()
    report.check("8BITMIME and PIPELINING are announced", {"8bitmime", "pipelining"} <= set(lmtp.esmtp_features),
                 lmtp.esmtp_features)
    # sendmail() knows nothing of LMTP's reply for each recipient: one mail to three is spoken step by step.
    lmtp.mail("sender@elsewhere.test")
    answers = [lmtp.rcpt(address) for address in (first, nobody, second)]
    report.same("only the unknown recipient is refused", [code for code, _ in answers], [250, 550, 250])
    report.check("... with 550 5.1.1", answers[1][1].startswith(b"5.1.1"), answers[1])
    replies = [lmtp.data(mail), lmtp.getreply()]
    report.same("one reply for each accepted recipient", [code for code, _ in replies], [250, 250])
    for address, password in ((first, first_password), (second, second_password)):
        stored = list(office.imap(address, password).messages().values())
        report.check("a recipient has the mail byte for byte", len(stored) == 1 and wire.is_delivered(stored[0], mail))

    name, domain = first.split("@")
    report.same("name+detail is name", lmtp.sendmail("sender@elsewhere.test", name + "+lists@" + domain, mail), {})
    report.same("the case of the name does not matter", lmtp.sendmail("", name.upper() + "@" + domain, mail), {})
    stored = list(office.imap(first, first_password).messages().values())
    report.same("both arrived", len(stored), 3)
    report.check("an empty sender is kept", stored[-1].startswith(b"Return-Path: <>\r\n"), stored[-1][:80])
    report.refuses("mail for strangers alone is refused", lambda: lmtp.sendmail("a@elsewhere.test", nobody, mail),
                   smtplib.SMTPRecipientsRefused)
    report.check("HELO is not LMTP", lmtp.docmd("HELO client.test")[0] >= 500)
    report.check("VRFY tells nothing", lmtp.docmd("VRFY " + first)[0] != 250)
    report.same("QUIT", lmtp.quit()[0], 221)


server.main("client_smtplib", test)
