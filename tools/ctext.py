# SPDX-License-Identifier: GPL-2.0-or-later
"""C text without its comments, and lists of the tree's files: for tools/tcb and tools/check-house."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare(text, strings=False):
    """The text with comments (and, unless asked for, the inside of strings) blanked, line by line."""
    def blank(m):
        s = m.group(0)
        if s[0] == "/":
            return " " + "\n" * s.count("\n")
        return s if strings else s[0] + s[0]
    return TOKEN.sub(blank, text)


def code_lines(path):
    """Lines of a C file that are neither blank nor only comment."""
    text = bare(path.read_text(encoding="utf-8", errors="replace"))
    return sum(1 for line in text.splitlines() if line.strip())


def capabilities(name, root=ROOT):
    """CAP_ names that a room's own source claims: SANDBOX_CAP(CAP_X), or cordond's table of rows
    { CAP_X, effective, reason }. True: in effect, False: held only to pass on."""
    found = {}
    for path in files(f"src/{name}", ".c", ".h", root=root):
        text = path.read_text(encoding="utf-8")
        found.update((cap, True) for cap in re.findall(r"SANDBOX_CAP\(CAP_([A-Z_]+)\)", text))
        found.update((cap, word == "true")
                     for cap, word in re.findall(r"\{\s*CAP_([A-Z_]+),\s*(true|false),", text))
    return found


def files(folder, *suffixes, root=ROOT):
    """Files below a folder with one of these suffixes, sorted."""
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in suffixes and p.is_file())
