# SPDX-License-Identifier: GPL-2.0-or-later
"""cordon-launch acts on what stands in the ledger's folder, so it looks at it: a ledger that lies starts nothing."""
import os
import uuid as uuids

import pytest
from lib import house

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
