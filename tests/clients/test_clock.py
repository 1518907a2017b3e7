# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's clock on a host that is not in Greenwich."""
import re
import struct
import time

import pytest

from lib import guest

pytestmark = pytest.mark.cordon
EAST = 19800                         # five and a half hours


@pytest.fixture
def abroad(own_server):
    """A daemon whose host has another local time: tzfile(5) with one fixed zone as /etc/localtime."""
    server = own_server()
    zone = server.dir / "zone"
    zone.write_bytes(b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, 0, 1, 4)
                     + struct.pack(">ibB", EAST, 0, 0) + b"TST\0")
    server.local_time(zone)
    return server.start()


def start(server, clock, **arguments):
    path = server.dir / "guest.xml"
    path.write_text(guest.xml("clock", tail=clock, **arguments))
    server.virsh("create", path)


@pytest.mark.parametrize("clock, east", [
    ('<clock offset="variable" adjustment="3600" basis="localtime"/>', EAST + 3600),
    ('<clock offset="variable" adjustment="-60" basis="utc"/>', -60)], ids=["localtime", "utc"])
def test_base(abroad, clock, east):
    start(abroad, clock)
    with open(f"/proc/{abroad.qemu('clock')}/cmdline", encoding="utf-8") as f:
        text, = re.findall(r"base=([^,\0]*)", f.read())
    base = time.mktime(time.strptime(text + " GMT", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone
    assert abs(base - time.time() - east) < 60


def test_local_time(abroad):
    """What the guest finds in its clock, where it expects UTC, is the host's local time."""
    start(abroad, '<clock offset="localtime"/>', boot="linux")
    with guest.Console(abroad, "clock") as console:
        console.attached().prompt()
        assert abs(int(console.run("date +%s")) - time.time() - EAST) < 60
