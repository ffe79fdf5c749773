"""The scanner dies, stops, or is not there, while mail flows: no mail is lost, none goes in unscanned, nothing infected is served."""
import concurrent.futures
import os
import random
import re
import signal
import threading
import time

from common import Writer, lost, mails, server, within

WORKERS = 2


def parent_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def processes(office):
    """(parents, workers) of the scanner: children of the server, and theirs."""
    found = [pid for pid in office.children() if pid != office.process.pid]
    parents = [pid for pid in found if parent_of(pid) == office.process.pid]
    return parents, [pid for pid in found if parent_of(pid) in parents]


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def clean_mail(name):
    return lambda serial: mails.plain("%s-%d" % (name, serial), "body of %s %d\r\n" % (name, serial) * 50)


def infected_mail(name):
    return lambda serial: mails.plain("%s-%d" % (name, serial), mails.EICAR.decode() + "\r\n")


class Flow:
    """Three writers of clean mail and one of infected mail, each for an account of its own."""

    def __init__(self, office, title):
        self.office, self.title = office, title
        self.accounts = [office.account("scan") for _ in range(4)]
        self.writers = []
        for number, (address, _) in enumerate(self.accounts):
            make = infected_mail if number == 3 else clean_mail
            self.writers.append(Writer(office, address, make("%s%d" % (title.split()[0], number)), 0.02))
        for writer in self.writers:
            writer.start()

    def acknowledged(self):
        return sum(len(writer.acknowledged) for writer in self.writers)

    def end(self, report):
        title = self.title + ": "
        report.check(title + "all writers came to their end", all([writer.end() for writer in self.writers]))
        codes = sorted({code for writer in self.writers for code in writer.codes()})
        report.check(title + "answers are 250 or 451", "250" in codes and set(codes) <= {"250", "451"}, codes)
        missing, marked = 0, 0
        for writer, (address, password) in list(zip(self.writers, self.accounts))[:3]:
            with self.office.imap(address, password) as imap:
                missing += lost(imap.messages(), writer.acknowledged)
                if writer.acknowledged:
                    marked += sum("$unscanned" in {flag.lower() for flag in flags} for flags in imap.flags().values())
        report.same(title + "no clean mail is lost", missing, 0)
        report.same(title + "none went in unscanned", marked, 0)
        address, password = self.accounts[3]
        served = self.office.imap(address, password).messages().values()
        held = [item for item in self.office.items("/quarantine") if address in str(item)]
        report.check(title + "nothing infected is served", not any(mails.EICAR in message for message in served))
        found = len(self.writers[3].acknowledged)
        report.check(title + "each infected mail is in the quarantine, with a notice in its place",
                     len(held) >= found and len(held) == len(served), (found, len(held), len(served)))
        print("%s%d acknowledged, %d infected, slowest %.1f s"
              % (title, self.acknowledged(), found, max(writer.slowest for writer in self.writers)))


def killed(report, office):
    chance = random.Random(7)
    flow = Flow(office, "kills of workers and parents")
    time.sleep(0.5)
    dead = {"worker": 0, "parent": 0}
    until = time.monotonic() + 60  # on a busy machine a generation takes seconds to come back
    while (dead["worker"] < 8 or dead["parent"] < 2) and time.monotonic() < until:
        time.sleep(chance.uniform(0.1, 0.6))
        parents, workers = processes(office)
        if not parents or not workers:
            continue
        if dead["worker"] >= 4 * (dead["parent"] + 1):
            dead["parent"] += send(parents[0], signal.SIGKILL)
        else:
            dead["worker"] += send(chance.choice(workers), signal.SIGKILL)
    print("killed: %s" % dead)
    report.check("workers and parents were killed", dead["worker"] >= 2 and dead["parent"] >= 1, dead)
    before = flow.acknowledged()
    report.check("afterwards mail flows by itself", within(60, lambda: flow.acknowledged() >= before + 8))
    flow.end(report)
    report.check("the server lives", office.process.poll() is None and office.http("GET", "/readyz")[0] == 200)


def stopped(report, office):
    if not report.check("all workers are there", within(60, lambda: len(processes(office)[1]) == WORKERS), processes(office)):
        return
    flow = Flow(office, "stop of one worker")
    time.sleep(0.5)
    worker = processes(office)[1][0]
    send(worker, signal.SIGSTOP)
    try:
        before = flow.acknowledged()
        report.check("with one worker stopped, mail flows through the others", within(20, lambda: flow.acknowledged() >= before + 8),
                     flow.acknowledged() - before)
    finally:
        send(worker, signal.SIGCONT)
    flow.end(report)
    flow = Flow(office, "stop of the parent")
    parent = processes(office)[0][0]
    send(parent, signal.SIGSTOP)
    try:
        before = flow.acknowledged()
        report.check("with the parent stopped, mail flows through its workers", within(20, lambda: flow.acknowledged() >= before + 8),
                     flow.acknowledged() - before)
    finally:
        send(parent, signal.SIGCONT)
    flow.end(report)


def without(report, build, policy):
    """The program is missing: what happens is the administrator's choice."""
    title = "no scanner, %s: " % policy
    office = server.Local(build, {"scanner.program": "/nonexistent", "scanner.unavailable": policy})
    try:
        address, password = office.account("without")
        message = mails.plain("without-1")
        began = time.monotonic()
        refused = []  # the APPEND waits for a verdict as long as the delivery: both at once
        appending = threading.Thread(target=lambda: refused.append(office.imap(address, password, timeout=150).append("INBOX", message)))
        if policy == "tempfail":
            appending.start()
        with office.lmtp() as lmtp:
            reply = lmtp.deliver("sender@elsewhere.test", address, message)[0]
        if policy == "tempfail":
            appending.join()
        print("%sanswered after %.1f s: %s" % (title, time.monotonic() - began, reply.decode()))
        with office.imap(address, password) as imap:
            stored = imap.messages()
            if policy == "tempfail":
                report.check(title + "451 4.7.0", reply.startswith(b"451 4.7.0 "), reply)
                report.same(title + "nothing is stored", stored, {})
                report.check(title + "an APPEND is refused", refused and re.match(rb"NO ", refused[0]), refused)
            else:
                report.check(title + "250", reply.startswith(b"250"), reply)
                report.same(title + "it is stored", lost(stored, {1: message}), 0)
                flags = {flag.lower() for flag in imap.flags().get(1, ())}
                report.check(title + "... and marked", "$unscanned" in flags, flags)
        status, _, answer = office.http("GET", "/readyz")
        print("%sreadyz %d %s" % (title, status, answer[:200]))
        report.same(title + "the server ends well", office.terminate(), 0)
    finally:
        office.stop()


def test(report, office, given):
    # Without a scanner a mail waits a minute for its verdict: those two servers run beside the first.
    with concurrent.futures.ThreadPoolExecutor() as beside:
        missing = [beside.submit(without, report, given.build, policy) for policy in ("tempfail", "accept")]
        killed(report, office)
        stopped(report, office)
        for one in missing:
            one.result()


if __name__ == "__main__":
    server.main("scanner_faults", test, {"scanner.workers": WORKERS}, remote=False)
