# SPDX-License-Identifier: GPL-2.0-or-later
"""As many guests as max_guests allows: what lists them holds them all."""
import uuid as uuids

import pytest
from lib import guest, house
from lib.server import wait_for

pytestmark = pytest.mark.cordon
MAX_GUESTS = 4096
MANY = 2500              # in a list of all they take more than 64 KiB
UID_END = 1879179264     # guest_uid_max, and one


def test_cages_and_claims_of_nobody(own_server):
    """Of guests that a dead core left: launch lists the ones, the ledger the others, core has all removed."""
    server = own_server()
    server.start()
    server.terminate()
    st = server.place("run").stat()
    for i in range(MAX_GUESTS):
        (server.place("run/guests") / str(uuids.uuid4())).mkdir()
        link = house.CLAIMS / f"{st.st_dev:x}-{st.st_ino:x}.{uuids.uuid4()}"
        link.symlink_to(f"{UID_END - 4 * (i + 1)} - ")
    try:
        server.respawn()
        wait_for(lambda: not list(server.place("run/guests").iterdir()) and not house.claims(server), 60, 0.5,
                 text="all of them removed")
    finally:
        for link in house.CLAIMS.glob(f"{st.st_dev:x}-{st.st_ino:x}.*"):
            link.unlink(missing_ok=True)


def test_a_client_is_told_of_each(own_server):
    server = own_server()
    server.start()
    with server.connect() as conn:
        for i in range(MANY):
            conn.defineXML(guest.xml(f"g{i}", memory=64))
        assert len(conn.listAllDomains()) == MANY
        told = conn.getAllDomainStats()
        assert len(told) == MANY
        assert not [d.name() for d, of in told if not {"state.state", "vcpu.maximum", "balloon.maximum"} <= set(of)]
