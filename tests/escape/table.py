# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/isolation.md: the parts of it that test files make. With CORDON_WRITE=1 a part is written, else
it is compared with the run, by what matters: a cell is reached, void, or stopped, and stopped by this
or that layer. With which error a machine under load says no is printed when it differs, no more.
Columns that a run has no figures for (those of the lab, outside; all others, in it) stay as they are.
"""
import difflib
import fcntl
import os
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/isolation.md"
WRITE = os.environ.get("CORDON_WRITE") == "1"
UNKNOWN = "?"
REACHED = "**REACHED**"
SUMMARY = "summary"


def marks(section):
    return f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->\n"


def parse(text):
    """{first column's name: {first cell: {column: cell}}} of all tables in a text."""
    tables, head = {}, None
    for line in text.splitlines():
        if not line.startswith("| "):
            head = None
            continue
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if head is None:
            head, rows = cells, tables.setdefault(cells[0], {})
        elif not cells[0].startswith("---"):
            rows[cells[0]] = dict(zip(head, cells))
    return tables


def kind(cell):
    """What two runs must have in common. Where words are free, all but their numbers."""
    if cell in (REACHED, "void", "may", "-", UNKNOWN):
        return cell
    if re.fullmatch(r"E[A-Z0-9]+|killed.*|contained|refused|harmless", cell):
        return "stopped"
    if cell.isdigit():
        return "none" if int(cell) == 0 else "some"
    return re.sub(r"\d+", "", cell)


def table(head, rows, old):
    """head: column names; rows: lists of cells, None where this run knows nothing; old: parse()."""
    out = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for row in rows:
        before, cells = old.get(head[0], {}).get(row[0], {}), []
        for column, cell in zip(head, row):
            was = before.get(column)
            if cell is None:
                cell = was or UNKNOWN
            elif not WRITE and was is not None and was != cell and kind(was) == kind(cell):
                print(f"{row[0]}, {column}: the page says {was}, this run {cell}")
                cell = was
            cells.append(cell)
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def split(text, name):
    """What stands before a section, in it, and behind it."""
    begin, end = marks(name)
    assert begin in text and end in text, f"{PAGE}: no section {name}"
    head, rest = text.split(begin)
    inner, tail = rest.split(end)
    return head + begin, inner, end + tail


def summary(text):
    """The counts at the head of the page, from its own tables: of each column that tells of attacks."""
    kinds = {}
    for rows in parse(text).values():
        for cells in rows.values():
            for column, cell in cells.items():
                kinds.setdefault(column, []).append(kind(cell))
    rows = [[column, str(sum(k in ("stopped", REACHED) for k in got)), str(got.count(REACHED))]
            for column, got in kinds.items()
            if set(got) <= {"stopped", REACHED, "void", "may", "-", UNKNOWN} and set(got) - {UNKNOWN, "-"}]
    return table(["under attack", "attacks that ran", "of them reached something"], rows, {})


def compare(name, make):
    """make(the section as it stands) gives its text: write it, or fail where the page differs."""
    with open(PAGE, "r+", encoding="utf-8") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        text = f.read()
        head, old, tail = split(text, name)
        new = make(old)
        if WRITE:
            head, _, tail = split(head + new + tail, SUMMARY)
            f.seek(0)
            f.write(head + summary(head + tail) + tail)
            f.truncate()
            return
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), "docs/isolation.md", "this run", n=0,
                                lineterm="")
    assert new == old, "tests/run escape --write, or:\n" + "\n".join(diff)


def check(name, make):
    """make(old tables) gives a section's text."""
    compare(name, lambda old: make(parse(old)))


def fill(name, first, column, cells):
    """One column of a section's table, which is known by its first column: {row: cell}."""
    def make(old):
        out, head = [], None
        for line in old.splitlines():
            row = [c.strip() for c in line.strip().strip("|").split("|")]
            head = None if not line.startswith("| ") else head or row
            if head and head[0] == first and column in head and row[0] in cells:
                at = head.index(column)
                if not WRITE and row[at] == UNKNOWN:
                    print(f"{row[0]}, {column}: not on the page yet, this run {cells[row[0]]}")
                elif WRITE or kind(row[at]) != kind(cells[row[0]]):
                    row[at] = cells[row[0]]
                line = "| " + " | ".join(row) + " |"
            out.append(line + "\n")
        return "".join(out)
    compare(name, make)


def cell(how):
    """How an attack ended, in a word."""
    if how is None:
        return "-"
    if how == "reached":
        return REACHED
    if how == "killed SIGSYS":
        return "killed"
    if how == "killed SIGKILL":
        return "killed at its limit"
    return how.removeprefix("refused ")
