# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that lie, and paths that move while they are opened (forgery.py)."""
import pytest

import scene
import table
from forgery import CHAINS, LISTED, WAYS, chain, chain_off, forge, liar, race, rows, shown, stop


@pytest.fixture(scope="module")
def stage():
    with scene.Scene(qmp_timeout=5, file_timeout=5) as one:
        yield one
    assert not one.left


@pytest.fixture(scope="module")
def hostile(stage):
    return liar(stage)


def test_a_chain_is_followed(stage, hostile):
    """The control: a backing file that may be one is opened, and what is in it is seen."""
    forge(stage.images / "forged.qcow2", str(stage.backing).encode())
    assert shown(hostile, stage.backing_secret)[0] == "reached"


@pytest.mark.parametrize("name", CHAINS)
def test_forged_chain(stage, hostile, name):
    how, said = chain(stage, hostile, name)
    assert stop(how, said, CHAINS[name][0]) == "refused", (how, said)
    assert stage.fingerprint() == stage.before


def test_forged_chain_to_a_guest_that_is_off(stage, hostile):
    (how, said), (control, why) = chain_off(stage, hostile)
    assert stop(how, said, LISTED) == "refused", (how, said)
    assert control == "reached", why


@pytest.mark.parametrize("way", WAYS)
def test_race(stage, hostile, way):
    fooled, started, reached = race(stage, hostile, way)
    assert fooled > 0, "nobody was fooled: the race is none"
    assert started > 0, "not once was it the right file"
    assert reached == 0
    assert stage.fingerprint() == stage.before


def page(stage, hostile, old):
    found = [[*row, None] for row in rows(stage, hostile)]
    return table.table(["attack", "what", "Cordon", "Cordon, SELinux"], found, old)


def test_page(stage, hostile):
    def make(old):
        return page(stage, hostile, old)
    table.check("images", make)
