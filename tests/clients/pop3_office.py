"""POP3 over the years of an office: UIDLs that survive restarts, crashes, backups and imports; retention with a real client."""
import os
import poplib
import subprocess
import tempfile

import mails
import server
import wire


def listing(office, address, password):
    """[(UIDL, bytes)] as a client sees them."""
    pop3 = poplib.POP3_SSL(office.host, office.ports["pop3s"], context=wire.unverified(), timeout=60)
    pop3.user(address)
    pop3.pass_(password)
    found = [line.split()[1] for line in pop3.uidl()[1]]
    sizes = [line.split()[1] for line in pop3.list()[1]]
    pop3.quit()
    return list(zip(found, sizes))


def uidls(report, office, given, folder):
    address, password = office.account("uidl")
    for number in range(5):
        office.deliver(address, mails.plain("mail %d" % number))
    imap = office.imap(address, password)
    imap.select()
    imap.do("STORE 2 +FLAGS (\\Deleted)")
    imap.do("EXPUNGE")
    mbox = os.path.join(folder, "old.mbox")
    with open(mbox, "wb") as file:
        for name in ("first", "second"):
            file.write(b"From sender@elsewhere.test Mon Nov  3 10:00:00 2025\n" + mails.plain("imported " + name).replace(b"\r\n", b"\n") + b"\n")
    result = office.cli("import", "--account", address, mbox)
    report.check("two are imported", result.returncode == 0, result.stdout + result.stderr)
    before = listing(office, address, password)
    names = [name for name, _ in before]
    report.check("six UIDLs, unique, 1 to 70 printable characters",
                 len(set(names)) == 6 and all(1 <= len(name) <= 70 and all(0x21 <= c <= 0x7e for c in name) for name in names), names)
    imap.logout()
    report.same("a restart changes none", (office.terminate(), office.start(), listing(office, address, password))[2], before)
    office.kill()
    office.start()
    report.same("nor does SIGKILL", listing(office, address, password), before)
    backup = os.path.join(folder, "backup")
    result = office.cli("backup", "create", backup)
    report.check("a backup is made", result.returncode == 0, result.stdout + result.stderr)
    office.deliver(address, mails.plain("after the backup"))
    later = listing(office, address, password)
    restored = os.path.join(folder, "restored")
    result = subprocess.run([office.program, "backup", "restore", backup, "--data", restored], capture_output=True, text=True, timeout=120,
                            env=server.clean_environment())
    report.check("it is restored into an empty folder", result.returncode == 0, result.stdout + result.stderr)
    second = server.Local(given.build, {"auth.plaintext": "loopback"}, data=restored)
    try:
        second.token = office.token
        report.same("in the restored one all are the same", listing(second, address, password), before)
        second.deliver(address, mails.plain("after the restore"))
        newest = listing(second, address, password)
        report.check("a mail that came after the restore has a UIDL that none had, of either server",
                     newest[:6] == before and newest[6][0] not in [name for name, _ in later], (newest, later))
    finally:
        second.stop()


def retention(report, office):
    address, password = office.account("retention")
    for number in range(3):
        office.deliver(address, mails.plain("mail %d" % number))

    def client():
        pop3 = poplib.POP3_SSL(office.host, office.ports["pop3s"], context=wire.unverified(), timeout=60)
        pop3.user(address)
        pop3.pass_(password)
        return pop3
    leaves = client()  # downloads all and leaves them
    for number in (1, 2, 3):
        leaves.retr(number)
    leaves.quit()
    report.same("kept for ever by default", len(listing(office, address, password)), 3)
    takes = client()  # of the same account: downloads one and deletes it
    takes.retr(1)
    takes.dele(1)
    takes.quit()
    report.same("the other client takes one away, two are left for the first", len(listing(office, address, password)), 2)
    imap = office.imap(address, password)
    report.same("... and for IMAP", imap.select(), 2)
    result = office.cli("account", "policy", address, "--retention", "delete")
    report.check("the policy is changed while serving", result.returncode == 0, result.stdout + result.stderr)
    pop3 = client()
    report.check("CAPA says EXPIRE 0", pop3.capa().get("EXPIRE") == ["0"], pop3.capa())
    pop3.retr(1)
    pop3.quit()
    report.same("what was downloaded is gone, though the client deleted nothing", len(listing(office, address, password)), 1)
    report.same("... for IMAP too", imap.select(), 1)
    report.check("the audit has who changed what", any("audit account.change" in line and "retention" in line and "by=local:" in line
                                                       for line in office.lines), office.lines[-5:])
    result = office.cli("account", "change", address, "--services", "imap")
    report.check("POP3 is switched off", result.returncode == 0, result.stdout + result.stderr)
    said = report.refuses("... and refuses the login", client, poplib.error_proto)
    report.check("... in words that say why", "may not use POP3" in said, said)


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        uidls(report, office, given, folder)
    retention(report, office)


server.main("pop3_office", test, remote=False)
