"""SIGKILL of the server while everything that writes is at work; afterwards the store is what a journal says.

LMTP deliveries beside sessions that APPEND, STORE, COPY, MOVE, EXPUNGE, CREATE, RENAME, DELETE, and DELE with QUIT. Each keeps a journal:
what was acknowledged, and the one command that was on its way when the server died, which may have happened or not. Each has
an account of its own and is its only writer, so after every start the account must be exactly what the journal allows:
contents byte for byte, flags, UIDs in the order they were given, none twice, UIDVALIDITY as it was.
"""
import argparse
import random
import re
import statistics
import threading
import time

from common import mails, server, wire


class Died(Exception):
    """The server did not answer; what was asked may have been done."""


class Box:
    """A mailbox as the journal has it: UIDs to (content number, flags)."""

    def __init__(self, validity):
        self.validity, self.mail, self.highest = validity, {}, 0

    def copy(self):
        twin = Box(self.validity)
        twin.mail, twin.highest = dict(self.mail), self.highest
        return twin

    def add(self, uid, number, flags):
        self.mail[uid] = (number, frozenset(flags))
        self.highest = max(self.highest, uid)

    def said(self):
        """For comparisons where the UIDs of what is in doubt are not known: UIDs known before, and contents of the others."""
        return self.mail


FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "work", "later"]


