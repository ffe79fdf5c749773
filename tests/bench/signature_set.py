"""A signature set as large as the official one, and as mixed as can be told from outside: hashes of files and of sections, byte
patterns, logical signatures, names in containers, yara rules. Nothing in it matches mail. The same for the same size, everywhere."""
import os
import random

WHOLE = {"hdb": 800_000, "hsb": 700_000, "mdb": 1_300_000, "ndb": 100_000, "ldb": 130_000, "cdb": 2_000, "yar": 500}


def hdb(draw, number):
    return "%s:%d:Made.Hdb.%d\n" % (draw.randbytes(16).hex(), draw.randrange(500, 5_000_000), number)


def hsb(draw, number):
    return "%s:%d:Made.Hsb.%d\n" % (draw.randbytes(32).hex(), draw.randrange(500, 5_000_000), number)


def mdb(draw, number):
    return "%d:%s:Made.Mdb.%d\n" % (draw.randrange(512, 2_000_000), draw.randbytes(16).hex(), number)


def ndb(draw, number):
    """Of every target: programs mostly, but any file, HTML, mail and text too."""
    return "Made.Ndb.%d:%d:*:%s\n" % (number, draw.choice((0, 1, 1, 1, 1, 3, 4, 7)), draw.randbytes(draw.randrange(12, 40)).hex())


def ldb(draw, number):
    """A tenth for any file, one in twelve with a regular expression."""
    target = 0 if number % 10 == 0 else draw.choice((1, 1, 1, 1, 2, 3, 6, 9))
    parts = [draw.randbytes(draw.randrange(8, 24)).hex() for _ in range(draw.randrange(2, 5))]
    wanted = "&".join(str(at) for at in range(len(parts)))
    if number % 12 == 0:
        parts.append("%s/made%d[0-9a-f]{8}/" % (wanted, number))
        wanted += "&%d" % (len(parts) - 1)
    return "Made.Ldb.%d;Engine:81-255,Target:%d;(%s);%s\n" % (number, target, wanted, ";".join(parts))


def cdb(draw, number):
    return "Made.Cdb.%d:CL_TYPE_ZIP:*:%s\\.exe$:*:*:*:*:*:*\n" % (number, draw.randbytes(6).hex())


def yar(draw, number):
    return "rule Made_Yara_%d { strings: $a = \"%s\" $b = { %s } condition: $a and $b }\n" % (number, draw.randbytes(9).hex(), draw.randbytes(12).hex())


def write(folder, part=1):
    """Puts the files into the folder, one in `part` of the whole; returns how many signatures these are."""
    made = 0
    for kind, count in WHOLE.items():
        draw = random.Random(kind)
        with open(os.path.join(folder, "made." + kind), "w") as file:
            file.writelines(globals()[kind](draw, number) for number in range(count // part))
        made += count // part
    return made
