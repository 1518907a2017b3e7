# SPDX-License-Identifier: GPL-2.0-or-later
"""Landlock is in force in every room that is to have it, by the kernel's word: the room itself, as it
runs, makes a call that nothing else forbids, for its filters are put aside (tests/lib/trace.py). The
control is the same call by a process with the same uid and root and nothing else.

cordond and cordon-launch have none: it would forbid the cages to mount. Those are QEMU's, passt's and
swtpm's, of which tests/escape tells.
"""
import errno
import os
import stat

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for
from lib.trace import traced

pytestmark = pytest.mark.cordon
OPENAT, MKNODAT, UNLINKAT, CLOSE = 257, 259, 263, 3
AT_FDCWD = -100
LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# What it may not do by path, though its uid might.
EMPTY = ("open", "/", LIST)
PROBES = {
    "supervisor": EMPTY, "conn": EMPTY, "disk": EMPTY, "image": EMPTY,
    "core": ("fifo", "/probe", 0), "ledger": ("fifo", "/probe", 0),
    "file": ("fifo", "/tmp/cordon-probe", 0),
    "door": ("open", "/etc/passwd", os.O_RDONLY), "host": ("open", "/dev/null", os.O_WRONLY),
}


def system_call(what, path, flags):
    if what == "fifo":
        return MKNODAT, AT_FDCWD, path.encode(), stat.S_IFIFO | 0o600, 0
    return OPENAT, AT_FDCWD, path.encode(), flags, 0


def in_the_room(pid, probe):
    """0 or errno, by the room itself."""
    with traced(pid) as room:
        r = room.call(*system_call(*probe))
        if r >= 0 and probe[0] == "open":
            room.call(CLOSE, r)
    return max(-r, 0)


def beside_it(pid, probe):
    """The same by a process of this test that has the room's root and uid."""
    fields = house.status(pid)
    uid, gid = int(fields["Uid"].split()[0]), int(fields["Gid"].split()[0])
    what, path, flags = probe
    child = os.fork()
    if child == 0:
        code = 255
        try:
            os.chroot(f"/proc/{pid}/root")
            os.chdir("/")
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            if what == "fifo":
                os.mkfifo(path, 0o600)
                os.unlink(path)
            else:
                os.open(path, flags)
            code = 0
        except OSError as e:
            code = e.errno
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check(pid, probe):
    wait_for(lambda: house.status(pid)["NoNewPrivs"] == "1", 5, text="its sandbox")
    assert beside_it(pid, probe) == 0, "the control"
    assert in_the_room(pid, probe) == errno.EACCES


@pytest.mark.parametrize("room", PROBES)
def test_room(server, room):
    check(house.pid(server, room), PROBES[room])
    assert server.virsh("list").code == 0


def test_edge_and_vm(server, name, define):
    define(name, memory=64, devices='<graphics type="vnc" autoport="yes"/>')
    server.virsh("start", name)
    with guests.viewer(server, name):
        check(house.pid(server, "edge"), EMPTY)
    check(house.vm(server, house.uuid(server, name)), ("open", "/journal", os.O_RDONLY))
    assert server.virsh("suspend", name).code == 0
    server.virsh("destroy", name)


@pytest.mark.parametrize("pid", ["cordond", "launch"])
def test_who_has_none(server, pid):
    """And so a call that is put into a process does come to its end."""
    pid = server.pid if pid == "cordond" else house.pid(server, pid)
    assert in_the_room(pid, ("open", "/etc/passwd", os.O_RDONLY)) == 0
