#!/usr/bin/env python3
"""Postfach beside Debian's Dovecot: the same client code, the same run, turn by turn; the median of the rounds. See README.md."""
import argparse
import json
import os
import platform
import shutil
import signal
import sys
import time

import bench
import benches
import servers
import table


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of: %s; without one: all" % ", ".join(benches.BENCHES))
    parser.add_argument("--build", default=os.path.join(servers.server.SOURCE, "build", "release"), help="the tree with the programs")
    parser.add_argument("--output", metavar="FILE", help="where the figures go as JSON")
    parser.add_argument("--quick", action="store_true", help="little of everything, one round: does it run?")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    parser.add_argument("--messages", type=int, help="in the large mailbox: 10000, or 600 with --quick")
    parser.add_argument("--against", metavar="LIST", help="the only other servers, of: %s; empty: Postfach alone; "
                        "without: those each bench names" % ", ".join(servers.DOVECOTS))
    parser.add_argument("--signatures", metavar="DIR", help="ClamAV signatures to scan with; without: the scanner's own alone")
    given = parser.parse_args()
    for name in given.names:
        if name not in benches.BENCHES:
            parser.error("no bench %s; there are %s" % (name, ", ".join(benches.BENCHES)))
    given.names = given.names or list(benches.BENCHES)
    for name in (given.against or "").split(","):
        if name and name not in servers.DOVECOTS:
            parser.error("no server %s; there are %s" % (name, ", ".join(servers.DOVECOTS)))
    return given


def subjects_of(bench, against):
    """The names of the servers to compare, Postfach first."""
    return [name for name in bench.subjects if name == "Postfach" or against is None or name in against.split(",")]


class Result:
    """What one bench found: {row: {subject: [value of each round]}} and {row: {subject: what went wrong}}."""

    def __init__(self, name, names):
        self.name, self.bench, self.subjects = name, benches.BENCHES[name], names
        self.values = {row: {subject: [] for subject in names} for row in self.bench.rows}
        self.wrong = {row: {} for row in self.bench.rows}


def measure(result, subjects, work, rounds):
    for number in range(rounds):
        first = number % len(subjects)  # nobody goes first every time
        for subject in subjects[first:] + subjects[:first]:
            began = time.monotonic()
            missing = dict.fromkeys(result.bench.rows)
            try:
                for row, value in result.bench.function(subject, work, number):
                    if value is not None:
                        result.values[row][subject.name].append(value)
                    missing.pop(row)
                missing, why = missing if number == 0 else {}, "not measured"
            except SystemExit:
                result.wrong.update({row: {**result.wrong[row], subject.name: "ended before"} for row in missing if number == 0})
                raise
            except Exception as error:
                why = "%s: %s" % (type(error).__name__, error)
                missing = missing or result.bench.rows
                print("FAIL %s, %s: %s" % (result.name, subject.name, why), file=sys.stderr)
                print("".join("  | %s\n" % line for line in subject.last_words()), end="", file=sys.stderr)
            for row in missing:
                result.wrong[row].setdefault(subject.name, why)
            print("%s, round %d, %s: %.1f s" % (result.name, number + 1, subject.name, time.monotonic() - began), file=sys.stderr)


def measure_all(given, work, rounds):
    shared, results, versions = servers.Pool(given.build, given.signatures), [], {}
    try:
        for name in given.names:
            result = Result(name, subjects_of(benches.BENCHES[name], given.against))
            results.append(result)
            pool = servers.Pool(given.build, given.signatures) if result.bench.alone else shared
            try:
                measure(result, pool.get(result.subjects, result.bench.options), work, rounds)
            finally:
                versions.update(pool.versions)
                if pool is not shared:
                    pool.stop()
    except SystemExit as end:  # what was measured until then is worth its table
        print(end, file=sys.stderr)
    finally:
        shared.stop()
    return results, versions


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended"))  # so that the servers end too
    wanted = {name for each in given.names for name in subjects_of(benches.BENCHES[each], given.against)}
    if len(wanted) > 1 and not shutil.which("dovecot"):
        sys.exit("bench: dovecot is not installed (./dev install bench)")
    rounds = given.rounds or (1 if given.quick else 3)
    work = bench.Work(given.quick, given.messages, given.build)
    load = os.getloadavg()[0]
    results, versions = measure_all(given, work, rounds)
    print("\n%d rounds, %d messages in the large mailbox, %d cores, load before the run %.1f"
          % (rounds, work.messages, os.cpu_count(), load))
    if load > 0.5 * os.cpu_count():
        print("The machine was busy: compare the columns with care, and the figures with no other run.")
    rows = table.rows(results)
    table.show(results, rows)
    for result in results:
        if result.bench.note and not given.quick:
            print("\n" + result.bench.note)
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
    sys.exit(1 if any(row["failed"] for row in rows) else 0)


if __name__ == "__main__":
    main()
