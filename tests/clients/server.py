"""The server under test, and how a test says what it found.

Without more words a test starts the built program itself, on free ports of the loopback, with a data directory of its own.
With POSTFACH_TEST_HOST it drives a server that is there, for example in a container:

    POSTFACH_TEST_HOST    its address
    POSTFACH_TEST_TOKEN   an administrator's token
    POSTFACH_TEST_IMAP_PORT, …IMAPS…, …POP3…, …POP3S…, …LMTP…, …ADMIN…   where they are not the standard ones
    POSTFACH_TEST_CLI     the command line there, for example "docker exec CONTAINER postfach"
    POSTFACH_TEST_KILL, POSTFACH_TEST_START   commands that kill it hard and start it again
"""
import argparse
import http.client
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import wire

SERVICES = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "lmtp": 24, "admin": 8443}
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVERS = os.path.join(os.path.dirname(SOURCE), "shared", "tools", "clients")  # of mail programs with a window
THUNDERBIRD = os.path.join(DRIVERS, "thunderbird-drive", "thunderbird-drive")
SKIP = 77


class Office:
    """A running Postfach: where it listens, and its administrator."""

    def __init__(self, host, ports, token):
        self.host, self.ports, self.token = host, ports, token
        # For clients that compare the certificate with the name: here and in the compose file it is made for localhost.
        self.name = "localhost" if host in ("127.0.0.1", "::1") else host

    # --- the ways in

    def imap(self, user=None, password=None, service="imaps", **options):
        connection = wire.Imap(self.host, self.ports[service], service == "imaps", **options)
        if service == "imap":
            connection.starttls()
        return connection.login(user, password) if user else connection

    def pop3(self, user=None, password=None):
        connection = wire.Pop3(self.host, self.ports["pop3s"], True)
        return connection.login(user, password) if user else connection

    def lmtp(self):
        return wire.Lmtp(self.host, self.ports["lmtp"])

    def deliver(self, recipient, message, sender="sender@elsewhere.test"):
        with self.lmtp() as lmtp:
            lmtp.must_deliver(sender, recipient, message)

    # --- administration

    def http(self, method, path, body=None, token=None):
        """Returns (status, headers, body bytes)."""
        connection = http.client.HTTPSConnection(self.host, self.ports["admin"], timeout=60, context=wire.unverified())
        headers = {"Authorization": "Bearer " + token} if token else {}
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def api(self, method, path, body=None):
        """Asks /api/v1 as the administrator; returns the parsed answer, and raises on anything but 2xx."""
        status, _, answer = self.http(method, "/api/v1" + path, body, self.token)
        if not 200 <= status < 300:
            raise wire.Refused("%s %s: %d %s" % (method, path, status, answer.decode(errors="replace")))
        return json.loads(answer) if answer else None

    def items(self, path):
        """A whole list, page by page."""
        found, cursor = [], None
        while True:
            page = self.api("GET", "%s?limit=100%s" % (path, "&cursor=" + urllib.parse.quote(cursor) if cursor else ""))
            found += page["items"]
            cursor = page["next"]
            if not cursor:
                return found

    def account(self, name=None):
        """A fresh account; returns (address, password)."""
        address = "%s-%s@office.test" % (name or "someone", secrets.token_hex(3))
        password = secrets.token_urlsafe(12)
        try:
            self.api("PUT", "/domains/office.test", {})
        except wire.Refused as error:
            if ": 409 " not in str(error) and ": 412 " not in str(error):
                raise
        self.api("PUT", "/accounts/" + urllib.parse.quote(address), {"password": password})
        return address, password

    def certificate(self, folder):
        """Writes the certificate that IMAPS shows to a file; returns its path."""
        path = os.path.join(folder, "certificate.pem")
        with socket.create_connection((self.host, self.ports["imaps"]), 30) as plain:
            with wire.unverified().wrap_socket(plain) as tls:
                pem = ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))
        with open(path, "w") as file:
            file.write(pem)
        return path


class Remote(Office):
    """A server that somebody else started."""

    is_remote = True
    data = None

    def __init__(self):
        ports = {name: int(os.environ.get("POSTFACH_TEST_%s_PORT" % name.upper(), port)) for name, port in SERVICES.items()}
        super().__init__(os.environ["POSTFACH_TEST_HOST"], ports, os.environ["POSTFACH_TEST_TOKEN"])

    def cli(self, *words, stdin=None):
        command = shlex.split(os.environ["POSTFACH_TEST_CLI"])
        return subprocess.run([*command, *words], input=stdin, capture_output=True, text=True, timeout=120)

    def kill(self):
        subprocess.run(shlex.split(os.environ["POSTFACH_TEST_KILL"]), check=True, stdout=subprocess.DEVNULL)

    def start(self, patience=120):
        subprocess.run(shlex.split(os.environ["POSTFACH_TEST_START"]), check=True, stdout=subprocess.DEVNULL)
        until = time.monotonic() + patience
        while True:
            try:
                if self.http("GET", "/readyz")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() > until:
                raise RuntimeError("the server did not come back")
            time.sleep(0.05)

    def stop(self):
        pass


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def clean_environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("POSTFACH_")}


