"""Mails that hide something from a scanner, each with the verdict it must have: the test file in every wrapping, what cannot be opened,
bombs, programs and scripts under harmless names. Made here; nothing in them is harmful."""
import base64
import binascii
import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile

from mails import EICAR, forwarded, multipart, plain, zipped

INFECTED, ENCRYPTED, LIMIT, BROKEN, MACROS, PHISHING, ATTACHMENT, CLEAN = (
    "infected", "encrypted", "limit", "broken", "macros", "phishing", "attachment", "")


def attached(name, content, subject="a file"):
    return multipart(subject, [(name, content)])


def part(headers, body, before=""):
    """A mail of one part, with other headers before it."""
    return (before + "From: Carol <carol@elsewhere.test>\r\nSubject: one part\r\nMIME-Version: 1.0\r\n" + headers + "\r\n\r\n").encode() + body + b"\r\n"


def coded(content=EICAR, width=76):
    text = base64.b64encode(content)
    return b"\r\n".join(text[i:i + width] for i in range(0, len(text), width))


def uuencoded(content, name="a.txt"):
    lines = [binascii.b2a_uu(content[i:i + 45]) for i in range(0, len(content), 45)]
    return b"begin 644 " + name.encode() + b"\r\n" + b"".join(line.rstrip(b"\n") + b"\r\n" for line in lines) + b"`\r\nend\r\n"


def yencoded(content, name="a.txt"):
    def escaped(byte):
        return bytes([byte]) if byte not in b"\0\r\n=" else b"=" + bytes([(byte + 64) % 256])
    body = b"".join(escaped((byte + 42) % 256) for byte in content)
    return b"=ybegin line=128 size=%d name=%s\r\n" % (len(content), name.encode()) + body + b"\r\n=yend size=%d\r\n" % len(content)


def tarred(name, content):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return memory.getvalue()


def nested(times, content=EICAR):
    for _ in range(times):
        content = zipped("inner.zip", content)
    return content


def encrypted(name="a.txt", content=b"Hidden from everybody, this is no cipher at all."):
    """A zip whose one member says that it is encrypted; nobody here has its password."""
    crc = binascii.crc32(content)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 1, 0, 0, 33, crc, len(content), len(content), len(name), 0) + name.encode()
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 1, 0, 0, 33, crc, len(content), len(content), len(name), 0, 0, 0, 0, 0, 0)
    head = local + content
    central += name.encode()
    return head + central + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(head), 0)


def zip_of_zeros(mebibytes, after=b""):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.bin", "w", force_zip64=True) as member:
        for _ in range(mebibytes):
            member.write(bytes(1 << 20))
        member.write(after)
    return memory.getvalue()


def zip_of_many(files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for number in range(files):
            archive.writestr("%d.txt" % number, "entry number %d" % number)
    return memory.getvalue()


def overlapping(members=50):
    """A zip in which each stored member is all that follows it: the local headers of the others, and at the end some text."""
    tail, central, offsets = b"Nothing to find in here." * 20, b"", []
    body = tail
    for number in reversed(range(members)):
        name = b"%02d" % number
        fields = (binascii.crc32(body), len(body), len(body), len(name))
        offsets.append((name, len(body) + 30 + len(name), fields))
        body = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 33, *fields, 0) + name + body
    for name, from_end, fields in reversed(offsets):
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 33, *fields, 0, 0, 0, 0, 0, len(body) - from_end) + name
    return body + central + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, members, members, len(central), len(body), 0)


def deep_mail(levels, inside):
    message = inside
    for _ in range(levels):
        message = b"Subject: around\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + message
    return b"From: carol@elsewhere.test\r\n" + message


def lying_zip(method, says, content=bytes(byte ^ 0x55 for byte in EICAR), name=b"a.txt"):
    """A zip whose member is packed by this method, as nobody knows it, and says that it has so many bytes."""
    fields = (method, 0, 33, binascii.crc32(content), len(content), says, len(name), 0)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, *fields) + name + content
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, *fields, 0, 0, 0, 0, 0) + name
    return local + central + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local), 0)


def disc():
    image = bytearray(64 * 1024)
    image[32768:32775] = b"\x01CD001\x01"
    return bytes(image)


