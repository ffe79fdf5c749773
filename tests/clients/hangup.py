"""SIGHUP of the real program: the configuration file is read again, a bad one changes nothing, and nobody is disconnected."""
import os
import signal
import time

import server


def said(office, words, since, patience=20):
    """Waits for a line of the log with these words behind the first `since` lines."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        for line in office.lines[since:]:
            if words in line:
                return line
        time.sleep(0.01)
    return ""


def test(report, office, given):
    file = os.path.join(office.folder, "postfach.conf")

    def configure(text):
        with open(file, "w") as out:
            out.write(text)

    def hang_up(words):
        since = len(office.lines)
        office.process.send_signal(signal.SIGHUP)
        line = said(office, words, since)
        report.check("the log says: " + words, line, "\n".join(office.lines[since:]))
        return line

    office.terminate()
    configure("limits.message_size = 1 MiB\nlog.level: info\n")
    office.command += ["--config", file]
    office.start()
    address, password = office.account()
    live = office.imap(address, password)

    def limit():
        with office.imap() as fresh:
            words = fresh.do("CAPABILITY")[0].decode()
        return words.split("APPENDLIMIT=")[1].split()[0]

    report.same("the file is read at the start", limit(), "1048576")
    configure("limits.message_size = 2 MiB\nstore.delimiter = .\nlog.format = json\n")
    hang_up('"event":"configuration read again","changed":"limits.message_size, log.format"')
    report.check("what needs a restart is named", said(office, '"keys":"store.delimiter"', 0))
    report.same("the new limit holds", limit(), "2097152")
    configure("limits.message_size = 3 MiB\nauth.plaintext = perhaps\n")
    line = hang_up("configuration not usable, the old one stays")
    report.check("key, value and what is allowed are said", "perhaps" in line and "auth.plaintext" in line and "tls|loopback|always" in line, line)
    report.same("nothing of a bad file is taken", limit(), "2097152")
    os.remove(file)
    hang_up("cannot read the configuration file")
    report.same("nor of one that is gone", limit(), "2097152")
    configure("")
    hang_up('configuration read again')
    report.same("a key that left the file has its default again", limit(), str(50 << 20))
    report.check("who was there is there still", live.ask("NOOP")[0].startswith(b"OK"))
    report.same("SIGTERM ends it as ever", office.terminate(), 0)


if __name__ == "__main__":
    server.main("hangup", test, remote=False)
