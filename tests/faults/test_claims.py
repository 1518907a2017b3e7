# SPDX-License-Identifier: GPL-2.0-or-later
"""cordon-launch acts on what stands in the ledger's folder, so it looks at it: a ledger that lies starts nothing."""
import os
import signal
import time
import uuid as uuids

import pytest
from lib import guest as guests
from lib import house
from lib.later import Later
from lib.server import wait_for

pytestmark = pytest.mark.cordon


def link(server, uuid):
    """The claim of a guest."""
    st = (server.dir / "run").stat()
    return house.CLAIMS / f"{st.st_dev:x}-{st.st_ino:x}.{uuid}"


@pytest.fixture
def other(server, define):
    """First uid of a guest that runs."""
    name = f"other-{uuids.uuid4().hex[:6]}"
    define(name, memory=64)
    server.virsh("start", name)
    yield int(os.readlink(link(server, house.uuid(server, name))).split()[0])
    server.virsh("destroy", name)


@pytest.mark.parametrize("claim, why", [
    ("0 - ", "uid 0 is none of guest_uid_min"),
    ("{other} - ", "uid {other} is guest"),
    ("{last} - ", "uid {last} is guest"),
])
def test_a_claim_that_cannot_be(server, name, define, other, claim, why):
    define(name, memory=64)
    numbers = {"other": other, "last": other + 3}
    path = link(server, house.uuid(server, name))
    path.symlink_to(claim.format(**numbers))
    try:
        assert why.format(**numbers) in server.virsh("start", name, check=False).err
    finally:
        path.unlink(missing_ok=True)
    assert not (server.dir / "run/guests" / house.uuid(server, name)).exists()
    server.virsh("start", name)
    server.virsh("destroy", name)


def test_an_image_of_a_guest_that_is_just_ending(server, name, define, folder):
    """A cordon-disk that comes when the images are released and the claim is not yet: they are free."""
    disk = guests.disk(guests.image(folder / "a.qcow2"), fmt="qcow2")
    other = f"{name}-b"
    for one in (name, other):
        define(one, memory=64, devices=disk)
    server.virsh("start", name)
    cage = server.dir / "run/guests" / house.uuid(server, name)
    ledger, before = house.pid(server, "ledger"), house.pid(server, "disk")
    os.kill(ledger, signal.SIGSTOP)
    try:
        verb = Later(server, "destroy", name)
        wait_for(lambda: not cage.exists(), 10, text="the cage's end")
        time.sleep(0.2)      # for RELEASE; before that is right as well, but shows less
        house.kill(signal.SIGKILL, before)
        wait_for(lambda: house.pids(server, "disk") not in ([], [before]), 10, text="a new cordon-disk")
        house.virsh(server, "list")
        time.sleep(0.2)      # for what core has to say to it
    finally:
        os.kill(ledger, signal.SIGCONT)
    assert verb.join().code == 0
    server.virsh("start", other)
    server.virsh("destroy", other)
    house.clean(server)
