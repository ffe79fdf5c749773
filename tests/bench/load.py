"""bench_load, the load generator in C++: a mode that runs to its end, or one that holds something open until it is told.

    load.run(work, subject, "deliver", "lmtp", count=10, mails=1000, user=[...])     -> {"rate": …}
    with load.Held(work, subject, "idle", "imaps", count=1000, …) as idle:           # ready: idle.figures
        idle.say("deliver 50")                                                       -> {"exists_p50_us": …}
    idle.last                                                                        # what it said at its end, or None
"""
import json
import os
import subprocess

from speak import Failed

TLS = {"imaps", "pop3s"}


def command(work, subject, mode, service, options):
    words = [os.path.join(work.build, "bench_load"), mode, "--port", str(subject.ports[service])]
    words += ["--tls"] if service in TLS else []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(value if isinstance(value, str) else ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
    return words


def of(accounts):
    """The options that name accounts, as subject.account() gives them."""
    accounts = accounts if isinstance(accounts, list) else [accounts]
    passwords = [password.decode() for _, password in accounts]
    return {"user": [address.decode() for address, _ in accounts], "password": passwords if len(set(passwords)) > 1 else passwords[:1]}


def parsed(line, mode):
    figures = json.loads(line) if line.strip() else {"error": "it ended without a word"}
    if "error" in figures:
        raise Failed("%s: %s" % (mode, figures["error"]))
    return figures


def run(work, subject, mode, service, **options):
    """Runs it to its end; returns the figures."""
    done = subprocess.run(command(work, subject, mode, service, options), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
    return parsed(done.stdout.strip().rsplit("\n", 1)[-1], mode)


class Held:
    """Holds what it opened until the end of the with block."""

    def __init__(self, work, subject, mode, service, **options):
        self.mode, self.last = mode, None
        self.process = subprocess.Popen(command(work, subject, mode, service, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.figures = parsed(self.process.stdout.readline(), mode)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return parsed(self.process.stdout.readline(), self.mode)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            said = self.process.communicate(timeout=30)[0].strip()
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
            said = self.process.communicate()[0].strip()
        if said and kind is None:
            self.last = parsed(said.rsplit("\n", 1)[-1], self.mode)
