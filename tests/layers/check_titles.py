#!/usr/bin/env python3
"""What the documents say of tests is there: a test case that a table names by its title, and every path under tests/.

In a table with a column "test", a text in straight quotes is the title of a test case or section, or its beginning when it
ends in an ellipsis. A path in backticks is one from the project's root; one without an ending is that of a folder or a file.

    check_titles.py [ROOT]        checks the tree; exit 1 and one line a fault
    check_titles.py --self-test   proves that faults are found
"""
import pathlib
import re
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent.parent
TITLE = re.compile(r'(?:TEST_CASE|SECTION|SCENARIO)\(\s*"((?:[^"\\]|\\.)*)"')
QUOTED = re.compile(r'"([^"]+)"')
PATH = re.compile(r'`(tests/[\w./-]+)`')


def titles(root):
    found = set()
    for file in (root / "tests").rglob("*.cpp"):
        found.update(title.replace('\\"', '"') for title in TITLE.findall(file.read_text()))
    return found


def rows(text):
    """(line number, the cells under a heading "test") of the tables."""
    columns = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if columns is None:
            columns = [at for at, cell in enumerate(cells) if re.match(r"tests?\b", cell)]
        else:
            yield number, [cells[at] for at in columns if at < len(cells)]


def known(title, there):
    if title.endswith("…"):
        return any(one.startswith(title[:-1]) for one in there)
    return title in there


def check(root):
    """(how many were looked for, the complaints)"""
    there, complaints, said = titles(root), [], 0
    documents = [root / "README.md"] + [file for folder in ("server", "admin", "scanner", "tests") for file in sorted((root / folder).rglob("*.md"))]
    for document in (document for document in documents if document.exists()):
        text = document.read_text()
        name = document.relative_to(root)
        for number, cells in rows(text):
            for title in (title for cell in cells for title in QUOTED.findall(cell)):
                said += 1
                if not known(title, there):
                    complaints.append('%s:%d: no test is called "%s"' % (name, number, title))
        for number, line in enumerate(text.split("\n"), 1):
            for path in PATH.findall(line):
                said += 1
                place = root / path
                if not place.exists() and not list(place.parent.glob(place.name + ".*")):
                    complaints.append("%s:%d: there is no %s" % (name, number, path))
    return said, complaints


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tests/unit").mkdir(parents=True)
        (root / "tests/unit/a_test.cpp").write_text('TEST_CASE("one is there", "[a]")\n{ SECTION("and \\"two\\"") {} }\n')
        (root / "README.md").write_text('| what | test |\n| --- | --- |\n| "no title" | "one is there", "one …" and `tests/unit` |\n| x | `tests/unit/a_test` |\n'
                                        '\n"no title" | either\n')
        assert check(root) == (4, []), check(root)
        (root / "README.md").write_text('| what | test |\n| --- | --- |\n| x | "one is" |\n| y | "two …" |\n\nsee `tests/gone.py`\n')
        said, complaints = check(root)
        assert said == 3 and len(complaints) == 3, complaints
    print("the check finds what it is for")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    said, complaints = check(pathlib.Path(sys.argv[1]) if sys.argv[1:] else HERE)
    print("\n".join(complaints) if complaints else "%d tests and paths that the documents name are there" % said)
    return 1 if complaints or not said else 0


if __name__ == "__main__":
    sys.exit(main())
