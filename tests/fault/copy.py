"""SIGKILL of the server, its disk lost: what the second copy gives back.

Mail flows while the copy is brought up to date. Then the server is killed and its data directory is not looked at any more: the
copy is restored, and everything that had been acknowledged when the last round began is there, with UIDs, UIDVALIDITY, flags and
UIDLs as the first server had given them.
"""
import os
import subprocess
import tempfile

from common import Writer, contents, mails, server, within


def backups(office, folder):
    """The whole states in the copy, oldest first."""
    import json
    listed = office.cli("backup", "list", folder, "--json")
    return [one for one in json.loads(listed.stdout) if one["problem"] is None] if listed.returncode == 0 else []


def test(report, office, given):
    copy = office.copy
    report.check("the first round comes at the start", within(60, lambda: len(backups(office, copy)) == 1))
    address, password = office.account("copy")
    office.api("PATCH", "/accounts/" + address, {"pop3": {"seen": False}})  # so that reading by POP3 changes nothing
    large = "large\r\n" * 60000
    for number in range(12):
        office.deliver(address, mails.plain("before %d" % number, large if number % 4 == 0 else "small\r\n"))
    imap = office.imap(address, password)
    imap.select()
    imap.do("STORE 2,4 +FLAGS (\\Seen work)")
    imap.do("STORE 3 +FLAGS (\\Deleted)")
    imap.do("EXPUNGE")
    imap.append("Archive", mails.plain("appended"), ("\\Flagged",))
    imap.logout()
    rows_before, maildrop_before = contents(office, address, password)
    report.same("eleven and one are there", [len(rows_before[name][2]) for name in ("INBOX", "Archive")], [11, 1])

    office.kill()
    writer = Writer(office, address, lambda serial: mails.plain("meanwhile %d" % serial, large if serial % 9 == 0 else "small\r\n"))
    office.start()
    writer.start()  # while the round at the start is under way
    has_all = within(90, lambda: backups(office, copy)[-1]["messages"] >= 12)
    report.check("a round under load has all that was there before it", has_all, backups(office, copy))
    within(30, lambda: len(writer.acknowledged) > 20)
    office.kill()
    report.check("the writer ends", writer.end())

    verified = subprocess.run([office.program, "backup", "verify", copy], capture_output=True, text=True, timeout=120)
    report.check("the copy is whole, whenever the server was killed", verified.returncode == 0, verified.stdout + verified.stderr)
    restored = os.path.join(office.folder, "restored")
    result = subprocess.run([office.program, "backup", "restore", copy, "--data", restored], capture_output=True, text=True, timeout=120,
                            env=server.clean_environment())
    report.check("it is restored into an empty folder", result.returncode == 0, result.stdout + result.stderr)
    second = server.Local(given.build, {"auth.plaintext": "loopback"}, data=restored)
    try:
        rows, maildrop = contents(second, address, password)
        second_check = second.cli("check")
        report.same("the restored store is sound", second_check.returncode, 0)
    finally:
        second.stop()
    for name, (validity, _, mail) in rows_before.items():
        report.same("%s: UIDVALIDITY" % name, rows[name][0], validity)
        report.check("%s: each UID has its content, date and flags" % name, all(rows[name][2].get(uid) == row for uid, row in mail.items()))
    report.check("POP3 shows what the first server did, under its UIDLs", maildrop[:len(maildrop_before)] == maildrop_before)

    office.start()  # the first server once more: of what came later the copy has nothing else than it has
    now, _ = contents(office, address, password)
    later = {uid: row for uid, row in rows["INBOX"][2].items() if uid not in rows_before["INBOX"][2]}
    report.check("what came while the round ran has the first server's UIDs too", all(now["INBOX"][2].get(uid) == row for uid, row in later.items()))

    report.check("the API has the lag", 0 <= office.api("GET", "/server")["copy"]["lag"] < 300)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as disk:
        server.Office.copy = disk
        server.main("copy", test, options={"copy.folder": disk, "copy.interval": "1", "auth.plaintext": "loopback"}, remote=False)
