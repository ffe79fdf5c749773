"""GNU SASL's own client over IMAP with STARTTLS: every mechanism that is offered, and an app password."""
import subprocess

import server


def test(report, office, given):
    address, password = office.account("gsasl")
    app = office.api("POST", "/accounts/%s/app-passwords" % address, {"label": "gsasl", "scopes": ["imap"]})["password"]

    def login(mechanism, secret, *options):
        result = subprocess.run(["gsasl", "--imap", "--starttls", "--x509-ca-file=", "--mechanism", mechanism, "-a", address, "-p", secret,
                                 *options, "--connect=%s:%d" % (office.host, office.ports["imap"])],
                                input="", capture_output=True, text=True, timeout=60)
        return result.returncode == 0 and " OK " in result.stdout, result.stdout + result.stderr

    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
        plain = ["-z", ""] if mechanism == "PLAIN" else []
        options = plain + (["--no-cb"] if mechanism == "SCRAM-SHA-256" else [])
        report.check(mechanism + " lets in", *login(mechanism, password, *options))
        report.check(mechanism + " takes the app password", *login(mechanism, app, *options))
        entered, said = login(mechanism, "wrong", *options)
        report.check(mechanism + " refuses a wrong password", not entered, said)


server.needs("gsasl")
server.main("client_gsasl", test)
