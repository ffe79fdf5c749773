"""A backup while mail flows, restored elsewhere: the second server shows clients what the first one did.

By LMTP mail comes in, and by IMAP the flags of messages change, many in one command, all the time. In the midst `backup create` runs;
what it made is restored into an empty folder and a second server started there. What was acknowledged before the backup began is there
as it was: UIDVALIDITY, UIDs, flags, INTERNALDATE, UIDLs, each byte, by IMAP and by POP3. What came later is there whole or not at all.
"""
import os
import subprocess
import threading
import time

import mails
import server
import wire
from flow import Writer, contents, within

MAILBOXES = ("INBOX", "Archive", "Projects/2026", "Sent", "Trash")
LARGE = "A large one, its body is a file.\r\n" * 9000


class Marker(threading.Thread):
    """Gives the first messages of an INBOX the keywords of one round after the other, each round all of them in one command."""

    def __init__(self, office, address, password, most, pause=0.01):
        super().__init__(daemon=True)
        self.imap, self.most, self.pause = office.imap(address, password), most, pause
        self.imap.select()
        self.acknowledged, self.fault, self.stopping = 0, "", threading.Event()

    @staticmethod
    def round(flags):
        """Of a message; None where it has anything but the two words of one round."""
        words = [flag for flag in flags if flag[:5] in ("First", "Other")]
        first, other = (sorted(word[5:] for word in words if word.startswith(kind)) for kind in ("First", "Other"))
        return int(first[0]) if len(words) == 2 and first == other else None

    def run(self):
        try:
            while not self.stopping.is_set():
                following = self.acknowledged + 1
                self.imap.do("STORE 1:%d FLAGS.SILENT (First%d Other%d)" % (self.most, following % 1000, following % 1000))
                self.acknowledged = following
                self.stopping.wait(self.pause)
            self.imap.logout()
        except (OSError, ValueError, wire.Refused) as error:
            self.fault = repr(error)

    def end(self):
        self.stopping.set()
        self.join(60)
        return not self.is_alive() and not self.fault


def fill(office, number):
    """An account with something of everything; returns (address, password)."""
    address, password = office.account("flow")
    office.api("PATCH", "/accounts/" + address, {"pop3": {"seen": False}})  # so that reading by POP3 changes nothing
    for serial in range(12):
        office.deliver(address, mails.plain("%d before %d" % (number, serial), LARGE if serial % 5 == 0 else "small %d\r\n" % serial))
    for message in mails.sample().values():
        office.deliver(address, message)
    imap = office.imap(address, password)
    imap.do("CREATE Projects/2026")
    imap.do(["APPEND", "Archive", r"(\Seen $Forwarded Later)", '"17-Jul-1996 02:44:25 -0700"', mails.plain("old")])
    imap.do(["APPEND", "Archive", '"01-Feb-2020 10:00:00 +0100"', mails.plain("old", LARGE)])
    imap.do(["APPEND", "Sent", r"(\Seen \Answered)", mails.plain("the same in every account")])
    imap.select()
    imap.do(r"STORE 6,8 +FLAGS (\Flagged Later)")
    imap.do(r"STORE 7 +FLAGS (\Seen \Answered)")
    imap.do("COPY 6,11 Projects/2026")
    imap.do("MOVE 9 Archive")
    imap.do(r"STORE 9 +FLAGS (\Deleted)")
    imap.do("EXPUNGE")  # into Trash
    imap.logout()
    return address, password


def compare(report, title, before, there, after, marked=0, rounds=range(0)):
    """Of one account: at the backup's begin, in the restored server, in the first one in the end."""
    for name in MAILBOXES:
        validity, _, rows = before[0][name]
        restored_validity, following, restored = there[0][name]
        later = after[0][name]
        report.same("%s, %s: UIDVALIDITY" % (title, name), restored_validity, validity)
        touched = sorted(rows)[:marked if name == "INBOX" else 0]
        for uid, row in rows.items():
            if uid in touched:
                row = (restored.get(uid, (None,))[0], *row[1:])
            if restored.get(uid) != row:
                report.same("%s, %s: UID %d" % (title, name, uid), restored.get(uid), row)
        report.check("%s, %s: %d messages, their flags, dates and bytes" % (title, name, len(rows)), set(rows) <= set(restored), set(rows) - set(restored))
        # What came later: the same mail under the same UID as in the first server, or nothing.
        late = {uid: row for uid, row in restored.items() if uid not in rows}
        report.check("%s, %s: what came later is whole (%d)" % (title, name, len(late)), all(later[2].get(uid) == row for uid, row in late.items()))
        report.check("%s, %s: no UID comes again" % (title, name), following > max(later[2], default=0), (following, later[1]))
        if touched:
            shown = {Marker.round(restored[uid][0]) for uid in touched}
            report.check("%s: of a STORE to %d messages all was kept, or nothing" % (title, marked), len(shown) == 1 and None not in shown, shown)
            report.check("%s: and it is one that was not yet replaced when the backup began" % title, shown <= {number % 1000 for number in rounds}, (shown, rounds))
    maildrop, restored = before[1], there[1]
    report.check("%s: UIDLs and bytes by POP3 (%d)" % (title, len(maildrop)), restored[:len(maildrop)] == maildrop,
                 [one[0] for one in restored[:len(maildrop)]])
    report.check("%s: what came later has its UIDLs" % title, restored == after[1][:len(restored)], [one[0] for one in restored[len(maildrop):]])
    report.check("%s: POP3 shows INBOX" % title, [row[1] for row in restored] == [row[2] for row in there[0]["INBOX"][2].values()])


