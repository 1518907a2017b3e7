# SPDX-License-Identifier: GPL-2.0-or-later
"""Three guests that cost little, and a check that no fault leaves anything behind."""
import uuid

import pytest
from lib import guest as guests
from lib import house


@pytest.fixture
def trio(server, define):
    """Names of three running guests: with a disk, a network, a display. What they leave is a failure."""
    names = [f"t{i}-{uuid.uuid4().hex[:6]}" for i in range(3)]
    before = house.descriptors(server)
    folder = server.dir / f"images-{names[0]}"
    folder.mkdir(mode=0o755)
    devices = [guests.disk(guests.image(folder / "a.qcow2"), fmt="qcow2"), '<interface type="user"/>',
               '<graphics type="vnc" autoport="yes"/><video><model type="vga"/></video>']
    for name, device in zip(names, devices):
        define(name, memory=64, devices=device)
        server.virsh("start", name)
    yield names
    for name in names:
        house.virsh(server, "domstate", name)
        server.virsh("destroy", name, check=False)
    house.clean(server)
    house.settled(server, before)
