"""The servers that are compared: the built Postfach, and Debian's Dovecot with a configuration of ours.

All live in a temporary folder of the same file system, on free ports of the loopback, with the same key and certificate.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))
import server  # noqa: E402

SERVICES = ("imap", "imaps", "pop3", "pop3s", "lmtp")


class Subject:
    """What both have in common: processes, and what these hold."""

    def processes(self):
        """The process ids that serve mail."""
        raise NotImplementedError

    def memory(self):
        """KiB held by them: what /proc calls Pss, so that what they share counts once."""
        return sum(self.proc(pid, "smaps_rollup", "Pss") for pid in self.processes())

    def threads(self):
        return sum(self.proc(pid, "status", "Threads") for pid in self.processes())

    def restart(self):
        """Ends and starts again, in the same folder and on the same ports."""
        raise NotImplementedError

    def mail_folder(self):
        raise NotImplementedError

    def disk(self):
        """Bytes of the blocks that all its mail and indexes take; a file with two names counts once."""
        found = {}
        for folder, _, names in os.walk(self.mail_folder()):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                try:
                    state = os.lstat(path)
                except OSError:
                    continue
                found[state.st_ino] = state.st_blocks * 512
        return sum(found.values())

    @staticmethod
    def proc(pid, file, key):
        try:
            with open("/proc/%d/%s" % (pid, file)) as lines:
                return sum(int(line.split()[1]) for line in lines if line.startswith(key + ":"))
        except OSError:
            return 0  # it has ended


class Postfach(Subject):
    name = "Postfach"

    def __init__(self, build, signatures=None, options=None):
        options = {"auth.plaintext": "loopback", **(options or {})}
        if signatures:
            options["scanner.signatures"] = signatures
        self.office = server.Local(build, options)
        self.ports = self.office.ports
        self.certificate = os.path.join(self.office.data, "tls", "certificate.pem")
        self.key = os.path.join(self.office.data, "tls", "key.pem")
        self.version = self.office.cli("--version").stdout.strip()

    def account(self, name):
        address, password = self.office.account(name)
        return address.encode(), password.encode()

    def processes(self):
        return [self.office.process.pid]  # the scanner is not counted: Dovecot has none

    def restart(self):
        self.office.terminate()
        self.office.start()

    def mail_folder(self):
        return self.office.data

    def last_words(self):
        return self.office.lines[-10:]

    def stop(self):
        self.office.stop()


class Dovecot(Subject):
    """One mailbox format and one style of processes: HIGH_PERFORMANCE or STANDARD."""

    def __init__(self, name, kind, style, like):
        self.name, self.kind, self.style, self.accounts = name, kind, style, 0
        self.ports = dict(zip(SERVICES, server.free_ports(len(SERVICES))))
        self.version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True).stdout.split(" ")[0].strip()
        self.folder = tempfile.mkdtemp(prefix="postfach-bench-dovecot-")
        self.log = os.path.join(self.folder, "log")
        self.process = None
        try:
            self.configure(like)
            self.start()
        except BaseException:
            self.stop()
            raise

    def configure(self, like):
        mail = os.path.join(self.folder, "mail")
        os.mkdir(mail)
        os.chmod(self.folder, 0o755)
        for name, file in (("certificate.pem", like.certificate), ("key.pem", like.key)):
            shutil.copy(file, os.path.join(self.folder, name))
        if os.geteuid() == 0:
            import pwd
            owner = pwd.getpwnam("nobody")
            os.chown(mail, owner.pw_uid, owner.pw_gid)
            users = []
        else:  # an own user's Dovecot: everything runs as that user
            import grp
            import pwd
            owner = pwd.getpwuid(os.geteuid())
            users = ["default_internal_user = " + owner.pw_name, "default_login_user = " + owner.pw_name,
                     "default_internal_group = " + grp.getgrgid(owner.pw_gid).gr_name]
        values = {"folder": self.folder, "mail": mail, "kind": self.kind, "uid": owner.pw_uid, "gid": owner.pw_gid, **self.ports}
        text = (NEW if self.version.startswith("2.4") else OLD) + COMMON + self.style + "\n".join(users) + "\n"
        for key, value in values.items():
            text = text.replace("@%s@" % key, str(value))
        if users:
            text = text.replace("chroot = login", "chroot =")
        with open(os.path.join(self.folder, "dovecot.conf"), "w") as file:
            file.write(text)

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", os.path.join(self.folder, "dovecot.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        start_new_session=True)
        import socket
        until = time.monotonic() + 30
        for port in self.ports.values():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 5).close()
                    break
                except OSError:
                    if self.process.poll() is not None:
                        raise RuntimeError("Dovecot did not start: " + self.process.stderr.read().decode(errors="replace"))
                    if time.monotonic() > until:
                        raise RuntimeError("Dovecot does not listen:\n  " + "\n  ".join(self.last_words()))
                    time.sleep(0.05)

    def restart(self):
        self.process.terminate()
        self.process.wait(30)
        self.start()

    def mail_folder(self):
        return os.path.join(self.folder, "mail")

    def account(self, name):
        self.accounts += 1
        return b"%s-%d@office.test" % (name.encode(), self.accounts), b"bench"

    def processes(self):
        """All of the master's session: whatever it has started."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/stat" % entry) as file:
                        if int(file.read().rsplit(")", 1)[1].split()[3]) == self.process.pid:
                            found.append(int(entry))
                except OSError:
                    continue
        return found

    def last_words(self):
        try:
            with open(self.log, errors="replace") as file:
                return file.read().splitlines()[-10:]
        except OSError:
            return []

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # the master ends its processes itself
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


