"""One byte of the data directory is another: whoever asks gets their own mail as it was or a clear refusal, never anything else; the
server stays up; and where anything was found readiness, metrics, log and `postfach check` say so."""
import argparse
import collections
import os
import random
import re
import shutil
import socket

from common import mails, server, wire


def files(data):
    found = []
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            if re.search(r"/postfach\.db(-wal)?$|/bodies/", path) and os.path.getsize(path):
                found.append(path)
    return sorted(found)


def flip(path, chance):
    at, mask = chance.randrange(os.path.getsize(path)), 1 << chance.randrange(8)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ mask]))
    return "%s byte %d xor %d" % (path.split("/data/")[-1], at, mask)


def ask(office, accounts):
    """Reads everything by IMAP and POP3. Returns (mails read, refusals, what was served and is not that account's own)."""
    read, refused, foreign = 0, 0, []

    def served(address, mail, message):
        nonlocal read
        read += 1
        if not any(message == one or wire.is_delivered(message, one) for one in mail):
            foreign.append("%s: %r" % (address, message[:200]))

    for (address, password), mail in accounts.items():
        try:
            with office.imap(address, password) as imap:
                for number in range(1, imap.select(readonly=True) + 1):
                    try:
                        served(address, mail, imap.fetch(str(number), "(BODY.PEEK[])")[number]["BODY[]"])
                    except (wire.Refused, KeyError):
                        refused += 1
            with office.pop3(address, password) as pop3:
                for number in range(1, int(pop3.do("STAT").split()[0]) + 1):
                    try:
                        served(address, mail, pop3.block("RETR %d" % number))
                    except wire.Refused:
                        refused += 1
                pop3.quit()
        except wire.Refused:
            refused += 1
        except (OSError, socket.timeout, ValueError):
            refused += 1  # what ends in the midst of an answer ends the session
    return read, refused, foreign


def test(report, office, given):
    accounts = {}
    for _ in range(2):
        address, password = office.account("flipped")
        text = random.Random(address)
        accounts[address, password] = [mails.plain("%s-%d" % (address, number), "".join("%s\r\n" % text.randbytes(30).hex() for _ in range(lines)))
                                       for number, lines in enumerate([3, 30, 300] * 7 + [4000] + [3] * 28)]
    for number in range(50):
        if number == 25:  # half of them into the database
            office.terminate()
            office.start()
        for (address, _), mail in accounts.items():
            office.deliver(address, mail[number])
    office.kill()  # so that there is a log
    whole = os.path.join(office.folder, "whole")
    shutil.copytree(office.data, whole, ignore=shutil.ignore_patterns("run"))
    sums = collections.Counter()
    for seed in range(1, given.seeds + 1):
        chance = random.Random(seed)
        shutil.rmtree(office.data)
        shutil.copytree(whole, office.data)
        office.lines.clear()
        victim = chance.choice(files(office.data))
        title = "seed %d, %s" % (seed, flip(victim, chance))
        try:
            office.start(20)
        except RuntimeError:
            status = office.process.wait(20)
            sums["refused to start"] += 1
            report.check(title + ": refused to start in one line", status in (1, 2) and office.lines, (status, office.lines[-3:]))
            continue
        read, refused, foreign = ask(office, accounts)
        report.same(title + ": nobody is served what is not theirs", foreign, [])
        findings = office.cli("check")
        alive = office.process.poll() is None and office.http("GET", "/healthz")[0] == 200
        ready = office.http("GET", "/readyz")[0]
        report.check(title + ": the server stays up", alive)
        log = any(" error store damage " in line for line in office.lines)
        if findings.returncode != 0 or refused:
            sums["alarm"] += 1
            report.check(title + ": the alarm is raised", ready == 503 and log and findings.returncode != 0 or findings.stdout.count("(repair") > 0,
                         (ready, log, findings.returncode, findings.stdout[:300], findings.stderr[:300], refused))
        else:
            sums["as before" if ready == 200 else "alarm from the log"] += 1
            report.check(title + ": readiness and log say the same", (ready == 503) == log, (ready, log))
            if ready == 200:
                report.check(title + ": all is there, but at most the very last commit", read >= 198, read)
        office.kill()
    print("%d seeds: %s" % (given.seeds, dict(sums)))
    report.check("some were found", sums["alarm"] > 0, dict(sums))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    server.main("flipped", test, remote=False, parser=parser)
