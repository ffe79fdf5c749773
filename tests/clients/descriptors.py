"""A server that may open few files, and more connections than that: it says no in words, burns no processor, lets nobody go who has
logged in, and is as before when they leave. And 2,000 half-open connections that keep nobody from logging in."""
import os
import resource
import select
import socket
import time

import server
import wire

FEW = 100
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def processor(office):
    """Seconds of processor time that the server has used."""
    with open("/proc/%d/stat" % office.process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def connect(office, service, count):
    made = []
    for _ in range(count):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((office.host, office.ports[service]))
        made.append(one)
    return made


def greetings(sockets, enough, patience=20):
    """What each has heard so far; waits until enough(them) or the patience is over."""
    heard = {one: b"" for one in sockets}
    poll, by_number = select.poll(), {one.fileno(): one for one in sockets}
    for one in sockets:
        poll.register(one, select.POLLIN)
    until = time.monotonic() + patience
    while not enough(heard) and time.monotonic() < until:
        for number, _ in poll.poll(100):
            try:
                piece = by_number[number].recv(4096)
            except OSError:
                piece = b""
            heard[by_number[number]] += piece
            if not piece:
                poll.unregister(number)
    return heard


def slowest_login(office, address, password, tries=5):
    slowest = 0.0
    for _ in range(tries):
        began = time.monotonic()
        office.imap(address, password).logout()
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def starved(report, office, address, password):
    office.terminate()
    usual = office.command
    # More places than descriptors: what is asked of the accepting thread itself.
    office.command = ["prlimit", "--nofile=%d:%d" % (FEW, FEW), *usual, "-D", "limits.connections=1000"]
    office.start()
    keeper = office.imap(address, password)
    flood = connect(office, "imap", 3 * FEW)
    # The kernel takes them all; the server can hold but a part of them.
    heard = greetings(flood, lambda heard: sum(text.startswith(b"* BYE") for text in heard.values()) >= FEW)
    greeted = sum(text.startswith(b"* OK") for text in heard.values())
    refused = [text for text in heard.values() if b"* BYE" in text]
    report.check("some are greeted (%d), the others hear BYE (%d)" % (greeted, len(refused)), greeted > 0 and len(refused) >= FEW,
                 {text[:60] for text in heard.values()})
    before, began = processor(office), time.monotonic()
    while time.monotonic() - began < 2:
        keeper.do("NOOP")
        time.sleep(0.05)
    used = processor(office) - before
    report.check("no busy loop while they hold on (%.2f s of processor in 2 s)" % used, used < 1.0)
    report.check("who had logged in is served all the while", keeper.ask("NOOP")[0].startswith(b"OK"))
    for one in flood:
        one.close()
    until, answer = time.monotonic() + 20, ""
    while time.monotonic() < until:
        try:
            office.imap(address, password).logout()
            office.deliver(address, b"Subject: after the flood\r\n\r\n")
            answer = "as before"
            break
        except (OSError, wire.Refused) as error:
            answer = str(error)
    report.same("when they have gone logins and deliveries are as before", answer, "as before")
    report.same("who had logged in is there still", keeper.ask("NOOP")[0][:2], b"OK")
    keeper.close()
    report.same("and it stops as ever", office.terminate(), 0)
    office.command = usual
    office.start()


def half_open(report, office, address, password):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(2000, (hard - 200) // 2)
    alone = slowest_login(office, address, password)
    crowd = []
    for service, opening in (("imap", b"a"), ("imaps", b"\x16\x03"), ("pop3", b"U"), ("pop3s", b"\x16"), ("lmtp", b"L")):
        part = connect(office, service, count // 5)
        poll = select.poll()
        for one in part:
            poll.register(one, select.POLLOUT)
        open_now = set()
        while len(open_now) < len(part):
            ready = {number for number, _ in poll.poll(20000)}
            if not ready:
                break
            open_now |= ready
            for number in ready:
                poll.unregister(number)
        for one in part:
            try:
                one.send(opening) # and never the rest
            except OSError:
                pass
        crowd += part
    slowest = slowest_login(office, address, password)
    report.check("a login beside %d half-open connections takes less than a second (%.3f s, alone %.3f s)" % (len(crowd), slowest, alone), slowest < 1.0)
    before, began = processor(office), time.monotonic()
    time.sleep(1) # the figure is what happens while nothing happens
    used = processor(office) - before
    report.check("they cost no processor (%.2f s in %.1f s)" % (used, time.monotonic() - began), used < 0.5)
    for one in crowd:
        one.close()


def test(report, office, given):
    address, password = office.account("descriptors")
    half_open(report, office, address, password)
    starved(report, office, address, password)


if __name__ == "__main__":
    server.main("descriptors", test, remote=False, options={"limits.connections_per_address": "5000"})
