"""The disk fails to make things durable: strace gives the server EIO for fsync and fdatasync. No 250 then, and nothing is lost."""
import os
import signal
import subprocess
import time

from common import lost, mails, server, within, wire


def can_trace():
    """Is strace allowed to hold on to a process that is not its child, as here the server?"""
    sleeper = subprocess.Popen(["sleep", "20"])
    try:
        tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "-p", str(sleeper.pid)],
                                  stderr=subprocess.DEVNULL)
        held = within(5, lambda: is_traced(sleeper.pid) or tracer.poll() is not None) and tracer.poll() is None
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        return held
    finally:
        sleeper.kill()
        sleeper.wait()


def is_traced(pid):
    """All threads of the process have a tracer."""
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as file:
            if "\nTracerPid:\t0\n" in file.read():
                return False
    return True


class Broken:
    """While it is entered, the server's syncs fail; `when` is strace's word for which ones."""

    def __init__(self, office, when="1+"):
        self.pid, self.log = office.process.pid, os.path.join(office.folder, "strace")
        self.command = ["strace", "-f", "-q", "-o", self.log, "-e", "trace=fsync,fdatasync",
                        "-e", "inject=fsync,fdatasync:error=EIO:when=" + when, "-p", str(self.pid)]

    def __enter__(self):
        self.tracer = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        if not within(20, lambda: is_traced(self.pid)):
            raise RuntimeError("strace does not hold the server")
        return self

    def __exit__(self, *error):
        if self.tracer.poll() is None:
            self.tracer.send_signal(signal.SIGINT)
        self.tracer.wait(30)

    def count(self):
        with open(self.log) as file:
            return file.read().count("(INJECTED)")


SIZES = [("in the database", 500), ("in a file", 400_000)]


def mail(name, size):
    return mails.plain(name, ("%s " % name + "x" * 60 + "\r\n") * (size // 70 + 1))


def try_one(office, address, message):
    try:
        with office.lmtp() as lmtp:
            return lmtp.deliver("sender@elsewhere.test", address, message)[0]
    except wire.Refused as error:
        return str(error).encode()


def one_case(report, office, title, size, when):
    address, password = office.account("fsync")
    acknowledged = {}

    def deliver(name):
        message = mail(name, size)
        reply = try_one(office, address, message)
        if reply.startswith(b"250"):
            acknowledged[name] = message
        return reply

    for number in range(3):
        report.check(title + ": a mail is taken", deliver("before-%d" % number).startswith(b"250"))
    with Broken(office, when) as broken:
        replies = [deliver("during-%d" % number) for number in range(4)]
        injected = broken.count()
    report.check(title + ": syncs failed", injected > 0, injected)
    codes = {reply[:3] for reply in replies}
    if when == "1+":
        report.same(title + ": nothing is acknowledged", codes, {b"451"})
    else:
        report.check(title + ": the first is not acknowledged, the others are taken or put off",
                     replies[0].startswith(b"451") and codes <= {b"250", b"451"}, replies)
    with office.imap(address, password) as imap:
        imap.do("EXAMINE INBOX")
        report.same(title + ": what was acknowledged can be read", lost(imap.messages(), acknowledged), 0)
    status, _, answer = office.http("GET", "/readyz")
    print("%s: %d syncs failed, readyz %d, replies %s" % (title, injected, status, replies))
    office.kill()
    office.start()
    report.check(title + ": after a restart mail is taken", deliver("after").startswith(b"250"))
    with office.imap(address, password) as imap:
        stored = imap.messages()
    report.same(title + ": after a restart everything acknowledged is there", lost(stored, acknowledged), 0)
    report.check(title + ": nothing is there twice", len(stored) <= 8, len(stored))
    checked = office.cli("check")
    report.same(title + ": the store is sound", (checked.returncode, checked.stderr), (0, ""))


def test(report, office, given):
    began = time.monotonic()
    for where, size in SIZES:
        one_case(report, office, "every sync fails, body %s" % where, size, "1+")
        one_case(report, office, "one sync fails, body %s" % where, size, "1")
    print("took %.1f s" % (time.monotonic() - began))


if __name__ == "__main__":
    if "POSTFACH_TEST_HOST" in os.environ:
        server.skip("only for a server started here")
    server.needs("strace")
    if not can_trace():
        server.skip("strace may not attach to processes here")
    server.main("fsync", test, remote=False)
