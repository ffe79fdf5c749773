#!/usr/bin/env python3
"""Reads the include lines of server/, admin/ and scanner/ and fails on one that points up or to a peer.

The floors are those of DESIGN section 1 (server/README.md). A folder may include its own files and those of lower floors;
peers on one floor never include each other. Includes of the project are written from the root, in quotes.

    check_layers.py ROOT          checks the tree; exit 1 and one line a fault
    check_layers.py --self-test   proves that faults are found
"""
import pathlib
import re
import sys

# Longest prefix wins. scanner/process is the scanning process: it stands beside its client and may use only that and base.
FLOORS = {
    "server/base": 1,
    "server/mail": 2,
    "server/net": 2,
    "scanner": 2,
    "scanner/process": 3,
    "server/store": 3,
    "server/auth": 4,
    "server/delivery": 5,
    "server/imap": 6,
    "server/pop3": 6,
    "server/lmtp": 6,
    "admin": 6,
    "server/appliance": 7,
    "server/main.cpp": 8,
}
# Narrower than their floor.
ONLY = {
    "scanner": {"server/base"},
    "scanner/process": {"scanner", "server/base"},
    "server/mail": {"server/base"},
    "server/net": {"server/base"},
}
SOURCES = {".h", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def folder_of(path):
    """The floor's key that `path` lies under, or None."""
    best = None
    for folder in FLOORS:
        if (path == folder or path.startswith(folder + "/")) and (best is None or len(folder) > len(best)):
            best = folder
    return best


def includes(text):
    """(line number, quote, target) of each include, comments and raw strings left out."""
    in_comment = False
    for number, line in enumerate(text.splitlines(), 1):
        if in_comment:
            if "*/" not in line:
                continue
            line = line.split("*/", 1)[1]
            in_comment = False
        line = re.sub(r"/\*.*?\*/", "", line)
        if "/*" in line and "//" not in line.split("/*")[0]:
            in_comment = True
            line = line.split("/*", 1)[0]
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def faults_of(path, text, exists):
    """What is wrong with the includes of one file; `exists` tells whether a path is in the tree."""
    here = folder_of(path)
    if here is None:
        return [f"{path}: lies in no folder of the map: give it a floor in tests/layers/check_layers.py and server/README.md"]
    faults = []
    for number, quote, target in includes(text):
        there = folder_of(target)
        where = f"{path}:{number}: "
        if quote == "<":
            if there is not None:
                faults.append(f"{where}<{target}> is ours: write it in quotes")
            continue
        if there is None:
            faults.append(f'{where}"{target}" is not written from the root (or is not ours: use <>)')
        elif not exists(target):
            faults.append(f'{where}"{target}" does not exist')
        elif there == here:
            continue
        elif here in ONLY and there not in ONLY[here]:
            faults.append(f'{where}{here} may include only {", ".join(sorted(ONLY[here]))}, not "{target}"')
        elif there == "scanner/process":
            faults.append(f'{where}nothing includes the scanning process ("{target}")')
        elif FLOORS[there] == FLOORS[here]:
            faults.append(f'{where}{here} and {there} are peers: "{target}"')
        elif FLOORS[there] > FLOORS[here]:
            faults.append(f'{where}{here} (floor {FLOORS[here]}) points up to {there} (floor {FLOORS[there]}): "{target}"')
    return faults


def check(root):
    faults, files = [], 0
    for top in ("server", "admin", "scanner"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SOURCES or not file.is_file():
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            faults += faults_of(path, file.read_text(encoding="utf-8"), lambda target: (root / target).is_file())
    if files == 0:
        faults.append(f"{root}: no sources found")
    return faults, files


def self_test():
    wrong = {
        "up": ("server/store/a.cpp", '#include "server/imap/session.h"'),
        "two floors up": ("server/base/a.h", '#  include "server/appliance/appliance.h"'),
        "peers on floor 6": ("server/pop3/a.cpp", '#include "server/imap/session.h"'),
        "peers on floor 2": ("server/net/a.cpp", '#include "server/mail/header.h"'),
        "admin and a protocol": ("admin/api/a.cpp", '#include "server/lmtp/session.h"'),
        "the scanner knows no mail": ("scanner/client.cpp", '#include "server/mail/header.h"'),
        "nobody includes the process": ("server/delivery/a.cpp", '#include "scanner/process/engine.h"'),
        "relative": ("server/imap/a.cpp", '#include "session.h"'),
        "dots": ("server/imap/a.cpp", '#include "../store/store.h"'),
        "angle brackets": ("server/imap/a.cpp", "#include <server/store/store.h>"),
        "after a comment": ("server/base/a.h", '/* x */ #include "server/net/task.h"'),
        "after a long comment": ("server/base/a.h", '/*\n*/\n#include "server/net/task.h"'),
        "an unknown folder": ("server/cache/a.cpp", ""),
    }
    right = {
        "down": ("server/imap/a.cpp", '#include "server/store/store.h"\n#include "server/base/text.h"\n#include <string>'),
        "own folder, deep": ("server/imap/command/a.cpp", '#include "server/imap/syntax/parser.h"'),
        "delivery and scanner": ("server/delivery/a.cpp", '#include "scanner/client.h"'),
        "commented out": ("server/base/a.h", '// #include "server/net/task.h"\n/*\n#include "server/net/task.h"\n*/'),
        "wiring": ("server/appliance/a.cpp", '#include "server/imap/session.h"\n#include "admin/service.h"'),
    }
    failed = []
    for name, (path, text) in wrong.items():
        if not faults_of(path, text, lambda target: True):
            failed.append(f"not found: {name}")
    for name, (path, text) in right.items():
        if faults := faults_of(path, text, lambda target: True):
            failed.append(f"false alarm: {name}: {faults}")
    if not faults_of("server/imap/a.cpp", '#include "server/store/none.h"', lambda target: False):
        failed.append("not found: a header that does not exist")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        failed = self_test()
        print("\n".join(failed) or "every sample was judged rightly")
        return 1 if failed else 0
    faults, files = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(faults) or f"{files} files, every include points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
