"""The transcript of admin/README.md: an office made with curl alone. Each command is run, each answer compared; "…" is anything."""
import os
import re
import subprocess
import tempfile

import server

HEADING = "## An office with curl alone"
MARK = "-- end of answer --"


def transcript():
    """(command, the answer's lines) of the indented lines below the heading."""
    with open(os.path.join(server.SOURCE, "admin", "README.md"), encoding="utf-8") as file:
        part = file.read().split(HEADING, 1)[1].split("\n## ", 1)[0]
    steps = []
    for line in part.splitlines():
        if line.startswith("    $ "):
            steps.append((line[6:], []))
        elif line.startswith("    "):
            steps[-1][1].append(line[4:])
    return steps


def fits(wanted, line):
    return re.fullmatch(".*".join(re.escape(piece) for piece in wanted.split("…")), line) is not None


def test(report, office, _given):
    steps = transcript()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, SERVER="https://%s:%d" % (office.name, office.ports["admin"]), TOKEN=office.token,
                           CERTIFICATE=office.certificate(folder))
        script = "".join("%s\necho '%s'\n" % (command, MARK) for command, _ in steps)
        done = subprocess.run(["bash", "-s"], input=script, env=environment, capture_output=True, text=True, timeout=120)
    answers = done.stdout.split(MARK + "\n")
    report.check("every command was run", len(answers) == len(steps) + 1 and not done.stderr, done.stderr)
    for (command, wanted), answer in zip(steps, answers):
        lines = [line for line in answer.splitlines() if line]
        report.check(command[:100], len(lines) == len(wanted) and all(fits(*pair) for pair in zip(wanted, lines)), answer)
    again = [answer for (command, _), answer in zip(steps, answers) if "Idempotency-Key" in command]
    report.check("the key's second answer is its first", len(again) == 2 and again[0] == again[1], str(again))


server.needs("curl", "bash")
server.main("admin_office", test, remote=False)
