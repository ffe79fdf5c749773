"""Debian's testssl.sh at every door that speaks TLS: nothing above LOW.

Not one of CTest's: it takes minutes. `./dev testssl` runs it. The server gets a leaf certificate of a CA made here, which
testssl.sh is told to trust (--add-ca), so that its checks of chain and name are real ones. Like a public CA's leaf it says where
its revocations are published; nobody is asked there (testssl.sh does so only with --phone-out).
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import server

DOORS = {"imaps": None, "pop3s": None, "admin": None, "imap": "imap", "pop3": "pop3"}
HARMLESS = {"OK", "INFO", "LOW", "DEBUG"}
# What is no finding about the server, when the finding begins so. Its look at resumption fails at doors with STARTTLS: resumes() looks instead.
OURS = {"engine_problem": ("", "of the openssl that testssl.sh uses"), "sessionresumption_ticket": ("check failed", "resumption is looked at below"),
        "sessionresumption_ID": ("check failed", "resumption is looked at below")}
PATIENCE = 3600


def openssl(*words, folder):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def certificates(folder):
    """ca.pem; chain.pem and leaf.key for localhost and 127.0.0.1, valid as long as a public CA would allow."""
    with open(os.path.join(folder, "leaf.cnf"), "w") as file:
        file.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
                   "subjectAltName=DNS:localhost,IP:127.0.0.1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
                   "crlDistributionPoints=URI:http://crl.office.test/ca.crl\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "365", "-subj", "/O=Postfach tests/CN=Postfach test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", folder=folder)
    openssl("req", *curve, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost", folder=folder)
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "89", "-sha256",
            "-extfile", "leaf.cnf", "-out", "leaf.pem", folder=folder)
    with open(os.path.join(folder, "chain.pem"), "w") as out:
        for name in ("leaf.pem", "ca.pem"):
            with open(os.path.join(folder, name)) as file:
                out.write(file.read())


def look(office, folder, door):
    """Runs testssl.sh at one door; returns (its findings, its words)."""
    found = os.path.join(folder, door + ".json")
    command = [shutil.which("testssl") or "testssl.sh", "--jsonfile", found, "--color", "0", "--warnings", "off", "--ip", "127.0.0.1",
               "--add-ca", os.path.join(folder, "ca.pem"), "--connect-timeout", "20", "--openssl-timeout", "20"]
    if DOORS[door]:
        command += ["--starttls", DOORS[door]]
    ended = subprocess.run([*command, "localhost:%d" % office.ports[door]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=PATIENCE, text=True, errors="replace", cwd=folder,
                           env={**os.environ, "TERM": "dumb"})
    with open(found) as file:
        return json.load(file), ended.stdout


def resumes(office, folder, door, version):
    """A second connection takes up the first one's session."""
    session = os.path.join(folder, "%s-%s.session" % (door, version))
    command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % office.ports[door], "-" + version, "-ign_eof"]
    command += ["-starttls", DOORS[door]] if DOORS[door] else []
    bye = {"admin": b"GET /healthz HTTP/1.0\r\n\r\n", "pop3": b"QUIT\r\n", "pop3s": b"QUIT\r\n"}.get(door, b"a LOGOUT\r\n")
    said = [subprocess.run([*command, *words], input=bye, capture_output=True, timeout=60).stdout
            for words in (["-sess_out", session], ["-sess_in", session])]
    return b"\nNew, TLSv1" in said[0] and b"\nReused, TLSv1" in said[1]


def judge(report, door, findings, words):
    ids = {one["id"] for one in findings}
    # A run that stopped early finds nothing wrong either.
    for asked in ("TLS1_2", "TLS1_3", "cert_chain_of_trust", "cert_trust", "secure_client_renego", "heartbleed", "ROBOT"):
        if not any(one == asked or one.startswith(asked + " ") for one in ids):
            report.check("%s: testssl.sh asked for %s" % (door, asked), False, words[-3000:])
    grave = []
    for one in findings:
        if one["severity"] in HARMLESS:
            continue
        line = "%s %s: %s" % (one["severity"], one["id"], one["finding"])
        begins, why = OURS.get(one["id"].split()[0], (None, ""))
        if begins is not None and one["finding"].startswith(begins):
            print("     %s: left out (%s): %s" % (door, why, line))
        else:
            grave.append(line)
    report.check("%s: %d findings, none above LOW" % (door, len(findings)), not grave, "\n  ".join(["", *grave]))
    for one in findings:
        if one["severity"] == "LOW":
            print("     %s: LOW %s: %s" % (door, one["id"], one["finding"]))


def test(report, office, given):
    folder = os.path.join(office.folder, "tls")
    os.mkdir(folder)
    certificates(folder)
    office.terminate()
    office.command += ["-D", "tls.certificate=" + os.path.join(folder, "chain.pem"), "-D", "tls.key=" + os.path.join(folder, "leaf.key")]
    office.start()
    # All at once: most of a run is waiting for time-outs of its own.
    with concurrent.futures.ThreadPoolExecutor(len(DOORS)) as pool:
        runs = {door: pool.submit(look, office, folder, door) for door in given.doors or DOORS}
        for door, run in runs.items():
            findings, words = run.result()
            judge(report, door, findings, words)
    for door in given.doors or DOORS:
        report.check("%s: sessions are resumed, with TLS 1.2 and 1.3" % door, all(resumes(office, folder, door, version) for version in ("tls1_2", "tls1_3")))
    report.check("the server is as well as before", office.http("GET", "/healthz")[0] == 200)
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "testssl.sh"], capture_output=True, text=True).stdout
    print("testssl.sh " + version)


if __name__ == "__main__":
    if not shutil.which("testssl") and not shutil.which("testssl.sh"):
        sys.exit("testssl.sh is not installed; ./dev testssl installs it")
    parser = argparse.ArgumentParser()
    parser.add_argument("doors", nargs="*", choices=[[], *DOORS], help="by default all")
    server.main("testssl", test, remote=False, parser=parser)
