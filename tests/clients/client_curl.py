"""curl: IMAP, IMAPS, POP3, POP3S with STARTTLS and STLS, and the administrator's HTTPS."""
import json
import os
import subprocess
import tempfile

import mails
import server
import wire


def test(report, office, given):
    address, password = office.account("curl")
    mail = mails.sample()["lines of dots"]
    office.deliver(address, mail)

    def curl(service, path, *options, user=address + ":" + password):
        scheme = "https" if service == "admin" else service
        url = "%s://%s:%d/%s" % (scheme, office.host, office.ports[service], path)
        login = ["-u", user] if user else []
        return subprocess.run(["curl", "-sS", "-k", "--max-time", "60", *login, *options, url], capture_output=True)

    def text(result):
        return (result.stdout + result.stderr).decode(errors="replace")

    for service, tls in (("imaps", []), ("imap", ["--ssl-reqd"])):
        name = service + (" with STARTTLS" if tls else "")
        listing = curl(service, "", *tls)
        report.check(name + " lists the six mailboxes",
                     all(box in text(listing) for box in ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")), text(listing))
        fetched = curl(service, "INBOX;MAILINDEX=1", *tls)
        report.check(name + " reads the mail byte for byte", wire.is_delivered(fetched.stdout, mail), text(fetched))
        refused = curl(service, "", *tls, user=address + ":wrong")
        report.same(name + " with a wrong password is refused (curl exit 67)", refused.returncode, 67)

    with tempfile.NamedTemporaryFile() as file:
        file.write(mail)
        file.flush()
        sent = curl("imaps", "Drafts", "-T", file.name)
        report.same("an upload goes into Drafts", sent.returncode, 0)
        report.check("... and comes back without a byte more or less", curl("imaps", "Drafts;MAILINDEX=1").stdout == mail)
    found = curl("imaps", "INBOX", "-X", "SEARCH SUBJECT dots")
    report.check("a search finds it", "* SEARCH 1" in text(found), text(found))
    plain = curl("imap", "INBOX;MAILINDEX=1")
    report.check("without TLS there is no login", plain.returncode != 0 and mail[-20:] not in plain.stdout, text(plain))

    for service, tls in (("pop3s", []), ("pop3", ["--ssl-reqd"])):
        name = service + (" with STLS" if tls else "")
        report.check(name + " lists one message", curl(service, "", *tls).stdout.startswith(b"1 "))
        fetched = curl(service, "1", *tls)
        report.check(name + " reads the mail byte for byte", wire.is_delivered(fetched.stdout, mail), text(fetched))
        refused = curl(service, "", *tls, user=address + ":wrong")
        report.same(name + " with a wrong password is refused (curl exit 67)", refused.returncode, 67)
    top = curl("pop3s", "", "-X", "TOP 1 1")
    report.check("TOP is understood", top.returncode in (0, 8, 56) and b"-ERR" not in top.stdout, text(top))

    status = ["-o", os.devnull, "-w", "%{http_code}"]
    bearer = ["-H", "Authorization: Bearer " + office.token]
    for path in ("healthz", "readyz", "metrics", "openapi.json"):
        report.same("/%s answers" % path, curl("admin", path, *status, user=None).stdout, b"200")
    report.same("the API wants a token", curl("admin", "api/v1/accounts", *status, user=None).stdout, b"401")
    created = curl("admin", "api/v1/accounts/" + address.replace("curl", "made-by-curl"), "-X", "PUT", "-H",
                   "Content-Type: application/json", "-d", json.dumps({"password": "a long password"}), *bearer, *status, user=None)
    report.same("an account is made with PUT", created.stdout, b"201")
    accounts = json.loads(curl("admin", "api/v1/accounts?limit=100", *bearer, user=None).stdout)
    report.check("... and is in the list", any("made-by-curl" in item["address"] for item in accounts["items"]) or accounts["next"])


server.needs("curl")
server.main("client_curl", test)