class Local(Office):
    """The built program, started here."""

    is_remote = False

    def __init__(self, build, options=(), demo=False, data=None):
        super().__init__("127.0.0.1", dict(zip(SERVICES, free_ports(len(SERVICES)))), None)
        self.program = os.path.join(build, "postfach")
        self.folder = tempfile.mkdtemp(prefix="postfach-test-")
        self.data = data or os.path.join(self.folder, "data")
        signatures = os.path.join(self.folder, "signatures")
        os.mkdir(signatures)
        settings = {"listen.address": "127.0.0.1", "scanner.signatures": signatures, "server.name": "localhost",
                    "limits.connections_per_address": "1000", **{name + ".port": port for name, port in self.ports.items()}}
        settings.update(options)
        self.command = [self.program, "serve", "--data", self.data, *(["--demo"] if demo else [])]
        for key, value in settings.items():
            self.command += ["-D", "%s=%s" % (key, value)]
        self.process, self.lines = None, []
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self, patience=60):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=clean_environment(), start_new_session=True)
        process, ready, lines = self.process, threading.Event(), self.lines

        def listen():
            for line in process.stdout:
                line = line.decode(errors="replace").rstrip()
                lines.append(line)
                token = re.search(r"administrator token: (\S+)", line)
                if token:
                    self.token = token.group(1)
                if line.endswith("ready"):
                    ready.set()
            ready.set()

        self.listener = threading.Thread(target=listen, daemon=True)
        self.listener.start()
        if not ready.wait(patience) or self.process.poll() is not None or not any(line.endswith("ready") for line in lines):
            raise RuntimeError("the server did not start:\n  " + "\n  ".join(lines[-20:]))

    def cli(self, *words, stdin=None):
        return subprocess.run([self.program, *words, "--data", self.data], input=stdin, capture_output=True, text=True,
                              timeout=120, env=clean_environment())

    def kill(self):
        """SIGKILL: the server gets no time for anything."""
        self.process.kill()
        self.process.wait()
        self.listener.join(10)

    def terminate(self, patience=30):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def resident(self):
        """MiB of memory held by (server, scanner): what /proc calls Pss, so that shared pages count once."""
        def proportional(pid):
            try:
                with open("/proc/%d/smaps_rollup" % pid) as file:
                    return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
            except OSError:
                return 0.0
        return proportional(self.process.pid), sum(proportional(pid) for pid in self.children())

    def children(self):
        """The processes of the server's session besides itself: the scanner and its workers."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.process.pid:
                try:
                    with open("/proc/%s/stat" % entry) as file:
                        fields = file.read().rsplit(")", 1)[1].split()
                    with open("/proc/%s/cmdline" % entry) as file:
                        command = file.read()
                except OSError:
                    continue
                if fields[0] != "Z" and (int(fields[3]) == self.process.pid or self.data in command):
                    found.append(int(entry))
        return found

    def stop(self):
        if self.process and self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Report:
    """What a test found: a line for each step, a last line with the sums, the exit status of the process."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def check(self, claim, holds, detail=""):
        if holds:
            self.passed += 1
            print("ok   " + claim, flush=True)
        else:
            self.failed += 1
            print("FAIL %s%s" % (claim, ": " + str(detail) if detail != "" else ""), flush=True)
        return bool(holds)

    def same(self, claim, found, wanted):
        return self.check(claim, found == wanted, "found %s, wanted %s" % (shorten(found), shorten(wanted)))

    def refuses(self, claim, action, *kinds):
        """The action must raise one of the kinds; returns what it said."""
        try:
            result = action()
        except kinds or (wire.Refused,) as error:
            self.check(claim, True)
            return str(error)
        self.check(claim, False, "it was accepted: " + shorten(result))
        return ""


def shorten(value, most=300):
    text = repr(value)
    return text if len(text) <= most else text[:most] + "… (%d)" % len(text)


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIP)


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(program + " is not installed")


def arguments(parser=None):
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(SOURCE, "build", "release"), help="the build tree with the programs")
    return parser.parse_args()


def main(name, test, options=None, remote=True, parser=None, **server):
    """Runs test(report, office, arguments) against a server and leaves with the right status.

    options: a function (folder) -> {key: value}, or a dict, for the server's configuration.
    """
    given = arguments(parser)
    report = Report(name)
    office = None
    try:
        if "POSTFACH_TEST_HOST" in os.environ:
            if not remote:
                skip("only for a server started here")
            office = Remote()
        else:
            office = Local(given.build, options or {}, **server)
        test(report, office, given)
    except Exception as error:  # a test that breaks has failed; the server's last words help to see why
        import traceback
        traceback.print_exc(file=sys.stdout)
        report.check("runs to its end", False, "%s: %s" % (type(error).__name__, error))
    finally:
        lines = getattr(office, "lines", [])
        if office:
            office.stop()
    if report.failed and lines:
        print("the server's log ends:\n  " + "\n  ".join(lines[-25:]))
    print("%s: %d passed, %d failed" % (name, report.passed, report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)
