"""imapflow and node-imap from npm: over TLS, with STARTTLS and in the clear. Fetched for the run; without node, npm or a network skipped."""
import json
import os
import subprocess
import tempfile

import flow
import mails
import server
import wire

VERSIONS = {"imapflow": "2.10.2", "imap": "0.8.19"}

SCRIPTS = {"imapflow": """
import { ImapFlow } from 'imapflow';

const {host, port, way, user, password, draft} = JSON.parse(process.argv[2]);
const out = {};
const client = new ImapFlow({host, port, secure: way === 'TLS', doSTARTTLS: way === 'STARTTLS' ? true : way === 'TLS' ? undefined : false,
                             auth: {user, pass: password}, tls: {rejectUnauthorized: false, servername: 'localhost'}, logger: false});
client.on('error', error => { out.error ??= String(error.message); });
try {
  await client.connect();
  out.folders = (await client.list()).map(box => [box.path, box.specialUse ?? '']);
  let box = await client.mailboxOpen('INBOX');
  out.count = box.exists;
  const found = await client.search({subject: 'dots'}, {uid: true});
  out.found = found.length;
  out.body = await client.search({body: 'attachment'}, {uid: true});
  const one = await client.fetchOne(found[0], {source: true, envelope: true, bodyStructure: true, flags: true, internalDate: true}, {uid: true});
  out.text = one.source.toString();
  out.subject = one.envelope.subject;
  out.all = [];
  for await (const message of client.fetch('1:*', {envelope: true, bodyStructure: true, flags: true}))
    out.all.push([message.envelope.subject, message.bodyStructure.type]);
  const {meta, content} = await client.download(out.body[0], '2', {uid: true});
  const pieces = [];
  for await (const piece of content) pieces.push(piece);
  out.attachment = Buffer.concat(pieces).toString('base64');
  out.name = meta.filename;
  await client.messageFlagsAdd(found[0], ['\\\\Flagged', '\\\\Seen', '$Label1'], {uid: true});
  await client.mailboxCreate(['Work', 'Letters']);
  await client.mailboxSubscribe('Work/Letters');
  out.copied = [...(await client.messageCopy(found[0], 'Work/Letters', {uid: true})).uidMap];
  const third = await client.search({subject: 'third'}, {uid: true});
  out.moved = [...(await client.messageMove(third[0], 'Work/Letters', {uid: true})).uidMap];
  await client.mailboxRename('Work', 'Old work');
  out.appended = (await client.append('Drafts', draft, ['\\\\Draft'])).uid;
  const fourth = await client.search({subject: 'fourth'}, {uid: true});
  await client.messageMove(fourth[0], 'Trash', {uid: true});
  out.status = await client.status('Old work/Letters', {messages: true, unseen: true, uidNext: true});
  out.status.uidNext = Number(out.status.uidNext);
  delete out.status.uidValidity;
  delete out.status.highestModseq;
  out.news = await new Promise(async resolve => {
    const late = setTimeout(() => resolve(null), 20000);
    client.on('exists', news => { clearTimeout(late); resolve([news.count, news.prevCount]); });
    client.idle();
    console.log('idle');
  });
  await client.mailboxCreate('Gone');
  await client.mailboxDelete('Gone');
  await client.logout();
} catch (error) {
  out.error ??= String(error.responseText ?? error.message);
}
console.log(JSON.stringify(out, (key, value) => typeof value === 'bigint' ? Number(value) : value));
process.exit(0);
""", "imap": """
import Imap from 'imap';
import {promisify} from 'node:util';

const {host, port, way, user, password, draft} = JSON.parse(process.argv[2]);
const out = {};
const imap = new Imap({user, password, host, port, tls: way === 'TLS', autotls: way === 'STARTTLS' ? 'required' : 'never',
                       tlsOptions: {rejectUnauthorized: false, servername: 'localhost'}, keepalive: {forceNoop: false}});
const call = (name, ...words) => promisify(imap[name]).apply(imap, words);
const fetched = (source, options) => new Promise((resolve, reject) => {
  const found = [];
  const fetch = imap.fetch(source, options);
  fetch.on('message', message => {
    const one = {bodies: {}};
    found.push(one);
    message.on('body', (stream, info) => {
      const pieces = [];
      stream.on('data', piece => pieces.push(piece));
      stream.once('end', () => { one.bodies[info.which] = Buffer.concat(pieces).toString('latin1'); });
    });
    message.once('attributes', attributes => { one.attributes = attributes; });
  });
  fetch.once('error', reject);
  fetch.once('end', () => resolve(found));
});
const walk = (boxes, prefix = '') => Object.entries(boxes).flatMap(([name, box]) =>
  [[prefix + name, box.special_use_attrib ?? ''], ...(box.children ? walk(box.children, prefix + name + box.delimiter) : [])]);
try {
  await new Promise((resolve, reject) => {
    imap.once('ready', resolve);
    imap.once('error', reject);
    imap.connect();
  });
  imap.on('error', error => { out.error ??= String(error.message); });
  out.folders = walk(await call('getBoxes'));
  const box = await call('openBox', 'INBOX', false);
  out.count = box.messages.total;
  const found = await call('search', [['SUBJECT', 'dots']]);
  out.found = found.length;
  out.body = await call('search', [['BODY', 'attachment']]);
  const [one] = await fetched(found, {bodies: '', struct: true});
  out.text = one.bodies[''];
  const [head] = await fetched(found, {bodies: 'HEADER.FIELDS (SUBJECT)'});
  out.subject = Imap.parseHeader(head.bodies['HEADER.FIELDS (SUBJECT)']).subject[0];
  out.all = (await fetched(out.body, {bodies: '2', struct: true})).map(m => [m.attributes.struct[0].type, m.attributes.struct.length]);
  const [part] = await fetched(out.body, {bodies: '2', struct: true});
  out.attachment = part.bodies['2'].replace(/\\s/g, '');
  out.name = part.attributes.struct[2][0].disposition.params.filename;
  await call('addFlags', found, ['\\\\Flagged', '\\\\Seen']);
  await call('addKeywords', found, '$Label1');
  await call('addBox', 'Work');
  await call('addBox', 'Work/Letters');
  await call('subscribeBox', 'Work/Letters');
  await call('copy', found, 'Work/Letters');
  await call('move', await call('search', [['SUBJECT', 'third']]), 'Work/Letters');
  await call('renameBox', 'Work', 'Old work');
  await call('append', draft, {mailbox: 'Drafts', flags: ['\\\\Draft']});
  await call('move', await call('search', [['SUBJECT', 'fourth']]), 'Trash');
  out.status = {messages: (await call('status', 'Old work/Letters')).messages.total};
  out.news = await new Promise(resolve => {
    const late = setTimeout(() => resolve(null), 20000);
    imap.on('mail', count => { clearTimeout(late); resolve([box.messages.total, box.messages.total - count]); });
    console.log('idle');
  });
  await call('addBox', 'Gone');
  await call('delBox', 'Gone');
  await new Promise(resolve => { imap.once('close', resolve); imap.once('end', resolve); imap.end(); });
} catch (error) {
  out.error ??= String(error.message);
}
console.log(JSON.stringify(out));
process.exit(0);
"""}


