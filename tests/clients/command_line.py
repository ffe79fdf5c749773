"""The command line: what it does, and its exit statuses (0 done, 1 refused, 2 usage, 3 server not reachable)."""
import json
import os
import shutil
import subprocess
import tempfile
import termios
import time

import mails
import server
from terminal import Terminal


def at_a_terminal(report, office):
    """Who types a password is asked for it twice, and nobody sees it."""
    def asked(*words):
        return Terminal([office.program, *words, "--password-stdin", "--data", office.data], {})

    def echoes(terminal):
        return bool(termios.tcgetattr(terminal.terminal)[3] & termios.ECHO)

    typist = asked("account", "add", "typist@shell.test")
    report.check("a password is asked for at a terminal", typist.shows("password: "), typist.drawn)
    report.check("... without echo", not echoes(typist))
    typist.keys("never to be seen\n")
    report.check("... and again", typist.shows("password again: "), typist.drawn)
    typist.keys("never to be seen\n")
    report.check("... and taken", typist.end() == 0, typist.drawn)
    report.check("... and is on no screen", "never to be" not in typist.drawn, typist.drawn)
    office.imap("typist@shell.test", "never to be seen").logout()

    typist = asked("account", "password", "typist@shell.test")
    for prompt, text in (("password: ", "one\n"), ("password again: ", "another\n")):
        typist.shows(prompt)
        typist.keys(text)
    report.check("two different ones are none: exit 2", typist.end() == 2, typist.drawn)
    office.imap("typist@shell.test", "never to be seen").logout()

    typist = asked("account", "password", "typist@shell.test")
    typist.shows("password: ")
    silent = not echoes(typist)
    typist.keys("\x03")
    until = time.monotonic() + 30
    while not echoes(typist) and time.monotonic() < until:
        time.sleep(0.01)
    report.check("who is interrupted leaves a terminal that shows what is typed", silent and echoes(typist))
    report.check("... and is over", typist.end() is None)
    office.cli("account", "remove", "typist@shell.test")


