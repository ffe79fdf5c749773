"""One story from end to end: mail that was clean when it came, read by POP3 and IMAP; a signature is added, the stored mail is scanned
again, a notice stands in its place in front of clients that watch; who has read it is known; released, it is back as it was."""
import os
import tempfile
import time

import mails
import server
import wire

PAYLOAD = "The quarterly figures of Umbrella Harbour are attached."
NAME = "Postfach.Test.Late"


def add_signature(folder):
    """The text as an .ndb line: any file, any place."""
    path = os.path.join(folder, "late.ndb")
    with open(path + ".new", "w") as file:
        file.write("%s:0:*:%s\n" % (NAME, PAYLOAD.encode().hex()))
    os.rename(path + ".new", path)


def until(wanted, patience=60):
    """Asks until the answer is true; returns the last answer."""
    end = time.monotonic() + patience
    while True:
        answer = wanted()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def facts(imap, number):
    """What must be the same before and after: bytes, flags, dates."""
    found = imap.fetch(str(number), "(BODY.PEEK[] INTERNALDATE SAVEDATE FLAGS RFC822.SIZE)")[number]
    found["FLAGS"] = sorted(flag for flag in found["FLAGS"] if flag != b"\\Recent")
    return found


def test(report, office, given):
    alice, alices = office.account("alice")
    bob, bobs = office.account("bob")
    carol, carols = office.account("carol")
    mail = mails.plain("Figures", PAYLOAD + "\r\n")
    with office.lmtp() as lmtp:
        replies = lmtp.deliver("eve@elsewhere.test", [alice, bob, carol], mail)
    report.check("the mail is clean when it comes", all(reply.startswith(b"250") for reply in replies), replies)
    office.deliver(alice, mails.plain("Lunch"))

    # --- read: by bob with IMAP, by alice with POP3; carol's program looks at headers only
    laptop = office.imap(alice, alices)
    laptop.select()
    laptop.do(r"STORE 1 +FLAGS (\Seen \Flagged $Label1)")
    before = facts(laptop, 1)
    reader = office.imap(bob, bobs)
    reader.do('ID ("name" "Storyteller")')
    reader.select()
    reader.fetch("1", "(BODY[1])")
    looker = office.imap(carol, carols)
    looker.select()
    looker.fetch("1", "(BODY.PEEK[HEADER] ENVELOPE BODYSTRUCTURE)")
    pop3 = office.pop3(alice, alices)
    uidl = pop3.block("UIDL").splitlines()[0].split()[1]
    pop3.block("RETR 1")
    pop3.quit()

    # --- clients that watch
    idler = office.imap(alice, alices)
    idler.do("ENABLE QRESYNC")
    idler.select()
    tag, _ = idler.start("IDLE")
    idler.response()
    watcher = office.pop3(alice, alices)

    # --- the signature comes, and the stored mail is scanned with it
    add_signature(office.signatures)
    old = office.api("GET", "/scans")["signatures"]
    run = office.cli("scan", "run")
    report.same("scan run: exit 0", run.returncode, 0)
    status = until(lambda: (lambda s: s if s["signatures"] != old and s["pass"] and s["pass"]["signatures"] == s["signatures"]
                            and s["pass"]["finished"] else None)(office.api("GET", "/scans")))
    if not report.check("the pass ends", status, office.api("GET", "/scans")):
        return
    report.same("it found one content", status["pass"]["hits"], 1)
    report.same("all stored mail is checked", status["coverage"]["percent"], 100)
    shown = office.cli("scan", "status").stdout
    report.check("scan status says so", "100 % of the stored mail" in shown and NAME in shown, shown)

    # --- the notice in its place
    idler.socket.settimeout(20)
    told = []
    while not any(b"EXISTS" in line for line in told):
        told.append(idler.response())
    report.check("who idles hears that it is gone, and of a new message", any(b"VANISHED 1" in line for line in told), told)
    idler.send(b"DONE\r\n")
    while not idler.response().startswith(tag):
        pass
    told = laptop.do("NOOP")
    report.check("the other session too", any(b"* 1 EXPUNGE" in line for line in told), told)
    report.refuses("the POP3 session that was open serves it no more", lambda: watcher.block("RETR 1"))
    watcher.close()
    everything = list(laptop.messages().values())
    report.check("IMAP serves it no more", all(PAYLOAD.encode() not in whole for whole in everything))
    notice = next((whole for whole in everything if NAME.encode() in whole), b"")
    report.check("the notice names sender, subject and signature", b"Carol" in notice and b"Figures" in notice, notice)
    pop3 = office.pop3(alice, alices)
    listed = pop3.block("UIDL")
    report.check("POP3 has the notice under a UIDL of its own", uidl not in listed and len(listed.splitlines()) == 2, listed)
    pop3.quit()

    # --- who has it, who has read it
    entries = [entry for entry in office.items("/quarantine") if entry["signature"].startswith(NAME)]
    report.same("three are in quarantine", sorted(entry["account"] for entry in entries), sorted([alice, bob, carol]))
    mine = next(entry for entry in entries if entry["account"] == alice)
    exposure = office.api("GET", "/quarantine/%d/exposure" % mine["id"])
    report.same("who had it", sorted(holder["account"] for holder in exposure["holders"]), sorted([alice, bob, carol]))
    reads = sorted((read["account"], read["protocol"]) for read in exposure["reads"])
    report.same("who has read it: not carol", reads, sorted([(alice, "imap"), (alice, "pop3"), (bob, "imap")]))
    report.check("from where and with what", all(read["address"] == "127.0.0.1" for read in exposure["reads"])
                 and any("Storyteller" in (read["client"] or "") for read in exposure["reads"]), exposure)
    shown = office.cli("quarantine", "show", str(mine["id"])).stdout
    report.check("quarantine show tells it", bob in shown and "pop3" in shown, shown)

    # --- a false alarm: released
    for entry in entries:
        report.same("quarantine release: exit 0", office.cli("quarantine", "release", str(entry["id"])).returncode, 0)
    laptop.do("NOOP")
    report.same("the mailbox has two again", laptop.select(), 2)
    after = facts(laptop, 2)
    report.same("it is back as it was: bytes, flags, dates", after, before)
    pop3 = office.pop3(alice, alices)
    report.check("with its UIDL", uidl in pop3.block("UIDL"))
    pop3.quit()
    report.same("the store is sound", office.cli("check").returncode, 0)


with tempfile.TemporaryDirectory() as made:
    os.chmod(made, 0o755)  # the scanner reads it as another user

    def story(report, office, given):
        office.signatures = made
        test(report, office, given)

    server.main("rescan_story", story, {"scanner.signatures": made}, remote=False)