def test(report, office, given):
    import base64
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["%s@%s" % pair for pair in VERSIONS.items()]
        done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, *wanted],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            office.stop()
            server.skip("imapflow and node-imap could not be fetched")
        mail = mails.sample()["lines of dots"]
        content = base64.b64encode(bytes(range(256)) * 40).decode()
        for library, text in SCRIPTS.items():
            script = os.path.join(folder, library + ".mjs")
            with open(script, "w") as file:
                file.write(text)
            for way, service in flow.WAYS:
                name = "%s, %s" % (library, way)
                address, password = office.account("node")
                for message in (mail, mails.sample()["a multipart with an attachment"], mails.plain("third"), mails.plain("fourth")):
                    office.deliver(address, message)
                words = {"host": office.host, "port": office.ports[service], "way": way, "user": address, "password": "wrong",
                         "draft": mails.plain("a draft").decode()}
                refused = subprocess.run(["node", script, json.dumps(words)], capture_output=True, text=True, timeout=60)
                report.check(name + ": a wrong password is refused", "error" in refused.stdout and "folders" not in refused.stdout, refused.stdout + refused.stderr)
                words["password"] = password
                with subprocess.Popen(["node", script, json.dumps(words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
                    lines = []
                    for line in client.stdout:
                        lines.append(line)
                        if line == "idle\n":
                            office.deliver(address, mails.plain("news"))
                    client.wait(60)
                found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {"error": "".join(lines)}
                if not report.check(name + ": a day's work, from login to logout", "error" not in found, found.get("error")):
                    continue
                uses = {"INBOX": "", "Archive": "\\Archive", "Drafts": "\\Drafts", "Junk": "\\Junk", "Sent": "\\Sent", "Trash": "\\Trash"}
                report.same(name + ": six mailboxes and what they are for",
                            {box: use if use != "\\Inbox" else "" for box, use in found["folders"]}, uses)
                report.same(name + ": four mails, one with this subject", (found["count"], found["found"], found["subject"]), (4, 1, "dots"))
                report.check(name + ": it is read byte for byte", wire.is_delivered(found["text"].encode("latin-1"), mail), found["text"][:200])
                report.same(name + ": a search in the text finds the attachment's mail", len(found["body"]), 1)
                report.same(name + ": the attachment and its name", (found["attachment"], found["name"]), (content, "report.bin"))
                report.same(name + ": STATUS counts the two", found["status"]["messages"], 2)
                report.same(name + ": IDLE tells of a delivery", found["news"], [3, 2])
                imap = office.imap(address, password)
                there = flow.mailboxes(imap)
                report.same(name + ": INBOX has what is left and what is new", [subject for subject, _ in there["INBOX"]],
                            ["dots", "with an attachment", "news"])
                report.same(name + ": ... with flags and a keyword", there["INBOX"][0][1], {"\\Flagged", "\\Seen", "$Label1"})
                report.same(name + ": copied and moved, below the new name", sorted(subject for subject, _ in there["Old work/Letters"]),
                            ["dots", "third"])
                report.same(name + ": the draft", there["Drafts"], [("a draft", {"\\Draft"})])
                report.same(name + ": the deleted one is in Trash", [subject for subject, _ in there["Trash"]], ["fourth"])
                report.check(name + ": what was created and deleted is gone", "Gone" not in there and "Work" not in there, sorted(there))
                imap.logout()


server.needs("node", "npm")
server.main("client_node_imap", test, {"auth.plaintext": "loopback"})
