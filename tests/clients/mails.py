"""Mail to send: the corpus of real mails where it is there, and mails made here."""
import base64
import csv
import io
import os
import re
import zipfile

from server import SOURCE

CORPUS = os.path.join(os.path.dirname(SOURCE), "shared", "corpus")
# Put together only when it is needed, so that no scanner takes this file for an infected one.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


def corpus():
    """Yields (folder, name, message bytes); a mailbox file gives several. Nothing where the corpus is absent."""
    table = os.path.join(CORPUS, "SOURCES.tsv")
    if not os.path.exists(table):
        return
    with open(table, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            with open(os.path.join(CORPUS, row["file"]), "rb") as mail:
                content = mail.read()
            folder, kinds = row["file"].split("/")[0], row["kinds"].split(",")
            if "mbox" in kinds:
                for number, message in enumerate(split_mbox(content)):
                    yield folder, "%s#%d" % (row["file"], number + 1), message
            else:
                if "from-line" in kinds:
                    content = re.sub(rb"\AFrom [^\r\n]*(?:\r\n|\n|\r)", b"", content)
                yield folder, row["file"], content


def split_mbox(content):
    """The mails of an mbox file: each begins with a "From " line at the start or after an empty line."""
    starts = [m for m in re.finditer(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n)|(?<=\r\r))From [^\r\n]*(?:\r\n|\n|\r)", content)]
    ends = [m.start() for m in starts[1:]] + [len(content)]
    return [content[m.end():end] for m, end in zip(starts, ends) if content[m.end():end].strip()]


def plain(subject, body="Good day.\r\n", sender="Carol <carol@elsewhere.test>", extra=""):
    return ("From: %s\r\nTo: someone@office.test\r\nSubject: %s\r\nDate: Mon, 2 Mar 2026 09:30:00 +0100\r\n"
            "Message-ID: <%s@elsewhere.test>\r\n%s\r\n%s"
            % (sender, subject, re.sub(r"\W+", ".", subject), extra, body)).encode()


def to_handle():
    """What a mail program is shown: a part to take, one to throw away, one to move, one to search for."""
    return [sample()["a multipart with an attachment"], plain("unwanted"), plain("for the archive"), plain("plan", "We build a bridge.\r\n")]


def sample():
    """Mails that a careless server changes."""
    return {
        "plain text": plain("plain"),
        "lines of dots": plain("dots", ".\r\n..\r\n...\r\n.x\r\n\r\n.\r\nend\r\n"),
        "a line of 70,000 bytes": plain("long", "a" * 70000 + "\r\nend\r\n"),
        "NUL and every other byte": plain("bytes", "")
            + b"".join(bytes([n]) for n in range(256) if n not in (10, 13)) + b"\r\nend\r\n",
        "bare line feeds": plain("bare LF").replace(b"\r\n", b"\n") + b"one\ntwo\n.\nthree\n",
        "bare carriage returns": plain("bare CR", "one\rtwo\r\r\nthree\r\n"),
        "no line end at the end": plain("no end", "the end"),
        "empty lines at the end": plain("empty lines", "text\r\n\r\n\r\n"),
        "a header and no body": b"Subject: only a header\r\n",
        "no header": b"\r\nonly a body\r\n",
        "raw UTF-8 in the header": plain("Gr\u00fc\u00dfe aus K\u00f6ln \u2603"),
        "a multipart with an attachment": multipart("with an attachment", [("report.bin", bytes(range(256)) * 40)]),
        "a forwarded message": forwarded("Fwd: something", plain("something")),
        "1 MiB": plain("big", "0123456789abcdef" * 4 + "\r\n") + (b"x" * 70 + b"\r\n") * 14563,
    }


def multipart(subject, attachments, sender="Carol <carol@elsewhere.test>"):
    """A text and base64 attachments."""
    parts = ["Content-Type: text/plain; charset=utf-8\r\n\r\nSee the attachment.\r\n"]
    for name, content in attachments:
        parts.append("Content-Type: application/octet-stream; name=\"%s\"\r\nContent-Disposition: attachment; filename=\"%s\"\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n%s"
                     % (name, name, base64.encodebytes(content).decode().replace("\n", "\r\n")))
    body = "".join("--limit\r\n" + part for part in parts) + "--limit--\r\n"
    return plain(subject, body, sender, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"limit\"\r\n")


def forwarded(subject, message):
    body = b"--outer\r\n\r\nLook at this.\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n" + message + b"\r\n--outer--\r\n"
    return plain(subject, "", extra="MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n") + body


def zipped(name, content):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return memory.getvalue()


def infected():
    """Title, mail: the ways in which an infection comes."""
    archive = zipped("invoice.com", EICAR)
    return {
        "EICAR plain": plain("invoice plain", EICAR.decode() + "\r\n"),
        "EICAR in base64": multipart("invoice base64", [("invoice.com", EICAR)]),
        "EICAR in a zip": multipart("invoice zip", [("invoice.zip", archive)]),
        "EICAR in a zip in a forwarded message":
            forwarded("invoice forwarded", multipart("invoice inner", [("invoice.zip", archive)])),
    }
