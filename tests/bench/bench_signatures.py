"""Three million signatures: how long they take to load, what memory their engine takes, how many mails a second pass it, and what
deliveries feel of the next set while both cores are busy."""
import os
import statistics
import threading
import time

import bench_scanner
import load
import signature_set
from bench import Bench, Row
from speak import Failed, Lmtp

SENDERS = 4


def scanners(server):
    """The ids of the scanner's processes under that server, workers too."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, children = [], [server]
    while children:
        children = [pid for pid, parent in parents.items() if parent in children]
        found += children
    return found


class Memory(threading.Thread):
    """MiB of all of them, and the most that was seen."""

    def __init__(self, subject):
        super().__init__()
        self.subject, self.most, self.stop = subject, 0, threading.Event()

    def now(self):
        return sum(self.subject.proc(pid, "smaps_rollup", "Pss") for pid in scanners(self.subject.office.process.pid)) / 1024

    def run(self):
        while not self.stop.wait(0.5):
            self.most = max(self.most, self.now())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()


class Deliveries:
    """Senders who deliver mails that nobody has seen yet, one after the other, until the end of the with block."""
    number = 0
    lock = threading.Lock()

    def __init__(self, subject, work, account, senders):
        self.took, self.troubles, self.stop = [], [], threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(subject, work, account)) for _ in range(senders)]

    def send(self, subject, work, account):
        try:
            lmtp = Lmtp(subject.ports["lmtp"])
            while not self.stop.is_set():
                with self.lock:
                    Deliveries.number += 1
                    number = self.number
                mail = b"X-Number: %d\r\n" % number + work.stuffed[number % len(work.stuffed)]
                began = time.perf_counter()
                lmtp.deliver(account[0], mail)
                self.took.append(time.perf_counter() - began)
            lmtp.quit()
        except (Failed, OSError) as trouble:
            self.troubles.append(trouble)

    def __enter__(self):
        self.began = time.perf_counter()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.rate = len(self.took) / (time.perf_counter() - self.began)
        if self.troubles and kind is None:
            raise self.troubles[0]


def serves(subject, least, old, patience=600):
    """Waits until at least so many signatures, of another set than `old`, answer; returns their name."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        now = subject.office.api("GET", "/scans")
        if now["signatures"] != old and now["signature_count"] >= least:
            return now["signatures"]
        if now["problem"] and "refused" in now["problem"]:
            raise Failed(now["problem"])
        time.sleep(0.05)
    raise Failed("the signatures do not load")


def for_a_time(deliveries, seconds):
    with deliveries:
        time.sleep(seconds)
    return deliveries


def signatures(subject, work, _):
    folder, account, seconds = os.path.join(subject.office.folder, "signatures"), subject.account("full"), 2 if work.quick else 20
    old = subject.office.api("GET", "/scans")["signatures"]
    made = signature_set.write(folder, 100 if work.quick else 1)
    began = time.perf_counter()
    subject.office.api("POST", "/scans")
    old = serves(subject, made, old)
    yield "loaded, in", time.perf_counter() - began
    memory = Memory(subject)
    one = for_a_time(Deliveries(subject, work, account, 1), seconds)
    yield "memory of the scanner", memory.now()
    yield "a delivery, 1 at once", statistics.median(one.took) * 1000
    busy = for_a_time(Deliveries(subject, work, account, SENDERS), seconds)
    yield "deliver, 4 at once: the longest", max(busy.took)
    scans = 100 if work.quick else 400
    found = load.run(work, subject, "deliver", "lmtp", count=SENDERS, mails=scans, **load.of(account))
    yield "deliver plain text, 4 at once", found["rate"]
    alone = bench_scanner.scan(work, "inside", folder, scans=scans, processes=os.cpu_count())["rate"]
    yield "libclamav alone with plain text, all cores", alone
    yield "of what libclamav allows", 100 * found["rate"] / alone

    with open(os.path.join(folder, "one-more.ndb"), "w") as file:
        file.write("Made.Later:0:*:%s\n" % os.urandom(16).hex())
    with memory, Deliveries(subject, work, account, SENDERS) as meanwhile:
        began = time.perf_counter()
        subject.office.api("POST", "/scans")
        serves(subject, made, old)
        took = time.perf_counter() - began
        time.sleep(seconds / 4)
    yield "the next set beside it, 4 senders meanwhile: loaded, in", took
    yield "... the longest delivery", max(meanwhile.took)
    yield "... memory, at most", memory.most
    yield "... memory afterwards", memory.now()


BENCH = Bench(signatures, {
    "loaded, in": Row("s", less=True),
    "memory of the scanner": Row("MiB", less=True),
    "a delivery, 1 at once": Row("ms", less=True),
    "deliver, 4 at once: the longest": Row("s", less=True),
    "deliver plain text, 4 at once": Row("mails/s"),
    "libclamav alone with plain text, all cores": Row("scans/s"),
    "of what libclamav allows": Row("%", target={"Postfach": 80}),
    "the next set beside it, 4 senders meanwhile: loaded, in": Row("s", less=True),
    "... the longest delivery": Row("s", less=True, target={"Postfach": 2}),
    "... memory, at most": Row("MiB", less=True),
    "... memory afterwards": Row("MiB", less=True),
}, subjects=("Postfach",), alone=True, options={"scanner.rescan_share": "0"},
    note="signatures: 3,032,500 made by signature_set.py (--quick: a hundredth), mails of 5 KiB that differ")
