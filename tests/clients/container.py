"""The image end to end, as a user meets it: compose brings it up, clients work through its published ports, it is killed, stopped
and started again.

    container.py [--compose "docker-compose"] [--mta]

Runs the drivers of this folder against the container, then what only a container has. Removes the containers and volumes of
its own project `postfach-test` afterwards; another one on the same ports must be stopped before.
"""
import argparse
import json
import os
import re
import smtplib
import subprocess
import sys
import time

import mails
import server
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVERS = ("client_curl", "client_imaplib", "client_poplib", "client_smtplib", "client_mbsync", "client_fetchmail", "client_mpop",
           "client_mutt", "two_clients", "corpus_roundtrip", "infected", "command_line", "kill9")


def run(*command, check=True, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if check and result.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command), (result.stdout + result.stderr)[-2000:]))
    return result.stdout + result.stderr


class Compose:
    def __init__(self, words):
        self.words = [*words, "-p", "postfach-test", "-f", os.path.join(server.SOURCE, "docker-compose.yml")]
        # No mirror in reach is the case to test: port 1 of the loopback answers with a refusal at once.
        self.environment = {**os.environ, "FRESHCLAM_MIRROR": "http://127.0.0.1:1", "MAIL_DOMAINS": "office.test",
                            "COMPOSE_HTTP_TIMEOUT": "180"}

    def __call__(self, *words, **options):
        return run(*self.words, *words, env=self.environment, **options)

    def container(self, service="postfach"):
        return self("ps", "-q", service).strip().splitlines()[-1]


def inspect(container, form):
    return run("docker", "inspect", "-f", form, container).strip()


def wait_for(claim, report, condition, patience=120):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if condition():
            return report.check(claim, True)
        time.sleep(0.5)
    return report.check(claim, False, "not within %d s" % patience)


def drive(report, environment):
    """The drivers, one after the other; each is one claim."""
    for driver in DRIVERS:
        result = subprocess.run([sys.executable, "-B", os.path.join(HERE, driver + ".py")], capture_output=True, text=True,
                                env={**os.environ, **environment})
        last = result.stdout.strip().splitlines()[-1] if result.stdout.strip() else "it said nothing"
        if result.returncode == server.SKIP:
            print("skip %s (%s)" % (driver, last))
            continue
        if driver == "corpus_roundtrip" or result.returncode:
            print(result.stdout + result.stderr)
        report.check("in the container: " + last, result.returncode == 0)


def test_container(report, compose):
    began = time.monotonic()
    compose("up", "-d", "--no-build", "postfach")
    container = compose.container()
    healthy = wait_for("the container becomes healthy", report,
                       lambda: inspect(container, "{{.State.Health.Status}}") == "healthy")
    print("healthy after %.1f s" % (time.monotonic() - began))
    log = run("docker", "logs", container)
    token = re.search(r"administrator token: (\S+)", log)
    report.check("the first start prints the administrator's token", token, log[-1500:])
    if not healthy or not token:
        print(log[-3000:])
        return
    report.check("it does not run as root", inspect(container, "{{.Config.User}}") == "postfach"
                 and run("docker", "exec", container, "id", "-u").strip() != "0")
    owners = run("docker", "exec", container, "stat", "-c", "%U", "/data", "/var/lib/clamav").split()
    report.same("data and signatures belong to that user", owners, ["postfach", "postfach"])
    ports = json.loads(inspect(container, "{{json .NetworkSettings.Ports}}"))
    report.same("the standard ports are published", sorted(int(port.split("/")[0]) for port, where in ports.items() if where),
                sorted(server.SERVICES.values()))
    wait_for("without a mirror one line says so", report,
             lambda: run("docker", "logs", container).count("no update could be had") == 1, 60)

    environment = {"POSTFACH_TEST_HOST": "127.0.0.1", "POSTFACH_TEST_TOKEN": token.group(1),
                   "POSTFACH_TEST_CLI": "docker exec -i %s postfach" % container,
                   "POSTFACH_TEST_KILL": "docker kill -s KILL " + container, "POSTFACH_TEST_START": "docker start " + container}
    os.environ.update(environment)
    office = server.Remote()
    print("memory, idle:", memory(container))
    drive(report, environment)
    print("memory, after:", memory(container))

    address, password = office.account("kept")
    mail = mails.sample()["lines of dots"]
    office.deliver(address, mail)
    began = time.monotonic()
    run("docker", "stop", "-t", "30", container)
    report.check("docker stop: it drains and exits 0 in good time", inspect(container, "{{.State.ExitCode}}") == "0"
                 and time.monotonic() - began < 15, (inspect(container, "{{.State.ExitCode}}"), time.monotonic() - began))
    compose("rm", "-f", "postfach")
    compose("up", "-d", "--no-build", "postfach")
    container = compose.container()
    wait_for("a new container on the old volume becomes healthy", report,
             lambda: inspect(container, "{{.State.Health.Status}}") == "healthy")
    kept = list(office.imap(address, password).messages().values())
    report.check("the mail is there, byte for byte", len(kept) == 1 and wire.is_delivered(kept[0], mail))
    report.check("the token is not printed a second time", "administrator token:" not in run("docker", "logs", container))
    zombies = run("docker", "exec", container, "sh", "-c", "cat /proc/[0-9]*/stat | grep -c ') Z ' || true").strip()
    report.same("no zombies", zombies, "0")


def memory(container):
    return run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container).strip()


def test_mta(report, compose):
    compose("--profile", "mta", "up", "-d", "--no-build", "mta")
    container = compose.container("mta")
    wait_for("Postfix becomes healthy", report, lambda: inspect(container, "{{.State.Health.Status}}") == "healthy", 60)
    office = server.Remote()
    address, password = office.account("mta")
    mail = mails.plain("through Postfix")

    def offered(recipient):
        with smtplib.SMTP("127.0.0.1", 25, timeout=60) as smtp:
            try:
                smtp.sendmail("sender@elsewhere.test", recipient, mail)
                return 250
            except smtplib.SMTPRecipientsRefused as error:
                return error.recipients[recipient][0]

    report.same("Postfix takes mail for an account", offered(address), 250)
    report.same("... not for an unknown one", offered("nobody-here@office.test"), 550)
    report.check("... not for another domain", offered("someone@elsewhere.test") in (454, 550, 554))
    imap = office.imap(address, password)
    wait_for("it is in INBOX", report, lambda: imap.select() == 1, 30)
    stored = list(imap.messages().values())
    report.check("its text is unchanged", len(stored) == 1 and stored[0].endswith(mail), stored)
    if report.failed:
        print(run("docker", "logs", container)[-3000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compose", default="docker-compose", help='the command, for example "docker compose"')
    parser.add_argument("--mta", action="store_true", help="try the profile mta too")
    given = parser.parse_args()
    report = server.Report("container")
    compose = Compose(given.compose.split())
    clean = ("--profile", "mta", "down", "-v", "--remove-orphans")
    compose(*clean)
    try:
        test_container(report, compose)
        if given.mta:
            test_mta(report, compose)
    except Exception as error:
        import traceback
        traceback.print_exc(file=sys.stdout)
        report.check("runs to its end", False, error)
    finally:
        if report.failed:
            print(compose("logs", "--tail", "60", check=False)[-6000:])
        compose(*clean, check=False)
    print("%d passed, %d failed" % (report.passed, report.failed))
    raise SystemExit(1 if report.failed or not report.passed else 0)


main()
