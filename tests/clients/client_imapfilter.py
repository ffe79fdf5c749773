"""imapfilter over TLS, with STARTTLS and in the clear: a configuration in Lua sorts a mailbox, then waits for news."""
import os
import subprocess
import tempfile

import flow
import mails
import server

CONFIG = """
options.timeout = 30
options.certificates = false
options.create = true
options.starttls = {starttls}

office = IMAP {{ server = '{host}', port = {port}, username = '{user}', password = '{password}'{ssl} }}

local boxes, folders = office:list_all()
print('boxes ' .. #boxes)
local exist, recent, unseen = office.INBOX:check_status()
print('status ' .. exist .. ' ' .. unseen)

local found = office.INBOX:contain_subject('dots')
print('found ' .. #found)
found:mark_flagged()
found:mark_seen()
found:copy_messages(office['Work/Letters'])
for _, message in ipairs(found) do
    local box, uid = table.unpack(message)
    print('size ' .. string.len(box[uid]:fetch_message()))
    print('from ' .. box[uid]:fetch_field('From'))
    local parts = 0
    for _ in pairs(box[uid]:fetch_structure()) do parts = parts + 1 end
    print('parts ' .. parts)
end
local large = office.INBOX:is_larger(5000) + office.INBOX:match_body('nothing of the kind')
print('large ' .. #large)
large:move_messages(office.Archive)
local third = (office.INBOX:is_unseen() * office.INBOX:contain_subject('third'))
third:delete_messages()
office:create_mailbox('Gone')
office:delete_mailbox('Gone')
office:rename_mailbox('Work', 'Old work')
office:subscribe_mailbox('Old work/Letters')
office.Drafts:append_message('Subject: a draft\\r\\n\\r\\nLater.\\r\\n', {{'\\\\Draft'}})
print('waits')
io.flush()
local woken, event = office.INBOX:enter_idle()
print('woken ' .. tostring(woken) .. ' ' .. tostring(event))
print('left ' .. #office.INBOX:select_all())
office:logout()
print('done')
"""


def test(report, office, given):
    for way, service in flow.WAYS:
        address, password = office.account("imapfilter")
        for message in (mails.sample()["lines of dots"], mails.sample()["a multipart with an attachment"], mails.plain("third"), mails.plain("fourth")):
            office.deliver(address, message)
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "config.lua")
            with open(config, "w") as file:
                file.write(CONFIG.format(host=office.name, port=office.ports[service], user=address, password=password,
                                         ssl=", ssl = 'auto'" if way == "TLS" else "", starttls="true" if way == "STARTTLS" else "false"))
            said = []
            with subprocess.Popen(["imapfilter", "-t", office.certificate(folder), "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, env={**os.environ, "HOME": folder}) as client:
                for line in client.stdout:
                    said.append(line.rstrip())
                    if line == "waits\n":
                        report.check(way + ": it goes into IDLE", flow.idling(office, address))
                        office.deliver(address, mails.plain("news"))
                status = client.wait(60)
            imap = office.imap(address, password)
            there = flow.mailboxes(imap)
            report.check(way + ": it runs to its end", status == 0 and said[-1:] == ["done"], said[-8:])
            report.check(way + ": it sees six mailboxes, four mails, one with this subject",
                         {"boxes 6", "status 4 4", "found 1"} <= set(said), said)
            stored = next(message for message in imap.messages("Old work/Letters").values())
            report.check(way + ": what it reads is as long as the mail", "size %d" % len(stored) in said, said)
            report.check(way + ": a field and the structure", {"from From: Carol <carol@elsewhere.test>", "parts 1"} <= {line.strip() for line in said}, said)
            report.check(way + ": IDLE wakes it at a delivery", any(line.startswith("woken true") for line in said), said)
            report.same(way + ": INBOX has what is left and what is new", [subject for subject, _ in there["INBOX"]], ["dots", "fourth", "news"])
            report.same(way + ": ... with the flags it set", there["INBOX"][0][1], {"\\Flagged", "\\Seen"})
            report.same(way + ": the copy is below the new name", [subject for subject, _ in there["Old work/Letters"]], ["dots"])
            report.same(way + ": the large one is in Archive", [subject for subject, _ in there["Archive"]], ["with an attachment"])
            report.same(way + ": the draft", there["Drafts"], [("a draft", {"\\Draft"})])
            report.check(way + ": the deleted one is in Trash", ("third", {"\\Seen"}) in there["Trash"] or ("third", set()) in there["Trash"], there["Trash"])
            report.check(way + ": what was created and deleted is gone", "Gone" not in there and "Work" not in there, sorted(there))
            imap.logout()


server.needs("imapfilter")
server.main("client_imapfilter", test, {"auth.plaintext": "loopback"})
