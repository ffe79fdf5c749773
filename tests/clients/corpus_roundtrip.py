"""Every mail of the corpus and every mail made here: in by LMTP, out by IMAP and POP3, byte for byte.

Per mail: BODY.PEEK[] is Return-Path, Received and the mail with CRLF line ends; RFC822.SIZE is its length; ENVELOPE and
BODYSTRUCTURE parse; each part has the octets that BODYSTRUCTURE says; POP3 gives the same bytes. Mail that the scanner
takes away is counted apart: the quarantine must hold as many.
"""
import concurrent.futures
import time

import mails
import server
import wire


class Tally:
    def __init__(self):
        self.sent = self.refused = self.by_imap = self.by_pop3 = self.parts = self.quarantined = 0
        self.complaints = []


def deliver(office, address, folder_mails, tally):
    """Sends one after the other, so that UIDs follow the order; returns what was accepted."""
    accepted = []
    lmtp = office.lmtp()
    for name, message in folder_mails:
        tally.sent += 1
        reply = lmtp.deliver("sender@elsewhere.test", address, message)[0]
        if reply.startswith(b"250"):
            accepted.append((name, message))
        else:
            tally.refused += 1
            tally.complaints.append("%s: refused: %s" % (name, reply.decode(errors="replace")))
    lmtp.quit()
    return accepted


def check_structure(imap, number, stored):
    """The parts of one message, as BODYSTRUCTURE tells them, against its bytes."""
    row = imap.fetch(number, "(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT])")[number]
    if int(row["RFC822.SIZE"]) != len(stored):
        raise ValueError("RFC822.SIZE %s, %d bytes" % (row["RFC822.SIZE"].decode(), len(stored)))
    if len(row["ENVELOPE"]) != 10:
        raise ValueError("ENVELOPE with %d fields" % len(row["ENVELOPE"]))
    if (row["BODY[HEADER]"] or b"") + (row["BODY[TEXT]"] or b"") != stored:
        raise ValueError("HEADER and TEXT are not the whole")
    parts = wire.leaves(row["BODYSTRUCTURE"])
    for start in range(0, len(parts), 50):
        some = parts[start:start + 50]
        texts = imap.fetch(number, "(%s)" % " ".join("BODY.PEEK[%s]" % section for section, _ in some))[number]
        for section, octets in some:
            text = texts["BODY[%s]" % section] or b""
            if len(text) != octets:
                raise ValueError("part %s: BODYSTRUCTURE says %d octets, %d came" % (section, octets, len(text)))
            if text not in stored:
                raise ValueError("part %s is no piece of the message" % section)
    return len(parts)


def read_back(office, address, password, accepted, tally):
    imap, pop3 = office.imap(address, password), office.pop3(address, password)
    present = imap.select(readonly=True)
    if present != len(accepted):
        tally.complaints.append("%s: %d accepted, %d in INBOX" % (address, len(accepted), present))
    uidl = [line.split()[1] for line in pop3.block("UIDL").splitlines()]
    if len(set(uidl)) != present:
        tally.complaints.append("%s: %d different UIDLs for %d messages" % (address, len(set(uidl)), present))
    for number, (name, message) in enumerate(accepted[:present], 1):
        try:
            stored = imap.fetch(number, "(BODY.PEEK[])")[number]["BODY[]"]
            if not wire.is_delivered(stored, message):
                if b"quarantine" in stored.lower():
                    tally.quarantined += 1
                else:
                    tally.complaints.append("%s: other bytes by IMAP: %s" % (name, first_difference(stored, message)))
                continue
            tally.by_imap += 1
            retrieved = pop3.block("RETR %d" % number)
            if retrieved == stored:
                tally.by_pop3 += 1
            else:
                tally.complaints.append("%s: POP3 gives %d bytes, IMAP %d" % (name, len(retrieved), len(stored)))
            tally.parts += check_structure(imap, number, stored)
        except (ValueError, KeyError, TypeError, IndexError, wire.Refused) as error:
            tally.complaints.append("%s: %s: %s" % (name, type(error).__name__, error))
            if isinstance(error, wire.Refused):
                raise
    pop3.quit()
    imap.logout()


def first_difference(stored, message):
    body = wire.normalised(message)
    found = stored[-len(body):]
    at = next((i for i, (a, b) in enumerate(zip(found, body)) if a != b), min(len(found), len(body)))
    return "at %d of %d: %r for %r (stored %d)" % (at, len(body), found[at:at + 24], body[at:at + 24], len(stored))


def one_folder(office, folder, folder_mails):
    tally = Tally()
    address, password = office.account(folder)
    accepted = deliver(office, address, folder_mails, tally)
    read_back(office, address, password, accepted, tally)
    return folder, tally


def test(report, office, given):
    folders = {"made here": list(mails.sample().items())}
    for folder, name, message in mails.corpus():
        folders.setdefault(folder, []).append((name, message))
    if len(folders) == 1:
        print("no corpus at %s: only the mails made here" % mails.CORPUS)
    if not office.is_remote:
        print("resident, idle: server %.1f MiB, scanner %.1f MiB" % office.resident())
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(one_folder, office, folder.replace(" ", "-"), messages)
                 for folder, messages in sorted(folders.items(), key=lambda entry: -len(entry[1]))]
        results = sorted((task.result() for task in tasks), key=lambda result: result[0])

    form = "%-22s %6s %8s %9s %9s %12s %8s"
    print(form % ("folder", "in", "refused", "= IMAP", "= POP3", "quarantined", "parts"))
    rows = [(folder, t.sent, t.refused, t.by_imap, t.by_pop3, t.quarantined, t.parts) for folder, t in results]
    for row in rows + [("all", *(sum(column) for column in list(zip(*rows))[1:]))]:
        print(form % row)
    print("%.0f s" % (time.monotonic() - began))
    if not office.is_remote:
        print("resident, after: server %.1f MiB, scanner %.1f MiB" % office.resident())
    for folder, tally in results:
        for complaint in tally.complaints[:20]:
            print("  " + complaint)
        report.check("%s: all %d mails come back as they were" % (folder, tally.sent),
                     not tally.complaints and tally.by_imap == tally.by_pop3 == tally.sent - tally.quarantined,
                     "%d complaints" % len(tally.complaints))
    quarantined = sum(tally.quarantined for _, tally in results)
    if not office.is_remote:
        report.same("the quarantine holds what is missing", len(office.items("/quarantine")), quarantined)


server.main("corpus_roundtrip", test)