def test(report, office, given):
    accounts = [fill(office, number) for number in range(3)]  # the first is left alone
    marked = 5
    writers = [Writer(office, accounts[number][0], lambda serial, number=number: mails.plain(
        "%d meanwhile %d" % (number, serial), LARGE if serial % 20 == 0 else "small\r\n"), pause=0.005) for number in (1, 2)]
    marker = Marker(office, *accounts[2], marked)
    for thread in (*writers, marker):
        thread.start()
    busy = within(60, lambda: marker.acknowledged > 2 and all(len(writer.acknowledged) > 2 for writer in writers))
    report.check("mail flows and flags change", busy, (marker.fault, marker.acknowledged))

    before = [contents(office, *account, MAILBOXES) for account in accounts]
    sent, begun = [dict(writer.acknowledged) for writer in writers], marker.acknowledged
    backup, restored = os.path.join(office.folder, "backup"), os.path.join(office.folder, "restored")
    result = office.cli("backup", "create", backup)
    report.check("a backup is made meanwhile", result.returncode == 0, result.stdout + result.stderr)
    done = marker.acknowledged
    counts = [len(writer.acknowledged) for writer in writers]
    within(30, lambda: all(len(writer.acknowledged) > count for writer, count in zip(writers, counts)))
    report.check("mail flowed and flags changed all the time", done > begun and all(count > len(early) for count, early in zip(counts, sent)),
                 (begun, done, counts))
    report.check("the load ends, and nothing of it was refused", all([writer.end() for writer in writers]) and marker.end()
                 and all(writer.codes() == ["250"] for writer in writers), (marker.fault, [writer.codes() for writer in writers]))
    after = [contents(office, *account, MAILBOXES) for account in accounts]
    report.same("the first account was left alone", after[0], before[0])

    result = subprocess.run([office.program, "backup", "restore", backup, "--data", restored], capture_output=True, text=True, timeout=120,
                            env=server.clean_environment())
    report.check("it is restored into an empty folder", result.returncode == 0, result.stdout + result.stderr)
    began = time.monotonic()
    second = server.Local(given.build, {"auth.plaintext": "loopback"}, data=restored)
    try:
        print("a second server serves it after %.2f s" % (time.monotonic() - began))
        there = [contents(second, *account, MAILBOXES) for account in accounts]
        compare(report, "left alone", before[0], there[0], after[0])
        report.same("left alone: nothing more is there", [len(there[0][0][name][2]) for name in MAILBOXES], [len(before[0][0][name][2]) for name in MAILBOXES])
        compare(report, "mail flows in", before[1], there[1], after[1])
        compare(report, "mail and flags", before[2], there[2], after[2], marked, range(begun, done + 2))
        for number, writer, early in zip((1, 2), writers, sent):
            stored = [row[2] for row in there[number][0]["INBOX"][2].values()]
            missing = [serial for serial, message in early.items() if not any(wire.is_delivered(one, message) for one in stored)]
            report.same("account %d: of %d that were acknowledged before the backup none is missing" % (number, len(early)), missing, [])
            ours = [one for one in stored if b"Subject: %d meanwhile " % number in one]
            report.check("account %d: each of its %d is what was sent" % (number, len(ours)),
                         all(any(wire.is_delivered(one, message) for message in writer.acknowledged.values()) for one in ours))
        result = second.cli("check")
        report.check("the restored store is sound", result.returncode == 0, result.stdout + result.stderr)
        uids = [max(there[0][0]["INBOX"][2])]
        second.deliver(accounts[0][0], mails.plain("after the restore"))
        newest = contents(second, *accounts[0], MAILBOXES)
        uids.append(max(newest[0]["INBOX"][2]))
        report.check("it takes mail, under a UID and UIDL that were never given",
                     uids[1] > uids[0] and newest[1][-1][0] not in [uidl for uidl, _ in after[0][1]], uids)
    finally:
        second.stop()


if __name__ == "__main__":
    server.main("backup_flow", test, options={"auth.plaintext": "loopback"}, remote=False)
