"""Infected mail, by every way in: quarantined, served by no protocol, listed, replaced by a notice; released, it is back as it was."""
import glob
import json
import os
import re
import subprocess
import tempfile

import mails
from made_signatures import MADE_NAME, TESTFILES, options as signatures
import server
import wire


def entries(office, address):
    return [item for item in office.items("/quarantine") if address in json.dumps(item)]


def text_of(message):
    return message.decode(errors="replace")


def check_one(report, office, title, mail, signature):
    address, password = office.account("infected")
    subject = re.search(rb"Subject: ([^\r]*)", mail).group(1).decode()
    office.deliver(address, mail, sender="carol@elsewhere.test")
    found = entries(office, address)
    if not report.check(title + ": is in the quarantine", len(found) == 1, found):
        return
    entry = json.dumps(found[0])
    report.check(title + ": the entry names signature and subject", signature in entry and subject in entry, entry)

    imap, pop3 = office.imap(address, password), office.pop3(address, password)
    served = list(imap.messages().values())
    retrieved = pop3.block("RETR 1")
    pop3.quit()
    report.check(title + ": INBOX has one mail, the notice", len(served) == 1 and not wire.is_delivered(served[0], mail))
    report.check(title + ": neither IMAP nor POP3 serve the infected one",
                 all(mails.EICAR not in whole and wire.normalised(mail)[-300:] not in whole for whole in (*served, retrieved)))
    notice = text_of(served[0]) if served else ""
    report.check(title + ": the notice names sender, subject and signature",
                 "carol@elsewhere.test" in notice and subject in notice and signature in notice, notice)

    office.api("POST", "/quarantine/%s/release" % found[0]["id"])
    back = [message for message in imap.messages().values() if wire.is_delivered(message, mail)]
    report.same(title + ": released, it is back byte for byte", len(back), 1)
    report.same(title + ": ... and out of the quarantine", entries(office, address), [])
    imap.logout()


def check_append(report, office):
    address, password = office.account("append")
    imap = office.imap(address, password)
    for title, mail in mails.infected().items():
        answer = imap.append("INBOX", mail)
        report.check("APPEND, %s: NO [CANNOT] with the signature" % title,
                     answer.startswith(b"NO [CANNOT]") and b"eicar" in answer.lower(), answer)
    report.same("... and nothing is stored", imap.select(), 0)
    report.check("a clean APPEND works on", imap.append("INBOX", mails.plain("clean")).startswith(b"OK"))
    imap.logout()


def check_command_line(report, office):
    address, password = office.account("shell")
    for mail in mails.infected().values():
        office.deliver(address, mail)
    listed = office.cli("quarantine", "list", "--json")
    report.same("quarantine list --json: exit 0", listed.returncode, 0)
    mine = [item for item in json.loads(listed.stdout or "[]") if address in json.dumps(item)]
    report.same("... has the four", len(mine), 4)
    ids = sorted(item["id"] for item in mine)
    report.same("the same as the API", ids, sorted(item["id"] for item in entries(office, address)))
    shown = office.cli("quarantine", "show", str(ids[0]))
    report.check("quarantine show", shown.returncode == 0 and "icar" in shown.stdout, shown.stdout + shown.stderr)
    released = office.cli("quarantine", "release", str(ids[0]))
    report.same("quarantine release: exit 0", (released.returncode, released.stderr), (0, ""))
    deleted = office.cli("quarantine", "delete", str(ids[1]))
    report.same("quarantine delete: exit 0", (deleted.returncode, deleted.stderr), (0, ""))
    report.same("two are left", sorted(item["id"] for item in entries(office, address)), ids[2:])
    again = office.cli("quarantine", "release", str(ids[1]))
    report.check("what is deleted cannot be released: exit 1 and a word", again.returncode == 1 and again.stderr.strip(), again)
    contents = list(office.imap(address, password).messages().values())
    report.same("the released one is served", sum(any(wire.is_delivered(c, m) for m in mails.infected().values()) for c in contents), 1)


def check_testfiles(report, office):
    """Each file that clamscan finds with this signature must be found in a mail that carries it."""
    with tempfile.TemporaryDirectory() as folder:
        signatures(folder)
        scan = subprocess.run(["clamscan", "--no-summary", "-d", folder, TESTFILES], capture_output=True, text=True, timeout=120)
    known = sorted(re.findall(r"^(.*): \S+ FOUND$", scan.stdout, re.M))
    everything = [path for path in glob.glob(TESTFILES + "/*") if os.path.isfile(path)]
    print("clamav-testfiles: clamscan finds %d of %d" % (len(known), len(everything)))
    address, password = office.account("testfiles")
    for path in known:
        with open(path, "rb") as file:
            content = file.read()
        name = os.path.basename(path)
        before = len(entries(office, address))
        office.deliver(address, mails.multipart("file " + name, [(name, content)]))
        after = entries(office, address)
        report.check("clamav-testfiles: %s is found in a mail" % name,
                     len(after) == before + 1 and MADE_NAME in json.dumps(after), len(after) - before)


def test(report, office, given):
    for title, mail in mails.infected().items():
        check_one(report, office, title, mail, "Eicar")
    check_append(report, office)
    if not office.is_remote or "POSTFACH_TEST_CLI" in os.environ:
        check_command_line(report, office)
    if office.is_remote:
        return
    if os.path.exists(TESTFILES + "/clam.exe"):
        check_testfiles(report, office)
    else:
        print("clamav-testfiles is not installed: left out")


with tempfile.TemporaryDirectory() as made:
    os.chmod(made, 0o755)  # the scanner reads it as another user
    server.main("infected", test, signatures(made))