def test(report, office, given):
    def run(claim, status, *words, stdin=None):
        result = office.cli(*words, stdin=stdin)
        report.check("%s: exit %d" % (claim, status), result.returncode == status,
                     (result.returncode, result.stdout[-300:], result.stderr[-300:]))
        return result

    def rows(*words):
        return json.loads(run(" ".join(words) + " --json", 0, *words, "--json").stdout)

    run("domain add", 0, "domain", "add", "shell.test")
    run("domain add of one that is there", 1, "domain", "add", "shell.test")
    report.check("domain list has it", any("shell.test" in json.dumps(row) for row in rows("domain", "list")))
    made = run("account add", 0, "account", "add", "dora@shell.test", "--password-stdin", stdin="a good long password\n")
    report.check("... tells nothing on stderr", made.stderr == "", made.stderr)
    office.imap("dora@shell.test", "a good long password").logout()
    report.check("the account can log in", True)
    run("account add of one that is there", 1, "account", "add", "dora@shell.test", "--password-stdin", stdin="another password\n")
    run("account add makes the domain", 0, "account", "add", "emil@made.on.the.way", "--password-stdin", stdin="a good long password\n")
    report.check("domain list has that too", any("made.on.the.way" in json.dumps(row) for row in rows("domain", "list")))
    run("a single-label domain is a name", 0, "account", "add", "root@localhost", "--password-stdin", stdin="a good long password\n")
    listed = rows("account", "list")
    report.check("account list is an array of objects", {"dora@shell.test", "emil@made.on.the.way", "root@localhost"}
                 <= {row["address"] for row in listed}, listed)
    shown = json.loads(run("account show --json", 0, "account", "show", "dora@shell.test", "--json").stdout)
    report.check("account show", shown["address"] == "dora@shell.test" and shown["enabled"] is True and "password" not in shown, shown)

    run("account change of what is counted", 0, "account", "change", "dora@shell.test", "--quota-messages", "1000", "--expunge-to-trash", "no")
    shown = json.loads(run("account show --json again", 0, "account", "show", "dora@shell.test", "--json").stdout)
    report.check("... is there", shown["quota_messages"] == 1000 and shown["expunge_to_trash"] is False and shown["quota_level"] == 0, shown)
    table = run("account show", 0, "account", "show", "dora@shell.test").stdout
    report.check("... and for people", any(line.split()[-1] == "1000" for line in table.splitlines() if line.startswith("QUOTA OF MESSAGES"))
                 and any(line.split()[-1] == "no" for line in table.splitlines() if line.startswith("EXPUNGE TO TRASH")), table)
    run("... neither yes nor no", 2, "account", "change", "dora@shell.test", "--expunge-to-trash", "maybe")
    run("... no number", 2, "account", "change", "dora@shell.test", "--quota-messages", "-1")
    run("... by account add too", 0, "account", "add", "fritz@shell.test", "--password-stdin", "--quota-messages", "5", "--expunge-to-trash", "no",
        stdin="a good long password\n")
    fritz = json.loads(run("... shown", 0, "account", "show", "fritz@shell.test", "--json").stdout)
    report.check("... as it was said", fritz["quota_messages"] == 5 and fritz["expunge_to_trash"] is False, fritz)
    run("account remove of that one", 0, "account", "remove", "fritz@shell.test")

    run("account password", 0, "account", "password", "dora@shell.test", "--password-stdin", stdin="a second password\n")
    report.refuses("the old password is refused", lambda: office.imap("dora@shell.test", "a good long password"))
    office.imap("dora@shell.test", "a second password").logout()
    run("account disable", 0, "account", "disable", "dora@shell.test")
    report.refuses("a disabled account cannot log in", lambda: office.imap("dora@shell.test", "a second password"))
    run("account enable", 0, "account", "enable", "dora@shell.test")
    office.imap("dora@shell.test", "a second password").logout()

    if hasattr(office, "program"):
        at_a_terminal(report, office)

    run("domain remove while it has accounts", 1, "domain", "remove", "shell.test")
    run("account remove", 0, "account", "remove", "dora@shell.test")
    run("domain remove", 0, "domain", "remove", "shell.test")
    run("domain remove of one that is gone", 1, "domain", "remove", "shell.test")
    run("healthcheck", 0, "healthcheck")
    run("check", 0, "check")

    usage = run("an unknown command", 2, "frobnicate")
    report.check("... says where to look", "--help" in usage.stderr, usage)
    run("a command without its words", 2, "account", "add")
    if not office.is_remote:
        helped = subprocess.run([office.program, "--help"], capture_output=True, text=True)
        report.check("--help: exit 0, and names the commands", helped.returncode == 0 and all(
            word in helped.stdout for word in ("serve", "domain", "account", "quarantine", "healthcheck")), helped)
        run("salvage while the server runs", 1, "salvage", os.path.join(office.folder, "salvaged"))
        before = subprocess.run([office.program, "--data", office.data, "--json", "domain", "list"], capture_output=True, text=True)
        report.check("options may stand before the words", before.returncode == 0 and json.loads(before.stdout), before)
        by_environment = subprocess.run([office.program, "domain", "list"], capture_output=True, text=True,
                                        env={**os.environ, "POSTFACH_DATA": office.data})
        report.same("POSTFACH_DATA names the directory", by_environment.returncode, 0)
        with tempfile.TemporaryDirectory() as empty:
            away = subprocess.run([office.program, "domain", "list", "--data", empty], capture_output=True, text=True)
            report.check("no server: exit 3, one line", away.returncode == 3 and len(away.stderr.strip().splitlines()) == 1, away)

        salvaged(report, office, run)


def salvaged(report, office, run):
    """A data directory that was damaged, and what can be read of it, served."""
    address, password = office.account("salvage")
    for number in range(3):
        office.deliver(address, mails.plain("mail %d" % number))
    office.terminate()
    whole, rest = os.path.join(office.folder, "whole"), os.path.join(office.folder, "rest")
    answer = json.loads(run("salvage of what is whole", 0, "salvage", whole, "--json").stdout)
    report.check("... counts what it saved and lost", answer["messages"] >= 3 and answer["accounts"] >= 1 and answer["lost"] == [], answer)
    run("salvage over something", 1, "salvage", whole)
    damaged = os.path.join(office.folder, "damaged")
    shutil.copytree(office.data, damaged, ignore=shutil.ignore_patterns("*.sock"))
    with open(os.path.join(damaged, "postfach.db"), "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    result = subprocess.run([office.program, "salvage", rest, "--data", damaged], capture_output=True, text=True)
    report.check("salvage without the first page: exit 1, says so, and how much was saved",
                 result.returncode == 1 and "first page" in result.stdout and "messages; 1 of " in result.stdout, result)
    second = server.Local(os.path.dirname(office.program), {"auth.plaintext": "loopback"}, data=rest)
    try:
        report.same("an account found outside its table is enabled by hand", second.cli("account", "enable", address).returncode, 0)
        with second.imap(address, password) as imap:
            report.same("all mail is there", imap.select(), 3)
        report.same("the store is consistent", second.cli("check").returncode, 0)
    finally:
        second.stop()
    office.start()


server.main("command_line", test)
