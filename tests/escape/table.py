# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/isolation.md: the part of it that a test file made. With CORDON_WRITE=1 it is written, else a
page that says something else than the run is a failure. Columns that this run has no figures for
(those of the lab, when it runs outside) stay as they are.
"""
import difflib
import fcntl
import os
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/isolation.md"
WRITE = os.environ.get("CORDON_WRITE") == "1"
UNKNOWN = "?"


def marks(section):
    return f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->\n"


def parse(text):
    """{first cell: [cells]} of all table rows in a text."""
    rows = {}
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            rows[cells[0]] = cells
    return rows


def table(head, rows, old):
    """head: column names; rows: lists of cells, None where this run knows nothing."""
    out = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for row in rows:
        before = old.get(row[0], [])
        cells = [c if c is not None else before[i] if i < len(before) else UNKNOWN
                 for i, c in enumerate(row)]
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def section(name, make):
    """make(old rows) gives the section's text; compare or write it. Returns "" or a difference."""
    begin, end = marks(name)
    with open(PAGE, "r+", encoding="utf-8") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        text = f.read()
        assert begin in text and end in text, f"{PAGE}: no section {name}"
        head, rest = text.split(begin)
        old, tail = rest.split(end)
        new = make(parse(old))
        if WRITE and new != old:
            f.seek(0)
            f.write(head + begin + new + end + tail)
            f.truncate()
            return ""
    return "" if new == old else "".join(difflib.unified_diff(
        old.splitlines(True), new.splitlines(True), "docs/isolation.md", "this run", n=0))


def cell(how):
    """How an attack ended, in a word."""
    if how is None:
        return "-"
    if how == "reached":
        return "**REACHED**"
    if how == "killed SIGSYS":
        return "killed"
    if how == "killed SIGKILL":
        return "killed at its limit"
    return how.removeprefix("refused ")