def wrappings():
    """Yields (title, mail, what is found: of infected mail nothing else counts)."""
    zip_file = zipped("invoice.txt", EICAR)
    octets = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64"
    two = "Content-Type: multipart/mixed; boundary=one\r\nContent-Type: multipart/mixed; boundary=two"
    inner = octets.encode() + b"\r\n\r\n" + coded()

    for title, mail in {
        "EICAR plain": plain("x", EICAR.decode() + "\r\n"),
        "EICAR in base64": attached("a.txt", EICAR),
        "EICAR in quoted-printable": part("Content-Transfer-Encoding: quoted-printable", b"".join(b"=%02X" % byte for byte in EICAR)),
        "EICAR in uuencode": plain("x").replace(b"Good day.\r\n", uuencoded(EICAR)),
        "EICAR in x-uuencode": part("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: x-uuencode", uuencoded(EICAR)),
        "EICAR in yEnc": part("Content-Transfer-Encoding: 8bit", yencoded(EICAR)),
        "EICAR in zip": attached("a.zip", zip_file),
        "EICAR in zip in zip": attached("a.zip", nested(2)),
        "EICAR in 12 zips": attached("a.zip", nested(12)),
        "EICAR in tar.gz": attached("a.tar.gz", tarred("a.txt", EICAR)),
        "EICAR in gzip": attached("a.gz", gzip.compress(EICAR)),
        "EICAR in bzip2": attached("a.bz2", bz2.compress(EICAR)),
        "EICAR in xz": attached("a.xz", lzma.compress(EICAR)),
        "EICAR in a forwarded message": forwarded("x", attached("a.zip", zip_file)),
        "EICAR in 8 forwarded messages": deep_mail(8, attached("a.txt", EICAR)),
        "EICAR behind DKIM-Signature": part(octets, coded(), "DKIM-Signature: v=1; a=rsa-sha256\r\n"),
        "EICAR behind X- headers alone": b"X-Mailer: x\r\n" + inner + b"\r\n",
        "EICAR behind Content-Type first": inner + b"\r\n",
        "EICAR without MIME-Version": b"From: a@b.test\r\n" + inner + b"\r\n",
        "EICAR with junk in base64": part(octets, b"!?".join(coded(width=10).split(b"\r\n"))),
        "EICAR with padding in the middle of base64":
            part(octets, base64.b64encode(EICAR[:34]) + b"\r\n" + base64.b64encode(EICAR[34:])),
        "EICAR in base64 lines of 3 bytes": part(octets, coded(width=3)),
        "EICAR under an unknown encoding": part("Content-Type: text/plain\r\nContent-Transfer-Encoding: x-nothing", EICAR),
        "EICAR behind a NUL in the header": b"From: a\0b@c.test\r\n" + inner + b"\r\n",
        "EICAR with bare line feeds": attached("a.txt", EICAR).replace(b"\r\n", b"\n"),
        "EICAR without the last boundary": attached("a.txt", EICAR).replace(b"--limit--\r\n", b""),
        "EICAR in the first of two boundaries": part(two, b"--one\r\n" + inner + b"\r\n--one--"),
        "EICAR in the second of two boundaries": part(two, b"--two\r\n" + inner + b"\r\n--two--"),
        "EICAR behind a boundary in RFC 2231":
            part("Content-Type: multipart/mixed; boundary*0=on; boundary*1=e", b"--one\r\n" + inner + b"\r\n--one--"),
        "EICAR in the preamble": part("Content-Type: multipart/mixed; boundary=one", EICAR + b"\r\n--one\r\n\r\ntext\r\n--one--"),
        "EICAR in the epilogue": part("Content-Type: multipart/mixed; boundary=one", b"--one\r\n\r\ntext\r\n--one--\r\n" + EICAR),
        "EICAR in UTF-16": part("Content-Type: text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64",
                                coded(("<p>" + EICAR.decode() + "</p>").encode("utf-16le"))),
        "EICAR in UTF-16 that only its mark tells": attached("a.html", b"\xff\xfe" + ("<p>" + EICAR.decode() + "</p>").encode("utf-16le")),
        "EICAR in UTF-16 that nothing tells": part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
                                                   coded(("The text: " + EICAR.decode()).encode("utf-16be"))),
        "EICAR in the argument of atob":
            part("Content-Type: text/html", b"<script>run(atob(\"" + base64.b64encode(EICAR) + b"\"))</script>"),
        "EICAR in a zip in the argument of atob, attached": attached("a.html", b"<script>run(atob('" + base64.b64encode(zip_file) + b"'))</script>"),
        "EICAR under the second of two encodings":
            part("Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64",
                 base64.b64encode(EICAR[:34]) + b"\r\n" + base64.b64encode(EICAR[34:])),
        "EICAR in yEnc in the second of two boundaries": part(two, b"--two\r\n\r\n" + yencoded(EICAR) + b"\r\n--two--"),
        "EICAR with padding in the middle in the second of two boundaries":
            part(two, b"--two\r\n" + octets.encode() + b"\r\n\r\n" + base64.b64encode(EICAR[:34]) + b"\r\n" + base64.b64encode(EICAR[34:]) + b"\r\n--two--"),
        **{"EICAR in %s behind %s" % (how, field): wrap(field.encode() + b": x\r\n" + inner)
           for field in ("X-Mailer", "DKIM-Signature", "Content-Language")
           for how, wrap in (("a mail in base64", lambda mail: part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", coded(mail))),
                             ("an .eml", lambda mail: attached("a.eml", mail)),
                             ("an .eml in a zip", lambda mail: attached("a.zip", zipped("a.eml", mail))))},
        "EICAR in a data: URI": part("Content-Type: text/html", b"<a href=\"data:text/plain;base64," + base64.b64encode(EICAR) + b"\">x</a>"),
        "EICAR behind an encrypted archive": multipart("x", [("a.zip", encrypted()), ("b.txt", EICAR)]),
        "EICAR behind a zip of 12,001 files": multipart("x", [("b.txt", EICAR), ("a.zip", zip_of_many(12001))]),
        "EICAR behind 1,500 parts": multipart("x", [("%d.txt" % i, b"part %d" % i) for i in range(1500)] + [("a.txt", EICAR)]),
    }.items():
        yield title, mail, INFECTED

    yield "an encrypted zip", attached("a.zip", encrypted()), ENCRYPTED
    yield "an encrypted zip in a zip", attached("a.zip", zipped("b.zip", encrypted())), ENCRYPTED
    yield "25 zips", attached("a.zip", nested(25, b"The innermost note.")), LIMIT
    yield "50 forwarded messages", deep_mail(50, plain("x")), LIMIT
    yield "a zip of 12,001 files", attached("a.zip", zip_of_many(12001)), LIMIT
    yield "a zip member of 130 MiB", attached("a.zip", zip_of_zeros(130, EICAR)), LIMIT
    yield "130 MiB of zeros in gzip", attached("a.gz", gzip.compress(bytes(130 << 20), 9)), LIMIT
    yield "130 MiB of zeros in xz", attached("a.xz", lzma.compress(bytes(130 << 20), preset=0)), LIMIT
    yield "an overlapping zip", attached("a.zip", overlapping()), INFECTED  # Heuristics.Zip.OverlappingFiles: nobody makes one by accident
    yield "message/partial", part("Content-Type: message/partial; id=x; number=1; total=2", b"Subject: half\r\n\r\n" + EICAR[:30]), BROKEN
    yield "message/external-body", part("Content-Type: message/external-body; access-type=URL; url=\"http://192.0.2.1/a.exe\"",
                                        b"Content-Type: application/octet-stream\r\n\r\n"), BROKEN
    for method in (9, 14, 93, 95, 98, 99):
        for says in (0, 3):
            yield "a zip member of method %d that says it has %d bytes" % (method, says), attached("a.zip", lying_zip(method, says)), BROKEN
    yield "half a mail in an .eml", attached("a.eml", b"X-Mailer: x\r\nContent-Type: message/partial; id=x; number=1; total=2\r\n\r\n" + EICAR[:30]), BROKEN
    yield "a RAR archive", attached("a.rar", b"Rar!\x1a\x07\x00" + b"x" * 300), BROKEN
    yield "an ACE archive", attached("a.ace", b"1234567**ACE**" + b"x" * 300), BROKEN

    yield "a program called photo.png", attached("photo.png", b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(400)), ATTACHMENT
    yield "a program of Unix called notes.txt", attached("notes.txt", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\1\0\0\0" + bytes(200)), ATTACHMENT
    yield "a shell script called notes.txt", attached("notes.txt", b"#!/bin/sh\nexit 0\n"), ATTACHMENT
    yield "an image of a disc called song.mp3", attached("song.mp3", disc()), ATTACHMENT
    yield "invoice.pdf.js", attached("invoice.pdf.js", b"nothing"), ATTACHMENT
    yield "setup.exe in an encrypted zip", attached("a.zip", encrypted("setup.exe")), ENCRYPTED + " " + ATTACHMENT
    yield "run.bat in a zip in a zip", attached("a.zip", zipped("b.zip", zipped("run.bat", b"echo nothing"))), ATTACHMENT
    yield "a name in RFC 2231", part("Content-Disposition: attachment; filename*=utf-8''set%75p.exe", b"nothing"), ATTACHMENT

    yield "a text", plain("x"), CLEAN
    yield "a zip of a text", attached("a.zip", zipped("folder/notes.txt", b"Nothing to find in here.")), CLEAN
    yield "a text that begins with MZ", plain("x", "MZ is how this letter begins.\r\n"), CLEAN
    yield "a forwarded text", forwarded("x", plain("y")), CLEAN
    yield "an .eml without an address", attached("a.eml", b"X-Mailer: x\r\nContent-Type: text/plain\r\n\r\nGood day.\r\n"), CLEAN
    yield "an empty file in a zip", attached("a.zip", zipped("empty.txt", b"")), CLEAN
    yield "five bytes in a zip", attached("a.zip", zipped("five.txt", b"12345")), CLEAN
    yield "a page with an image in base64", part("Content-Type: text/html", b"<img src=\"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7\">"), CLEAN


def test_files(folder="/usr/share/clamav-testfiles"):
    """Yields (title, mail, found) for Debian's clamav-testfiles, where they are."""
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as file:
            yield name, attached(name, file.read(), "a test file"), INFECTED
