"""node-pop3 from npm: in the clear, with STLS, over TLS. It is fetched for the run; without node, npm or a network the test is skipped."""
import json
import os
import subprocess
import tempfile

import mails
import server
import wire

VERSION = "0.11.0"

SCRIPT = """
import Pop3Command from 'node-pop3';
import tls from 'node:tls';

const {host, port, way, user, password} = JSON.parse(process.argv[2]);
const given = {rejectUnauthorized: false};
const out = {};
try {
  const pop3 = new Pop3Command({user, password, host, port, tls: way === 'tls', tlsOptions: given, servername: 'localhost', timeout: 30000});
  if (way === 'stls') {
    await pop3.connect();
    await pop3.command('STLS');
    await new Promise((resolve, reject) => {  // as a program does that wants it: the library has no command for it
      const plain = pop3._socket;
      const listeners = plain.listeners('data');
      plain.removeAllListeners('data');
      const secure = tls.connect({socket: plain, servername: 'localhost', ...given}, resolve);
      secure.on('error', reject);
      for (const one of listeners) secure.on('data', one);
      pop3._socket = secure;
    });
    await pop3.command('USER', user);
    await pop3.command('PASS', password);
    pop3._PASSInfo = 'logged in';
  }
  out.stat = await pop3.STAT();
  out.list = await pop3.LIST();
  out.uidl = await pop3.UIDL();
  out.one = await pop3.UIDL(2);
  out.text = await pop3.RETR(1);
  out.top = await pop3.TOP(1, 0);
  out.dele = await pop3.DELE(2);
  out.quit = await pop3.QUIT();
} catch (error) {
  out.error = String(error.message);
}
console.log(JSON.stringify(out));
process.exit(0);
"""


def test(report, office, given):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, "node-pop3@" + VERSION],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            office.stop()
            server.skip("node-pop3 could not be fetched")
        script = os.path.join(folder, "client.mjs")
        with open(script, "w") as file:
            file.write(SCRIPT)
        mail = mails.plain("first")
        for way, service in (("plain", "pop3"), ("stls", "pop3"), ("tls", "pop3s")):
            address, password = office.account("node")
            for message in (mail, mails.plain("second"), mails.plain("third")):
                office.deliver(address, message)

            def run(secret):
                words = {"host": office.host, "port": office.ports[service], "way": way, "user": address, "password": secret}
                done = subprocess.run(["node", script, json.dumps(words)], capture_output=True, text=True, timeout=90)
                return json.loads(done.stdout) if done.stdout.strip() else {"error": done.stderr}

            refused = run("wrong")
            report.check(way + ": a wrong password is refused", "wrong user name or password" in refused.get("error", ""), refused)
            found = run(password)
            if not report.check(way + ": a session from login to QUIT", "error" not in found, found.get("error")):
                continue
            report.same(way + ": STAT counts three", found["stat"].split()[0], "3")
            report.same(way + ": LIST lists three", [row[0] for row in found["list"]], ["1", "2", "3"])
            report.check(way + ": UIDL names three, and one", len({row[1] for row in found["uidl"]}) == 3 and found["one"] == found["uidl"][1],
                         found["uidl"])
            report.check(way + ": RETR gives the mail", wire.is_delivered(found["text"].encode() + b"\r\n", mail), found["text"][:200])
            report.check(way + ": TOP gives its head", found["text"].startswith(found["top"].rstrip()), found["top"][:200])
            left = office.pop3(address, password)
            report.same(way + ": DELE took effect at QUIT", int(left.do("STAT").split()[0]), 2)


server.needs("node", "npm")
server.main("client_node_pop3", test, {"auth.plaintext": "loopback"})
