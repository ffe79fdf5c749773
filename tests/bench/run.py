#!/usr/bin/env python3
"""Postfach beside Debian's Dovecot: the same client code, the same run, turn by turn; the median of the rounds. See README.md."""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import time

import benches
import servers


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of: %s; without one: all" % ", ".join(benches.BENCHES))
    parser.add_argument("--build", default=os.path.join(servers.server.SOURCE, "build", "release"), help="the tree with the programs")
    parser.add_argument("--output", metavar="FILE", help="where the figures go as JSON")
    parser.add_argument("--quick", action="store_true", help="little of everything, one round: does it run?")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--messages", type=int, help="in the large mailbox: 10000, or 600 with --quick")
    parser.add_argument("--formats", default="maildir,sdbox", help="Dovecot's mailbox formats; empty: Postfach alone")
    parser.add_argument("--signatures", metavar="DIR", help="ClamAV signatures to scan with; without: the scanner's own alone")
    given = parser.parse_args()
    for name in given.names:
        if name not in benches.BENCHES:
            parser.error("no bench %s; there are %s" % (name, ", ".join(benches.BENCHES)))
    return given


def measure(subjects, names, work, rounds):
    """{row: {subject: [value of each round]}} and {row: {subject: what went wrong}}"""
    values, wrong = {}, {}
    for name in names:
        function, rows = benches.BENCHES[name]
        for row in rows:
            values[row] = {subject.name: [] for subject in subjects}
            wrong[row] = {}
        for number in range(rounds):
            first = number % len(subjects)  # nobody goes first every time
            for subject in subjects[first:] + subjects[:first]:
                began = time.monotonic()
                missing = dict.fromkeys(rows)
                try:
                    for row, value in function(subject, work, number):
                        values[row][subject.name].append(value)
                        missing.pop(row)
                    why = "not measured"
                except Exception as error:
                    why = "%s: %s" % (type(error).__name__, error)
                    missing = missing or rows
                    print("FAIL %s, %s: %s" % (name, subject.name, why), file=sys.stderr)
                    print("".join("  | %s\n" % line for line in subject.last_words()), end="", file=sys.stderr)
                for row in missing:
                    wrong[row].setdefault(subject.name, why)
                print("%s, round %d, %s: %.1f s" % (name, number + 1, subject.name, time.monotonic() - began), file=sys.stderr)
    return values, wrong


def figure(value):
    return "%.0f" % value if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value


def table(subjects, names, values, wrong):
    """Prints it; returns the rows for the file and how many failed."""
    head = ["", "unit"] + [subjects[0].name] + [word for subject in subjects[1:] for word in (subject.name, "ratio")]
    lines, found, failed = [], [], 0
    for name in names:
        for row, unit in benches.BENCHES[name][1].items():
            entry = {"bench": name, "row": row, "unit": unit, "failed": wrong[row]}
            medians = {subject: statistics.median(each) for subject, each in values[row].items() if each and subject not in wrong[row]}
            entry["median"], entry["rounds"] = medians, values[row]
            line = [row, unit]
            mine = medians.get(subjects[0].name)
            line.append(figure(mine) if mine else "FAIL")
            for subject in subjects[1:]:
                other = medians.get(subject.name)
                line.append(figure(other) if other else "FAIL")
                line.append("%.2f" % (mine / other) if mine and other else "-")
            lines.append(line)
            found.append(entry)
            failed += bool(wrong[row])
    widths = [max(len(line[at]) for line in [head] + lines) for at in range(len(head))]
    for line in [head] + lines:
        print("  ".join(cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(line, widths))).rstrip())
    return found, failed


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended"))  # so that the servers end too
    names = given.names or list(benches.BENCHES)
    kinds = [kind for kind in given.formats.split(",") if kind]
    if kinds and not shutil.which("dovecot"):
        sys.exit("bench: dovecot is not installed (./dev install bench)")
    rounds = given.rounds or (1 if given.quick else 3)
    work = benches.Work(given.quick, given.messages)
    load = os.getloadavg()[0]
    subjects = []
    try:
        subjects.append(servers.Postfach(given.build, given.signatures))
        subjects += [servers.Dovecot(kind, subjects[0]) for kind in kinds]
        values, wrong = measure(subjects, names, work, rounds)
        versions = {subject.name: subject.version for subject in subjects}
    finally:
        for subject in subjects:
            subject.stop()
    print("\n%d rounds, %d messages in the large mailbox, %d cores, load before the run %.1f; rates, more is better"
          % (rounds, work.messages, os.cpu_count(), load))
    if load > 0.5 * os.cpu_count():
        print("The machine was busy: compare the columns with care, and the rates with no other run.")
    print()
    rows, failed = table(subjects, names, values, wrong)
    print("\nPostfach scans every mail that comes in by LMTP or APPEND; Dovecot does not.")
    if given.output:
        os.makedirs(os.path.dirname(os.path.abspath(given.output)), exist_ok=True)
        with open(given.output, "w") as file:
            json.dump({"taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "quick": given.quick, "rounds": rounds,
                       "messages": work.messages, "load_before": load, "cores": os.cpu_count(), "machine": platform.machine(),
                       "signatures": bool(given.signatures), "versions": versions, "rows": rows}, file, indent=2)
            file.write("\n")
        print("figures: " + given.output)
    for row in rows:
        for subject, why in row["failed"].items():
            print("FAIL %s, %s: %s" % (row["row"], subject, why))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