OLD = """
ssl_cert = <@folder@/certificate.pem
ssl_key = <@folder@/key.pem
disable_plaintext_auth = no
mail_location = @kind@:~/mail
auth_cache_size = 10M
stats_writer_socket_path =
passdb {
  driver = static
  args = password=bench
}
userdb {
  driver = static
  args = uid=@uid@ gid=@gid@ home=@mail@/%u allow_all_users=yes
}
"""

NEW = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = @folder@/certificate.pem
ssl_server_key_file = @folder@/key.pem
auth_allow_cleartext = yes
mail_driver = @kind@
mail_path = ~/mail
auth_cache_size = 10M
passdb static {
  password = bench
}
userdb static {
  fields {
    uid = @uid@
    gid = @gid@
    home = @mail@/%{user}
  }
}
userdb_static_allow_all_users = yes
"""

COMMON = """
base_dir = @folder@/run
state_dir = @folder@/state
log_path = @folder@/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 20000
service imap-login {
  chroot = login
  inet_listener imap {
    port = @imap@
  }
  inet_listener imaps {
    port = @imaps@
    ssl = yes
  }
}
service pop3-login {
  chroot = login
  inet_listener pop3 {
    port = @pop3@
  }
  inet_listener pop3s {
    port = @pop3s@
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = @lmtp@
  }
}
"""

# As Debian ships it: a process for each login and one for each session. Only the limits are raised, to what is measured.
STANDARD = """
default_process_limit = 4000
default_client_limit = 20000
"""

# "High-performance" logins and processes that serve many clients in turn, as Dovecot's documentation describes them.
HIGH_PERFORMANCE = """
default_process_limit = 4000
default_client_limit = 20000
service imap-login {
  service_count = 0
  process_min_avail = 2
}
service pop3-login {
  service_count = 0
  process_min_avail = 2
}
service imap {
  service_count = 0
  process_min_avail = 4
}
service pop3 {
  service_count = 0
  process_min_avail = 2
}
service lmtp {
  service_count = 0
  process_min_avail = 10
}
"""

# name: (mailbox format, style); the servers beside Postfach
DOVECOTS = {
    "Dovecot maildir": ("maildir", HIGH_PERFORMANCE),
    "Dovecot sdbox": ("sdbox", HIGH_PERFORMANCE),
    "Dovecot default": ("maildir", STANDARD),
}


class Pool:
    """The servers of a run, each started when a bench first wants it."""

    def __init__(self, build, signatures):
        self.build, self.signatures, self.running, self.versions = build, signatures, {}, {}

    def get(self, names, options):
        for name in ("Postfach", *names):
            if name not in self.running:
                self.running[name] = (Postfach(self.build, self.signatures, options) if name == "Postfach" else
                                      Dovecot(name, *DOVECOTS[name], self.running["Postfach"]))
                self.versions[name] = self.running[name].version
        return [self.running[name] for name in names]

    def stop(self):
        while self.running:
            self.running.popitem()[1].stop()
