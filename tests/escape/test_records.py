# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile QEMU is refused is no way to fill the host's audit log."""
import re
import socket
import struct
import time

import pytest

import scene

NETLINK_AUDIT, SOL_NETLINK, ADD_MEMBERSHIP, READLOG = 9, 270, 1, 1     # linux/netlink.h, linux/audit.h
SECCOMP = 1326
CALLS = 40          # fewer than the kernel keeps for who reads (audit_backlog_limit)
DEBUG = 1


class Records:
    """The kernel's records from now on, as journald has them too; no auditd, and no limit of a log."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, READLOG)
        self.socket.settimeout(1)

    def of(self, uid):
        """Those of calls refused by a filter, of one uid, until a second passed without any record."""
        found, end = 0, time.monotonic() + 10
        while time.monotonic() < end:
            try:
                packet = self.socket.recv(16384)
            except TimeoutError:
                break
            kind = struct.unpack_from("=IH", packet)[1]
            found += kind == SECCOMP and re.search(rf"\buid={uid}\b".encode(), packet) is not None
        return found


@pytest.mark.parametrize("config, some", [({}, False), ({"log_level": DEBUG}, True)])
def test_refused_calls(config, some):
    """None; or one for each call where cordond.conf asks for it."""
    with scene.Scene(**config) as one:
        hostile = one.hostile(one, monitor="honest", flood=CALLS)
        records = Records()
        assert hostile.once() == "it runs"
        text = (one.server.dir / f"run/guests/{hostile.uuid}/pids").read_text()
        found = records.of(int(re.search(r"^uid (\d+)", text, re.M)[1]))
    assert found >= CALLS if some else found == 0, found
