# SPDX-License-Identifier: GPL-2.0-or-later
"""The hostile program in QEMU's place (tests/escape) once more, under SELinux enforcing."""
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "escape"))

import scene  # noqa: E402
import table  # noqa: E402
from lib.server import BUILD  # noqa: E402

THERE = "/var/lab/escape"
LIMIT_S = 800 if table.WRITE else 360
COLUMN = "Cordon, SELinux"
SAMPLE = 12


def pack():
    """The tests that run inside, with the hostile program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted([*TESTS.glob("lib/*.py"), *TESTS.glob("escape/*.py")]):
            tar.add(path, f"tests/{path.relative_to(TESTS)}")
        tar.add(BUILD / "tests/escape/escape", "build/tests/escape/escape")
    return out.getvalue()


def left_out():
    """Each attack that the filter ends costs a start of the guest, seconds here. Unless the page is written,
    of those that it has as killed every twelfth is run."""
    _, text, _ = table.split(table.PAGE.read_text(encoding="utf-8"), "qemu")
    killed = [n for n, row in table.parse(text)["attack"].items() if row[COLUMN] == "killed"]
    return [] if table.WRITE else [n for i, n in enumerate(killed) if i % SAMPLE]


@pytest.fixture(scope="module")
def found(lab_state):
    """{"cage", "uncaged": {attack: how it ended}, "same": nothing changed, "label": the victim's}."""
    from lib.lab_machine import Machine
    with Machine(*lab_state) as machine:
        machine.run(f"mkdir -p {THERE}", check=True)
        machine.put(pack(), f"{THERE}/all.tar", mode=0o600)
        said = machine.run(
            f"""cd {THERE}; tar --no-same-owner -xf all.tar
            export CORDON_BUILD={THERE}/build CORDON_GUEST=/var/lib/libvirt/images
            export QEMU_FILTER={scene.qemu_filter()} LEFT_OUT="{' '.join(left_out())}"
            python3 -B tests/escape/inside.py""", timeout=LIMIT_S)
        assert said.code == 0, said
        print("\n".join(said.out.splitlines()[:-1]))
        return json.loads(said.out.splitlines()[-1])


def works(found, name):
    return found["uncaged"].get(name) == "reached"


@pytest.mark.denials
def test_nothing_is_reached(found):
    assert ":svirt" in found["label"] and found["same"]
    assert sum(works(found, n) for n in found["cage"]) >= 90
    assert not {n for n, how in found["cage"].items() if how in ("reached", "done", "begin")}
    assert not {n for n, how in found["cage"].items() if how == "void" and works(found, n)}


@pytest.mark.denials
def test_page(found):
    cells = {n: table.cell(how) if works(found, n) else "void" for n, how in found["cage"].items()}
    table.fill("qemu", "attack", COLUMN, cells)
