"""The disk is full: what grows is put off, reading and deleting go on, and with room again all goes on without a restart.

The data directory is a small tmpfs, mounted in a namespace of this process alone: it is gone when the process ends.
"""
import os
import random
import subprocess
import sys
import tempfile
import time

from common import lost, mails, server, within, wire

SIZE = "24m"


def enter_namespace():
    """Starts this program again where a mount is seen by nobody else."""
    if os.environ.get("POSTFACH_FAULT_NAMESPACE"):
        return
    if os.geteuid() != 0:
        server.skip("needs root")
    server.needs("unshare", "mount")
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        server.skip("no mount namespace here")
    os.environ["POSTFACH_FAULT_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])


def room(path):
    volume = os.statvfs(path)
    return volume.f_bavail * volume.f_frsize


class Sender:
    def __init__(self, office, address):
        self.office, self.address, self.acknowledged, self.serial = office, address, {}, 0
        self.random = random.Random(1)

    def send(self, size):
        """Text that does not compress well, so that it fills the disk. Returns the answer."""
        self.serial += 1
        name = "full-%d" % self.serial
        lines = (self.random.randbytes(35).hex() + "\r\n" for _ in range(size // 72 + 1))
        message = mails.plain(name, "".join(lines))
        try:
            with self.office.lmtp() as lmtp:
                reply = lmtp.deliver("sender@elsewhere.test", self.address, message)[0]
        except wire.Refused as error:
            reply = str(error).encode()
        if reply.startswith(b"250"):
            self.acknowledged[name] = message
        return reply

    def fill(self, size, most=2000):
        """Until it was put off five times in a row; returns all the answers' codes."""
        codes, refused = set(), 0
        for _ in range(most):
            code = self.send(size)[:3]
            codes.add(code)
            refused = 0 if code == b"250" else refused + 1
            if refused == 5:
                return codes
        raise RuntimeError("the disk did not fill")


def one_round(report, office, sender, password, title, sizes):
    codes = set()
    for size in sizes:
        codes |= sender.fill(size)
    report.check(title + "full: put off by 452 or 451", codes <= {b"250", b"451", b"452"} and len(codes) > 1, codes)
    print("%s%d acknowledged, %d KiB free" % (title, len(sender.acknowledged), room(office.data) // 1024))
    with office.imap(sender.address, password) as imap:
        stored = imap.messages()
        report.same(title + "full: everything acknowledged can be read", lost(stored, sender.acknowledged), 0)
        report.same(title + "full: and nothing else is there", len(stored), len(sender.acknowledged))
    with office.pop3(sender.address, password) as pop3:
        report.check(title + "full: POP3 reads too", pop3.block("RETR 1") in stored.values())
        pop3.do("DELE 1")
        report.refuses(title + "full: a mail deleted in this session is not read again", lambda: pop3.block("RETR 1"))
        pop3.quit()
    with office.pop3(sender.address, password) as pop3:
        report.same(title + "full: POP3 deletes too", int(pop3.do("STAT").split()[0]), len(stored) - 1)
        pop3.quit()
    report.same(title + "full: healthz", office.http("GET", "/healthz")[0], 200)
    with office.imap(sender.address, password) as imap:
        answer = imap.append("INBOX", mails.plain("appended", ("x" * 70 + "\r\n") * 10_000))
        report.check(title + "full: an APPEND is refused with its code, not half done",
                     answer.startswith((b"NO [UNAVAILABLE]", b"NO [OVERQUOTA]")), answer)
        if min(sizes) < 100_000:  # else small mails are still taken
            report.same(title + "full: readiness says it", office.http("GET", "/readyz")[0], 503)
        report.same(title + "full: SELECT", imap.select(), len(stored) - 1)
        imap.do("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        imap.do("EXPUNGE")
        report.same(title + "full: deleting works", imap.select(), 0)
    sender.acknowledged.clear()
    began = time.monotonic()
    taken = within(20, lambda: sender.send(20_000).startswith(b"250"), 0.2)
    report.check(title + "after deleting: mail is taken again without a restart", taken)
    print("%smail is taken again after %.1f s" % (title, time.monotonic() - began))
    replies = [sender.send(20_000)[:3] for _ in range(20)]
    report.same(title + "... and goes on being taken", set(replies), {b"250"})
    report.same(title + "... and is there", lost(office.imap(sender.address, password).messages(), sender.acknowledged), 0)


def test(report, office, given):
    address, password = office.account("full")
    sender = Sender(office, address)
    report.same("a mail is taken", sender.send(1000)[:3], b"250")
    one_round(report, office, sender, password, "bodies in the database, ", [100_000, 3000])
    one_round(report, office, sender, password, "bodies in files, ", [700_000])
    for words in ("store the disk is full", "store the disk has room again"):
        report.check("the log says: " + words, any(words in line for line in office.lines))
    report.check("... and not more than a few times", sum("disk is full" in line and " error " in line for line in office.lines) <= 40,
                 sum("disk is full" in line for line in office.lines))
    checked = office.cli("check")
    report.same("the store is sound", (checked.returncode, checked.stderr), (0, ""))
    office.kill()
    office.start()
    report.same("after SIGKILL and a start everything is there", lost(office.imap(address, password).messages(), sender.acknowledged), 0)


if __name__ == "__main__":
    if "POSTFACH_TEST_HOST" in os.environ:
        server.skip("only for a server started here")
    enter_namespace()
    place = tempfile.mkdtemp(prefix="postfach-full-")
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755,size=" + SIZE, "none", place], stderr=subprocess.DEVNULL)
        if mounted.returncode != 0:
            server.skip("may not mount here")
        # What is expunged is gone at once, or deleting would free nothing for a week.
        server.main("disk_full", test, {"recovery.days": "0"}, remote=False, data=os.path.join(place, "data"))
    finally:
        subprocess.run(["umount", "--lazy", place], stderr=subprocess.DEVNULL)
        os.rmdir(place)
