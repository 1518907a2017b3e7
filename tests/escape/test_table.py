# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/isolation.md: its head counts what its tables hold, and how a run is compared with it."""
import pytest

import table


def test_summary():
    text = table.PAGE.read_text(encoding="utf-8")
    head, said, tail = table.split(text, table.SUMMARY)
    assert table.WRITE or said == table.summary(head + tail), "tests/run escape --write"


def test_counts():
    text = ("| attack | Cordon | libvirtd |\n| --- | --- | --- |\n| a | EPERM | **REACHED** |\n"
            "| b | **REACHED** | void |\n| c | void | ? |\n\n| lie | Cordon |\n| --- | --- |\n| d | harmless |\n")
    counted = table.parse(table.summary(text))["under attack"]
    assert {k: list(v.values())[1:] for k, v in counted.items()} == {"Cordon": ["3", "1"], "libvirtd": ["1", "1"]}


@pytest.mark.parametrize("page, run, same", [
    ("EPERM", "EAGAIN", True), ("EPERM", "killed", True), ("EPERM", "**REACHED**", False),
    ("**REACHED**", "EPERM", False), ("void", "EPERM", False), ("filter", "filter", True),
    ("filter", "filter, uid", False), ("libvirtd grew by 70000 KiB", "libvirtd grew by 81234 KiB", True),
])
def test_what_is_compared(page, run, same):
    assert (table.kind(page) == table.kind(run)) == same
