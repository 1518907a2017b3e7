# SPDX-License-Identifier: GPL-2.0-or-later
"""The hostile program in QEMU's place (tests/escape) once more, under SELinux enforcing: in Cordon's
cage, with images that lie, and under the machine's libvirtd."""
import datetime
import io
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "escape"))

import authority  # noqa: E402
import scene  # noqa: E402
import table  # noqa: E402
from lib.server import BUILD  # noqa: E402

THERE = "/var/lab/escape"
LIMIT_S = 1200 if table.WRITE else 420
CORDON, STOCK, CORE = "Cordon, SELinux", "libvirtd, SELinux", "cordon-core, SELinux"
SAMPLE, SAMPLE_STOCK = 12, 5
# Which ones a sample has changes from day to day; CORDON_ESCAPE_SAMPLE=N runs those of day N again.
DAY = int(os.environ.get("CORDON_ESCAPE_SAMPLE", datetime.date.today().timetuple().tm_yday))
ALWAYS = {"image-read", "host-passwd", "signal-kill"}     # of libvirtd: what shows that the comparison is worth something
ROUNDS = 20 if table.WRITE else 4
ROWS = scene.attacks()


def pack():
    """The tests that run inside, with the hostile program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted([*TESTS.glob("lib/*.py"), *TESTS.glob("escape/*.py")]):
            tar.add(path, f"tests/{path.relative_to(TESTS)}")
        for name in ("escape", "escape-room-core"):
            tar.add(BUILD / "tests/escape" / name, f"build/tests/escape/{name}")
    return out.getvalue()


def sample(names, every):
    """Every so manieth, beginning with another one each day."""
    return [n for i, n in enumerate(names) if i % every == DAY % every]


def told(what):
    """How to have the same sample once more, with what failed."""
    return f"CORDON_ESCAPE_SAMPLE={DAY}: {what}"


def fill(*cells):
    try:
        table.fill(*cells)
    except AssertionError as e:
        raise AssertionError(told(e)) from None


def left_out():
    """Each attack that Cordon's filter ends costs a start of the guest, seconds here. Unless the page is
    written, of those that it has as killed every twelfth is run."""
    _, text, _ = table.split(table.PAGE.read_text(encoding="utf-8"), "qemu")
    killed = [n for n, row in table.parse(text)["attack"].items() if row[CORDON] == "killed"]
    return [] if table.WRITE else sorted(set(killed) - set(sample(killed, SAMPLE)))


def ran(state, script, without):
    """What a script of tests/escape found in a machine of its own."""
    print(told("the sample of this day"))
    from lib.lab_machine import Machine
    with Machine(*state) as machine:
        machine.run(f"mkdir -p {THERE}", check=True)
        machine.put(pack(), f"{THERE}/all.tar", mode=0o600)
        said = machine.run(
            f"""cd {THERE}; tar --no-same-owner -xf all.tar
            export CORDON_BUILD={THERE}/build CORDON_GUEST=/var/lib/libvirt/images ROUNDS={ROUNDS}
            export QEMU_FILTER={scene.qemu_filter()} LEFT_OUT="{' '.join(without)}"
            python3 -B tests/escape/{script}""", timeout=LIMIT_S)
        assert said.code == 0, f"{said!r}"
        print("\n".join(said.out.splitlines()[:-1]))
        return json.loads(said.out.splitlines()[-1])


@pytest.fixture(scope="module")
def found(lab_state):
    """{"cage", "uncaged": {attack: how it ended}, "same": nothing changed, "label": the victim's, and of
    images: "control", "images": {attack: cell}, "races": {way: (fooled, started)}}."""
    return ran(lab_state, "inside.py", left_out())


@pytest.fixture(scope="module")
def stock(lab_state):
    """The first ones of these for libvirtd: all, or every fifth and a few."""
    some = set(ROWS) if table.WRITE else ALWAYS | set(sample(list(ROWS), SAMPLE_STOCK))
    return ran(lab_state, "inside_stock.py", sorted(set(ROWS) - some))


def works(found, name):
    return found["uncaged"].get(name) == "reached"


def cells(found):
    return {n: table.cell(how) if works(found, n) else "void" for n, how in found["cage"].items()}


@pytest.mark.denials
def test_nothing_is_reached(found):
    assert ":svirt" in found["label"] and found["same"]
    assert sum(bool(works(found, n)) for n in found["cage"]) >= 90
    reached = {n for n, how in found["cage"].items() if how in ("reached", "done", "begin")}
    assert not reached, told(reached)
    untried = {n for n, how in found["cage"].items() if how == "void" and works(found, n)}
    assert not untried, told(untried)


@pytest.mark.denials
def test_images_that_lie(found):
    assert found["control"] == "reached"
    assert set(found["images"].values()) == {"refused"}
    assert all(fooled and started for fooled, started in found["races"].values()), found["races"]


@pytest.mark.denials
def test_page(found):
    fill("qemu", "attack", CORDON, cells(found))
    table.fill("images", "attack", CORDON, found["images"])


@pytest.fixture(scope="module")
def core(lab_state):
    """{"core": {attack: (how it ended, what, why)}, "same", "label"} of a cordon-core that was taken over."""
    return ran(lab_state, "inside_core.py", [])


@pytest.mark.denials
def test_core_is_held(core):
    """Here its claims are judged by their types, and the victim's image has a label to be taken away."""
    found = core["core"]
    assert ":svirt" in core["label"] and core["same"]
    assert not authority.held(found) and set(authority.WHY) <= set(found)
    assert "void" not in {how for how, _, _ in found.values()}, found


@pytest.mark.denials
def test_page_of_core(core):
    table.fill("rooms", "attack by core", CORE,
               {n: authority.cell(how) for n, (how, _, _) in core["core"].items()})


@pytest.mark.denials
def test_libvirtd_beside(stock):
    """The comparison is worth something: guests of libvirtd are labelled, and most probes run."""
    assert ":svirt" in stock["label"]
    assert sum(how == "reached" for how in stock["cage"].values()) >= 3
    assert works(stock, "image-read") and stock["cage"]["image-read"] != "reached"


@pytest.mark.denials
def test_page_of_libvirtd(stock):
    fill("qemu", "attack", STOCK, cells(stock))
