"""The scanner: what its process costs over libclamav in process, deliveries beside what libclamav alone allows on these cores, new
signatures every five seconds under load, and the second look at stored mail when nothing in it has changed."""
import base64
import hashlib
import json
import os
import subprocess
import tempfile
import threading
import time

import load
from bench import Bench, Row
from speak import Failed, Lmtp

SWAP_EVERY = 5


def scan(work, mode, signatures=None, **options):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:  # as the workers' folders are in memory
        signatures = signatures or os.path.join(folder, "signatures")
        os.makedirs(signatures, exist_ok=True)
        words = [os.path.join(work.build, "bench_scan"), mode, "--signatures", signatures, "--folder", os.path.join(folder, "run")]
        os.mkdir(os.path.join(folder, "run"))
        for name, value in options.items():
            words += ["--" + name, str(value)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    found = json.loads(done.stdout.strip().rsplit("\n", 1)[-1] or '{"error": "it ended without a word"}')
    if "error" in found:
        raise Failed("%s: %s" % (mode, found["error"]))
    return found


def costs(subject, work):
    scans, turns = (100, 3) if work.quick else (2000, 7)
    inside, outside = [], []
    for _ in range(turns):  # in turns, and the best of each: what else the machine does is in neither
        inside.append(scan(work, "inside", scans=scans)["microseconds"])
        outside.append(scan(work, "process", scans=scans, program=os.path.join(work.build, "postfach-scanner"))["microseconds"])
    yield "scan of 5 KiB, libclamav in process", min(inside)
    yield "scan of 5 KiB, in the scanner's", min(outside)
    yield "the process costs", min(outside) - min(inside)


def deliveries(subject, work):
    cores = os.cpu_count()
    alone = scan(work, "inside", scans=200 if work.quick else 5000, processes=cores)["rate"]
    accounts = [subject.account("scan") for _ in range(10)]
    found = load.run(work, subject, "deliver", "lmtp", count=10, mails=work.deliveries * 2, **load.of(accounts))
    yield "libclamav alone, all cores", alone
    yield "deliver, 10 at once", found["rate"]
    yield "of what libclamav allows", 100 * found["rate"] / alone


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path + ".new", "w") as file:
        file.write(lines)
    os.rename(path + ".new", path)


def folder_of(subject):
    return os.path.join(subject.office.folder, "signatures")


def settled(subject, old, patience=600):
    """Until another set than `old` serves and its pass is over; returns the state then."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        now = subject.office.api("GET", "/scans")
        of_pass = now["pass"]
        if now["signatures"] != old and of_pass and of_pass["signatures"] == now["signatures"] and of_pass["finished"]:
            return now
        time.sleep(0.02)
    raise Failed("the pass does not end")


def swaps(subject, work):
    """Deliveries while signatures change: the longest wait, and how many were not stored as clean."""
    account = subject.account("swap")
    slowest, wrong, stop = [0.0], [0], threading.Event()

    def send():
        lmtp, number = Lmtp(subject.ports["lmtp"]), 0
        while not stop.is_set():
            began = time.perf_counter()
            try:
                lmtp.deliver(account[0], work.stuffed[number % len(work.stuffed)])
            except Failed:
                wrong[0] += 1
            slowest[0] = max(slowest[0], time.perf_counter() - began)
            number += 1
        lmtp.quit()
    thread = threading.Thread(target=send)
    thread.start()
    for number in range(1 if work.quick else 6):
        write(folder_of(subject), "swap.ndb", "Bench.Swap.%d:0:*:%s\n" % (number, os.urandom(16).hex()))
        subject.office.api("POST", "/scans")
        time.sleep(SWAP_EVERY)
    stop.set()
    thread.join()
    wrong[0] += sum(entry["account"] == account[0].decode() for entry in subject.office.items("/quarantine"))
    yield "new signatures every 5 s: the longest delivery", slowest[0]
    yield "new signatures every 5 s: misjudged", wrong[0]


def stored(subject, work):
    """A mailbox of mails that differ; one has an attachment whose hash comes to be known."""
    count = 500 if work.quick else 100_000
    accounts = [subject.account("stored") for _ in range(10)]
    load.run(work, subject, "deliver", "lmtp", count=10, mails=count, size=1000, **load.of(accounts))
    attachment = os.urandom(3000)
    body = base64.encodebytes(attachment).replace(b"\n", b"\r\n")
    lmtp = Lmtp(subject.ports["lmtp"])
    lmtp.deliver(accounts[0][0], b"Subject: known later\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
                 b"Content-Transfer-Encoding: base64\r\n\r\n" + body + b".\r\n")
    lmtp.quit()
    subject.office.api("POST", "/scans")
    old = settled(subject, None)

    began = time.perf_counter()
    before = old["pass"]
    subject.office.api("POST", "/scans")
    while True:
        now = subject.office.api("GET", "/scans")
        if now["stored"] == "idle" and now["coverage"]["checked"] == now["coverage"]["contents"] and now["pass"] != before:
            break
        if time.perf_counter() - began > 60:
            raise Failed("the pass does not end")
    yield "second look at stored mail, by records", time.perf_counter() - began

    write(folder_of(subject), "known.hsb", "%s:%d:Bench.Known\n" % (hashlib.sha256(attachment).hexdigest(), len(attachment)))
    began = time.perf_counter()
    subject.office.api("POST", "/scans")
    while not any(entry["signature"].startswith("Bench.Known") for entry in subject.office.items("/quarantine")):
        if time.perf_counter() - began > 600:
            raise Failed("the known attachment is not found")
        time.sleep(0.01)
    yield "a hash that comes to be known, until its mail is in quarantine", time.perf_counter() - began


def scanner(subject, work, _):
    yield from costs(subject, work)
    yield from deliveries(subject, work)
    yield from swaps(subject, work)
    yield from stored(subject, work)


BENCH = Bench(scanner, {
    "scan of 5 KiB, libclamav in process": Row("µs", less=True),
    "scan of 5 KiB, in the scanner's": Row("µs", less=True),
    "the process costs": Row("µs", less=True, target={"Postfach": 150}),
    "libclamav alone, all cores": Row("scans/s"),
    "deliver, 10 at once": Row("mails/s"),
    "of what libclamav allows": Row("%", target={"Postfach": 80}),
    "new signatures every 5 s: the longest delivery": Row("s", less=True, target={"Postfach": 1}),
    "new signatures every 5 s: misjudged": Row("mails", less=True, target={"Postfach": 0}),
    "second look at stored mail, by records": Row("s", less=True, target={"Postfach": 5}),
    "a hash that comes to be known, until its mail is in quarantine": Row("s", less=True, target={"Postfach": 10}),
}, subjects=("Postfach",), alone=True, options={"scanner.rescan_share": "100"},
    note="scanner: 100,000 stored mails of 1 KB (--quick: 500)")
