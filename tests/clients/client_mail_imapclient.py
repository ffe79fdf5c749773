"""Perl's Mail::IMAPClient over TLS, with STARTTLS and in the clear: a script does a day's work and tells what it saw."""
import json
import os
import subprocess
import tempfile

import flow
import mails
import server
import wire

SCRIPT = r"""
use strict;
use warnings;
use JSON::PP;
use Mail::IMAPClient;

my $given = decode_json($ARGV[0]);
my %out;
my %tls = (SSL_verify_mode => 0);
my $imap = Mail::IMAPClient->new(
    Server => $given->{host}, Port => $given->{port}, User => $given->{user}, Password => $given->{password}, Uid => 1, Timeout => 30,
    $given->{way} eq 'TLS' ? (Ssl => [%tls]) : $given->{way} eq 'STARTTLS' ? (Starttls => [%tls]) : ());
if (!$imap) {
    print encode_json({error => "$@"});
    exit;
}
sub must { my ($name, $value) = @_; die "$name: " . $imap->LastError . "\n" if !defined $value; return $value; }
eval {
    $out{folders} = [sort @{must('folders', [$imap->folders])}];
    must('select', $imap->select('INBOX'));
    $out{count} = must('count', $imap->message_count);
    my @found = $imap->search('SUBJECT', $imap->Quote('dots'));
    $out{found} = scalar @found;
    $out{text} = must('text', $imap->message_string($found[0]));
    $out{subject} = must('subject', $imap->subject($found[0]));
    my $structure = must('structure', $imap->get_bodystructure(($imap->search('SUBJECT', $imap->Quote('attachment')))[0]));
    $out{parts} = [$structure->parts];
    my $envelope = must('envelope', $imap->get_envelope($found[0]));
    $out{from} = $envelope->from_addresses;
    must('flag', $imap->set_flag('Flagged', $found[0]));
    must('see', $imap->see($found[0]));
    $out{flags} = [sort @{must('flags', scalar $imap->flags($found[0]))}];
    must('create', $imap->create('Work'));
    must('create', $imap->create('Work/Letters'));
    must('subscribe', $imap->subscribe('Work/Letters'));
    $out{copied} = must('copy', $imap->copy('Work/Letters', $found[0]));
    my @third = $imap->search('SUBJECT', $imap->Quote('third'));
    must('move', $imap->move('Work/Letters', $third[0]));
    must('expunge', $imap->expunge);
    must('rename', $imap->rename('Work', 'Old work'));
    $out{appended} = must('append', $imap->append_string('Drafts', $given->{draft}, '\\Draft'));
    my @fourth = $imap->search('SUBJECT', $imap->Quote('fourth'));
    must('trash', $imap->move('Trash', $fourth[0]));
    must('expunge', $imap->expunge);
    $out{status} = must('status', $imap->status('Old work/Letters', 'MESSAGES'));
    my $idle = must('idle', $imap->idle);
    $| = 1;
    print "idle\n";
    $out{news} = must('idle_data', $imap->idle_data(20));
    must('done', $imap->done($idle));
    must('create', $imap->create('Gone'));
    must('delete', $imap->delete('Gone'));
    must('logout', $imap->logout);
};
$out{error} = "$@" if $@;
print encode_json(\%out), "\n";
"""


def test(report, office, given):
    if subprocess.run(["perl", "-MMail::IMAPClient", "-MIO::Socket::SSL", "-e", "1"], capture_output=True).returncode != 0:
        office.stop()
        server.skip("Mail::IMAPClient is not installed")
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "client.pl")
        with open(script, "w") as file:
            file.write(SCRIPT)
        mail = mails.sample()["lines of dots"]
        for way, service in flow.WAYS:
            address, password = office.account("perl")
            for message in (mail, mails.sample()["a multipart with an attachment"], mails.plain("third"), mails.plain("fourth")):
                office.deliver(address, message)
            words = {"host": office.host, "port": office.ports[service], "way": way, "user": address, "password": "wrong",
                     "draft": mails.plain("a draft").decode()}
            refused = subprocess.run(["perl", script, json.dumps(words)], capture_output=True, text=True, timeout=60)
            report.check(way + ": a wrong password is refused", "error" in refused.stdout and "folders" not in refused.stdout, refused.stdout)
            words["password"] = password
            with subprocess.Popen(["perl", script, json.dumps(words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
                line = client.stdout.readline()
                if line == "idle\n":
                    office.deliver(address, mails.plain("news"))
                    line = client.stdout.readlines()[-1]
                client.wait(60)
            found = json.loads(line) if line.startswith("{") else {"error": line}
            if not report.check(way + ": a day's work, from login to logout", "error" not in found, found.get("error")):
                continue
            report.same(way + ": six mailboxes", found["folders"], ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"])
            report.same(way + ": four mails, one with this subject", (int(found["count"]), found["found"], found["subject"]), (4, 1, "dots"))
            report.check(way + ": it is read byte for byte", wire.is_delivered(found["text"].encode(), mail))
            report.same(way + ": the parts of the other", found["parts"], [1, 2])
            report.same(way + ": who sent it", found["from"], "Carol <carol@elsewhere.test>")
            report.check(way + ": flags hold", {"\\Flagged", "\\Seen"} <= set(found["flags"]), found["flags"])
            report.check(way + ": IDLE tells of a delivery", "EXISTS" in str(found["news"]), found["news"])
            report.check(way + ": COPY and APPEND give the new UIDs", str(found["copied"]).isdigit() and str(found["appended"]).isdigit(), found)
            imap = office.imap(address, password)
            there = flow.mailboxes(imap)
            report.same(way + ": INBOX has what is left and what is new", [subject for subject, _ in there["INBOX"]],
                        ["dots", "with an attachment", "news"])
            report.same(way + ": copied and moved, below the new name", sorted(subject for subject, _ in there["Old work/Letters"]), ["dots", "third"])
            report.same(way + ": the draft", there["Drafts"], [("a draft", {"\\Draft"})])
            # Its moves are copies and deletions, and what is expunged waits in Trash (unless that very mail is there already).
            report.same(way + ": what it deleted is in Trash", [subject for subject, _ in there["Trash"]], ["third", "fourth"])
            report.check(way + ": what was created and deleted is gone", "Gone" not in there and "Work" not in there, sorted(there))
            imap.logout()


server.needs("perl")
server.main("client_mail_imapclient", test, {"auth.plaintext": "loopback"})
