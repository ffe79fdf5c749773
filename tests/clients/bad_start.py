"""Starts that must not happen: one clear line, exit status 2, nothing changed."""
import hashlib
import itertools
import os
import socket
import sqlite3
import subprocess
import tempfile

import server


def snapshot(folder):
    """Every path below the folder with a digest of what it holds."""
    found = {}
    for base, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.join(base, name)] = "folder"
        for name in files:
            path = os.path.join(base, name)
            if not os.path.islink(path) and os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def test_without_server(report, build):
    program = os.path.join(build, "postfach")
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        fresh = itertools.count()
        ports = dict(zip(server.SERVICES, server.free_ports(len(server.SERVICES))))

        def refused(claim, words, *options, data=None, environment=None, unchanged=True):
            data = data or os.path.join(folder, "data-%d" % next(fresh))
            before = snapshot(data)
            settings = {"listen.address": "127.0.0.1", "scanner.signatures": folder,
                        **{name + ".port": port for name, port in ports.items()}}
            command = [program, "serve", "--data", data]
            for key, value in settings.items():
                command += ["-D", "%s=%s" % (key, value)]
            try:
                result = subprocess.run(command + list(options), capture_output=True, text=True, timeout=20,
                                        env={**server.clean_environment(), **(environment or {})})
            except subprocess.TimeoutExpired:
                report.check(claim + ": exit status 2", False, "it runs")
                return
            said = result.stderr.splitlines()  # the log, on stdout, may have told something before
            report.check(claim + ": exit status 2", result.returncode == 2, (result.returncode, result.stdout, said))
            report.check(claim + ": one clear line", len(said) == 1 and all(word in said[0] for word in words), said)
            if unchanged:
                report.check(claim + ": nothing changed", snapshot(data) == before, set(snapshot(data)) ^ set(before))

        refused("an unknown key", ["imap.prot", "-D"], "-D", "imap.prot=143")
        refused("a bad port", ["imap.port", "99999"], "-D", "imap.port=99999")
        refused("a bad choice", ["scanner.infected", "burn", "quarantine", "reject"], "-D", "scanner.infected=burn")
        refused("a bad size", ["limits.message_size", "huge"], "-D", "limits.message_size=huge")
        refused("a bad value in the environment", ["POSTFACH_POP3_PORT", "x"], environment={"POSTFACH_POP3_PORT": "x"})
        refused("a bad address", ["listen.address", "not-an-address"], "-D", "listen.address=not-an-address")
        refused("a configuration file that is not there", ["/nowhere/postfach.conf"], "--config", "/nowhere/postfach.conf")
        config = os.path.join(folder, "postfach.conf")
        with open(config, "w") as file:
            file.write("log.format = text\nstore.typo = 1\n")
        refused("an unknown key in the file", ["store.typo", config], "--config", config)
        refused("a certificate that is not there", ["tls.certificate", "/nowhere/cert.pem"],
                "-D", "tls.certificate=/nowhere/cert.pem", "-D", "tls.key=/nowhere/key.pem")
        garbage = os.path.join(folder, "garbage.pem")
        with open(garbage, "w") as file:
            file.write("this is no certificate\n")
        refused("a certificate that is none", [garbage], "-D", "tls.certificate=" + garbage, "-D", "tls.key=" + garbage)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = str(taken.getsockname()[1])
            refused("a port in use", [number, "use"], "-D", "imaps.port=" + number)
        obstacle = os.path.join(folder, "file")
        with open(obstacle, "w") as file:
            file.write("not a folder\n")
        refused("a data directory that is a file", [obstacle], data=obstacle)

        first = server.Local(build, {"listen.address": "::, 0.0.0.0"}, data=data)  # the default, which must start
        try:
            refused("a second server on the same data", [data], data=data, unchanged=False)
            report.check("... and the first one lives on", first.http("GET", "/healthz")[0] == 200)
            report.same("SIGTERM: it drains and exits 0", first.terminate(), 0)
        finally:
            first.stop()
        refused("a bad value, on data that is there", ["pop3.port", "99999"], "-D", "pop3.port=99999", data=data)

        database = sqlite3.connect(os.path.join(data, "postfach.db"))
        version = database.execute("PRAGMA user_version").fetchone()[0]
        report.check("the data directory says its version", version > 0, version)
        database.execute("PRAGMA user_version = %d" % (version + 1000))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        refused("a data directory of a newer version", ["newer"], data=data)


def main():
    given = server.arguments()
    if "POSTFACH_TEST_HOST" in os.environ:
        server.skip("only for a server started here")
    report = server.Report("bad_start")
    test_without_server(report, given.build)
    print("bad_start: %d passed, %d failed" % (report.passed, report.failed))
    raise SystemExit(1 if report.failed else 0)


main()
