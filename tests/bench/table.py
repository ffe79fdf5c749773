"""The figures of a run as rows for the file and as tables for the reader."""
import statistics


def figure(value):
    return "%.0f" % value if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value


def ratio(row, mine, other):
    """Above 1 Postfach is the better one, whether more or less is wanted."""
    if mine is None or other is None:
        return None
    better, worse = (other, mine) if row.less else (mine, other)
    return better / worse if worse else float("inf")


def judge(row, medians):
    """[(what was promised, whether it was met)]; what could not be measured is not met."""
    found = []
    for name, bound in row.target.items():
        if name == "Postfach":
            mine = medians.get(name)
            met = mine is not None and (mine <= bound if row.less else mine >= bound)
            found.append(("%s %s" % ("≤" if row.less else "≥", figure(bound)), met))
            continue
        others = [other for other in medians if other != "Postfach" and other.startswith(name)]
        ratios = [ratio(row, medians.get("Postfach"), medians[other]) for other in others]
        if others:
            found.append(("%g × %s" % (bound, name), all(each is not None and each >= bound for each in ratios)))
    return found


def rows(results):
    """What goes into the file."""
    found = []
    for result in results:
        for name, row in result.bench.rows.items():
            medians = {subject: statistics.median(each) for subject, each in result.values[name].items()
                       if each and subject not in result.wrong[name]}
            targets = judge(row, medians)
            found.append({"bench": result.name, "row": name, "unit": row.unit, "less": row.less, "median": medians,
                          "rounds": result.values[name], "failed": result.wrong[name],
                          "ratio": {subject: ratio(row, medians.get("Postfach"), value) for subject, value in medians.items()
                                    if subject != "Postfach"},
                          "target": [{"promised": promised, "met": met} for promised, met in targets]})
    return found


def cell(entry, subject):
    return figure(entry["median"][subject]) if subject in entry["median"] else "FAIL" if subject in entry["failed"] else "-"


def line(entry, subjects):
    found = [entry["row"], entry["unit"] + (" ↓" if entry["less"] else ""), cell(entry, "Postfach")]
    for subject in subjects:
        value = entry["ratio"].get(subject)
        found += [cell(entry, subject), "%.2f" % value if value is not None else "-"]
    return found + [", ".join("%s %s" % (one["promised"], "met" if one["met"] else "MISSED") for one in entry["target"])]


def show(results, entries):
    """One table for each set of servers."""
    shown = {}
    for result in results:
        shown.setdefault(tuple(result.subjects[1:]), []).extend(entry for entry in entries if entry["bench"] == result.name)
    for subjects, group in shown.items():
        head = ["", "unit", "Postfach"] + [word for subject in subjects for word in (subject, "ratio")] + ["target"]
        lines = [head] + [line(entry, subjects) for entry in group]
        widths = [max(len(each[at]) for each in lines) for at in range(len(head))]
        print()
        for each in lines:
            cells = [text.ljust(width) if at < 2 or at == len(head) - 1 else text.rjust(width)
                     for at, (text, width) in enumerate(zip(each, widths))]
            print("  ".join(cells).rstrip())
    print("\nMedians; ↓: less is better. A ratio above 1: Postfach is the better one.")