class Session(threading.Thread):
    """One account, one IMAP session that does everything, and a journal."""

    def __init__(self, office, number, seed):
        super().__init__(daemon=True)
        self.office, self.number = office, number
        self.address, self.password = office.account("kill9")
        self.chance = random.Random(seed * 1000 + number)
        self.contents = {}                     # number: bytes
        self.boxes = {}                        # name: Box, as acknowledged
        self.doubt = None                      # what may have happened instead: a function (boxes found) -> bool
        self.imap = self.lmtp = None
        self.done = self.checks = self.serial = 0
        self.faults, self.stopping, self.validities = [], threading.Event(), {}

    # --- speaking; a lost connection is Died

    def ask(self, command):
        try:
            if self.imap is None:
                self.imap = self.office.imap(self.address, self.password)
            tagged, untagged = self.imap.ask(command)
        except (OSError, ValueError, IndexError, wire.Refused) as error:
            self.imap = None
            raise Died(str(error))
        if tagged.startswith(b"NO [UNAVAILABLE]") or tagged.startswith(b"BYE"):
            raise Died(tagged)
        if not tagged.startswith(b"OK"):
            raise AssertionError("%s: %s" % (command, tagged))
        return tagged, untagged

    def content(self):
        self.serial += 1
        size = self.chance.choice([100, 1000, 5000, 20000, 300000])
        name = "kill9 %d %d" % (self.number, self.serial)
        text = name + "\r\n" + "".join("%s . \r\n" % (name * 4) for _ in range(size // 60 + 1)) + "\r\n.\r\n..\r\n"
        self.contents[self.serial] = mails.plain(name, text)
        return self.serial

    # --- the state of the account, as it is

    def found(self):
        """{name: Box} of what the server has; contents compared on the way."""
        boxes = {}
        for answer in self.ask('LIST "" "*"')[1]:
            name = wire.parse(answer.split(b" ", 2)[2])[-1].decode()
            untagged = self.ask("EXAMINE %s" % wire.quoted(name))[1]
            text = b"".join(untagged)
            box = Box(int(re.search(rb"UIDVALIDITY (\d+)", text).group(1)))
            box.next = int(re.search(rb"UIDNEXT (\d+)", text).group(1))
            if b" 0 EXISTS" not in text and not re.search(rb"\* 0 EXISTS", text):
                for line in self.ask("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")[1]:
                    words = line.split(b" ", 3)
                    if words[2:3] != [b"FETCH"]:
                        continue
                    values = wire.parse(words[3])[0]
                    row = {k.decode().upper(): v for k, v in zip(values[::2], values[1::2])}
                    body = row["BODY[]"]
                    subject = re.search(rb"Subject: kill9 (\d+) (\d+)\r\n", body)
                    number = int(subject.group(2)) if subject and int(subject.group(1)) == self.number else 0
                    sent = self.contents.get(number)
                    if sent is None or not (body == sent or wire.is_delivered(body, sent)):
                        self.faults.append("%s: uid %s is not what was sent (%d)" % (name, row["UID"], number))
                    flags = {f.decode() for f in row["FLAGS"]} - {"\\Recent"}
                    box.add(int(row["UID"]), number, flags)
            boxes[name] = box
        return boxes

    def compare(self):
        """After a start: what is there must be what was acknowledged, or that with the command in doubt done whole."""
        now = self.found()
        for name, box in now.items():
            if box.mail and box.next <= max(box.mail):
                self.faults.append("%s: UIDNEXT %d is not above all UIDs" % (name, box.next))
        same = self.differs(self.boxes, now) is None
        if not same:
            why = self.differs(self.boxes, now)
            if self.doubt is None:
                self.faults.append("without a command in doubt: " + why)
            else:
                also = self.differs(self.doubt[1](self.boxes, now), now)
                if also is not None:
                    self.faults.append("%s in doubt: not undone: %s; not done: %s" % (self.doubt[0], why, also))
        for name, box in now.items():
            known = self.boxes.get(name)
            if known and known.validity == box.validity and box.next <= known.highest:
                self.faults.append("%s: UIDs may be given again: next %d, given %d" % (name, box.next, known.highest))
            if known:
                box.highest = max(box.highest, known.highest if known.validity == box.validity else 0)
        self.boxes, self.doubt = now, None
        self.checks += 1

    @staticmethod
    def differs(wanted, now):
        if set(wanted) != set(now):
            return "mailboxes: missing %s, more %s" % (sorted(set(wanted) - set(now)), sorted(set(now) - set(wanted)))
        for name, box in wanted.items():
            if box.validity is not None and box.validity != now[name].validity:
                return "%s: UIDVALIDITY %s, was %s" % (name, now[name].validity, box.validity)
            if box.mail != now[name].mail:
                gone = sorted(set(box.mail.items()) - set(now[name].mail.items()), key=str)[:3]
                more = sorted(set(now[name].mail.items()) - set(box.mail.items()), key=str)[:3]
                return "%s: missing %s, more %s" % (name, gone, more)
        return None

    # --- what it does; each sets `doubt` before it asks, and notes what was acknowledged after

    def act(self):
        names = sorted(self.boxes)
        own = [name for name in names if name.startswith("x")]
        full = [name for name in names if self.boxes[name].mail]
        what = self.chance.choice(["deliver", "append", "append", "store", "store", "copy", "move", "expunge", "pop3", "create", "rename", "delete"])
        if what in ("store", "copy", "move", "expunge") and full:
            name = self.chance.choice(full)
            uids = sorted(uid for uid in self.boxes[name].mail if self.chance.random() < 0.4) or sorted(self.boxes[name].mail)[:1]
            getattr(self, what)(name, uids, self.chance.choice(names))
        elif what == "pop3" and self.boxes["INBOX"].mail:
            self.pop3()
        elif what == "create" and len(own) < 6:
            self.create()
        elif what in ("rename", "delete") and own:
            getattr(self, what)(self.chance.choice(own))
        elif what == "append":
            self.append(self.chance.choice(names))
        else:
            self.deliver()
        self.doubt = None
        self.done += 1

    def arrived(self, name, number, flags):
        """In doubt: one more mail in a mailbox; its UID is whatever it was given."""
        def state(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            for uid, (found, found_flags) in now.get(name, Box(0)).mail.items():
                if found == number and uid not in after[name].mail and uid > after[name].highest:
                    after[name].add(uid, number, flags)
            return after
        return state

    def deliver(self):
        number = self.content()
        self.doubt = ("LMTP", self.arrived("INBOX", number, ()))
        try:
            self.lmtp = self.lmtp or self.office.lmtp()
            reply = self.lmtp.deliver("sender@elsewhere.test", self.address, self.contents[number])[0]
        except (OSError, ValueError, wire.Refused) as error:
            self.lmtp = None
            raise Died(str(error))
        if not reply.startswith(b"250"):
            raise Died(reply)
        self.ask("EXAMINE INBOX")
        uids = [int(u) for u in b" ".join(self.ask("UID SEARCH UID %d:*" % (self.boxes["INBOX"].highest + 1))[1]).split() if u.isdigit()]
        uids = [u for u in uids if u > self.boxes["INBOX"].highest]
        if len(uids) != 1:
            raise AssertionError("one mail was delivered, found %s above %d" % (uids, self.boxes["INBOX"].highest))
        self.boxes["INBOX"].add(uids[0], number, ())

    def append(self, name):
        number, flags = self.content(), {f for f in FLAGS if self.chance.random() < 0.2}
        self.doubt = ("APPEND", self.arrived(name, number, flags))
        tagged, _ = self.ask(["APPEND", wire.quoted(name), "(%s)" % " ".join(sorted(flags)), self.contents[number]])
        self.boxes[name].add(int(re.search(rb"APPENDUID \d+ (\d+)", tagged).group(1)), number, flags)

    def store(self, name, uids, _):
        how, flags = self.chance.choice("+-"), {f for f in FLAGS if self.chance.random() < 0.4}
        after = {n: b.copy() for n, b in self.boxes.items()}
        for uid in uids:
            number, old = after[name].mail[uid]
            after[name].mail[uid] = (number, frozenset(old | flags if how == "+" else old - flags))
        self.select(name)
        self.doubt = ("STORE", lambda boxes, now: after)
        self.ask("UID STORE %s %sFLAGS.SILENT (%s)" % (numbers(uids), how, " ".join(sorted(flags))))
        self.boxes = after

    def transferred(self, name, uids, to, move):
        """In doubt: all of them, in order, above every UID that was ever given there; and gone where they were."""
        def state(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            more = sorted(uid for uid in now[to].mail if uid > boxes[to].highest)
            for old, new in zip(uids, more):
                after[to].add(new, *boxes[name].mail[old])
            if move:
                for uid in uids:
                    del after[name].mail[uid]
            return after
        return state

    def transfer(self, command, name, uids, to):
        self.select(name)
        self.doubt = (command, self.transferred(name, uids, to, command == "MOVE"))
        tagged, untagged = self.ask("UID %s %s %s" % (command, numbers(uids), wire.quoted(to)))
        code = re.search(rb"COPYUID \d+ (\S+) ([^\]]+)\]", b"".join(untagged) + tagged)
        pairs = dict(zip(listed(code.group(1)), listed(code.group(2))))
        after = {n: b.copy() for n, b in self.boxes.items()}
        for uid in uids:
            after[to].add(pairs[uid], *self.boxes[name].mail[uid])
        if command == "MOVE":
            for uid in uids:
                del after[name].mail[uid]
        self.boxes = after

    def copy(self, name, uids, to):
        self.transfer("COPY", name, uids, to)

    def move(self, name, uids, to):
        self.transfer("MOVE", name, uids, to)

    def expunge(self, name, uids, _):
        """Where the server keeps a copy in its Trash that is read from there, once: nobody else writes to it."""
        self.select(name)
        marked = {n: b.copy() for n, b in self.boxes.items()}
        for uid in uids:
            number, old = marked[name].mail[uid]
            marked[name].mail[uid] = (number, frozenset(old | {"\\Deleted"}))
        self.doubt = ("STORE", lambda boxes, now: marked)
        self.ask("UID STORE %s +FLAGS.SILENT (\\Deleted)" % numbers(uids))
        self.boxes = marked

        gone = self.removed(name, uids)
        self.doubt = ("EXPUNGE", gone)
        self.ask("UID EXPUNGE %s" % numbers(uids))
        self.boxes = gone(self.boxes, self.trash(name))

    def removed(self, name, uids):
        """In doubt: all of them gone; what came into Trash instead (deleted is not lost) must be of these."""
        def state(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            for uid in uids:
                del after[name].mail[uid]
            if name not in ("Trash", "Junk") and "Trash" in now:
                removed = {boxes[name].mail[uid][0] for uid in uids}
                for uid, (number, flags) in now["Trash"].mail.items():
                    if uid > after["Trash"].highest and number in removed:
                        after["Trash"].add(uid, number, flags)
            return after
        return state

    def trash(self, name):
        return {"Trash": self.look("Trash")} if name not in ("Trash", "Junk") else {}

    def pop3(self):
        """DELE of some and QUIT: all of them go with the QUIT, or none."""
        known = sorted(self.boxes["INBOX"].mail)
        uids = [uid for uid in known if self.chance.random() < 0.3] or known[:1]
        gone = self.removed("INBOX", uids)
        try:
            pop3 = self.office.pop3(self.address, self.password)
            count = int(pop3.do("STAT").split()[0])
            if count != len(known):
                raise AssertionError("POP3 counts %d, there are %d" % (count, len(known)))
            for uid in uids:
                pop3.do("DELE %d" % (known.index(uid) + 1))
            self.doubt = ("POP3 QUIT", gone)
            pop3.quit()
        except (OSError, ValueError, wire.Refused) as error:
            raise Died(str(error))
        self.boxes = gone(self.boxes, self.trash("INBOX"))

    def look(self, name):
        box = Box(None)
        if b" 0 EXISTS" in b"".join(self.ask("EXAMINE %s" % wire.quoted(name))[1]):
            return box
        for line in self.ask("UID FETCH %d:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])" % (self.boxes[name].highest + 1))[1]:
            words = line.split(b" ", 3)
            if words[2:3] == [b"FETCH"]:
                values = wire.parse(words[3])[0]
                row = {k.decode().upper(): v for k, v in zip(values[::2], values[1::2])}
                number = int(next(re.search(rb"kill9 \d+ (\d+)", v).group(1) for k, v in row.items() if k.startswith("BODY[")))
                box.add(int(row["UID"]), number, {f.decode() for f in row["FLAGS"]} - {"\\Recent"})
        return box

    def select(self, name):
        self.ask("SELECT %s" % wire.quoted(name))

    def create(self):
        self.serial += 1
        name = "x%d" % self.serial

        def made(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            after[name] = Box(now[name].validity if name in now else None)
            return after
        self.doubt = ("CREATE", made)
        self.ask("CREATE %s" % name)
        untagged = self.ask("EXAMINE %s" % name)[1]
        self.boxes[name] = Box(int(re.search(rb"UIDVALIDITY (\d+)", b"".join(untagged)).group(1)))
        if self.boxes[name].validity in {v for n, v in self.validities.items() if n != name}:
            self.faults.append("UIDVALIDITY %d was given twice" % self.boxes[name].validity)
        self.validities[name] = self.boxes[name].validity

    def rename(self, name):
        self.serial += 1
        to = "x%d" % self.serial

        def renamed(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            after[to] = after.pop(name)
            return after
        self.doubt = ("RENAME", renamed)
        self.ask("RENAME %s %s" % (name, to))
        self.boxes = renamed(self.boxes, None)
        self.validities[to] = self.validities.pop(name, self.boxes[to].validity)

    def delete(self, name):
        def deleted(boxes, now):
            after = {n: b.copy() for n, b in boxes.items()}
            del after[name]
            return after
        self.select("INBOX")
        self.doubt = ("DELETE", deleted)
        self.ask("DELETE %s" % name)
        self.boxes = deleted(self.boxes, None)

    # --- from start to start

    def run(self):
        fresh = True
        while not self.stopping.is_set():
            try:
                if fresh:
                    if not self.boxes:
                        self.boxes = self.found()
                    self.compare()
                    fresh = False
                self.act()
            except Died:
                fresh = True
                self.imap = self.lmtp = None
                time.sleep(0.02)
            except Exception as error:  # whatever it is, it is told in the end
                self.faults.append("%s: %s" % (type(error).__name__, error))
                return


def numbers(uids):
    return ",".join(map(str, uids))


def listed(text):
    """The UIDs of a set, in its order."""
    found = []
    for piece in text.decode().split(","):
        first, _, last = piece.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


def test(report, office, given):
    chance = random.Random(given.seed)
    sessions = [Session(office, number, given.seed) for number in range(6)]
    for session in sessions:
        session.start()
    starts, kills = [], 0
    while kills < given.kills:
        time.sleep(chance.uniform(0.05, 1.2))
        office.kill()
        kills += 1
        began = time.monotonic()
        office.start()
        starts.append(time.monotonic() - began)
    time.sleep(1)
    for session in sessions:
        session.stopping.set()
    for session in sessions:
        session.join(120)
    for session in sessions:
        session.imap = None
        try:
            session.compare()
        except Exception as error:
            session.faults.append("at the end: %s: %s" % (type(error).__name__, error))
    usual, slowest = statistics.median(starts), max(starts)
    done, checks = sum(s.done for s in sessions), sum(s.checks for s in sessions)
    faults = [fault for session in sessions for fault in session.faults]
    print("seed %d: %d kills, %d commands acknowledged, %d comparisons, %d faults; ready after %.2f s, at most %.2f s"
          % (given.seed, kills, done, checks, len(faults), usual, slowest))
    for fault in faults[:20]:
        print("  " + fault[:400])
    report.same("every account is what its journal allows, after every start", faults, [])
    report.check("much was done between the kills", done > 10 * kills and checks > kills, (done, checks))
    report.check("the server is ready again within a second", usual < 1 and slowest < given.patience, (usual, slowest))
    checked = office.cli("check")
    report.same("the store is sound", (checked.returncode, checked.stderr), (0, ""))
    report.same("the server ends well after all this", office.terminate(), 0)
    checked = office.cli("check")
    report.same("... and without it too", (checked.returncode, checked.stderr), (0, ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=5, help="seconds a start may take; a busy machine needs more than an idle one")
    server.main("kill9_store", test, remote=False, parser=parser)
