# SPDX-License-Identifier: GPL-2.0-or-later
"""The rooms of a running instance, by the kernel's word: uid, capabilities, no-new-privs, filter, root."""
import os
import re
from pathlib import Path

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

pytestmark = pytest.mark.cordon
CAP_KILL = 1 << 5


def room(server, name):
    return house.pid(server, name), house.status(house.pid(server, name))


def confined(found):
    return found["NoNewPrivs"] == "1" and found["Seccomp"] == "2"


@pytest.mark.parametrize("name, root", [("door", "/"), ("host", "/"), ("core", "state"),
                                        ("conn", "run/empty"), ("supervisor", "run/empty"),
                                        ("ledger", "/run/cordon/claims")])
def test_without_privilege(server, name, root):
    pid, found = room(server, name)
    wait_for(lambda: confined(house.status(pid)), 5, text="its sandbox")
    found = house.status(pid)
    assert 0 not in map(int, found["Uid"].split() + found["Gid"].split())
    assert found["Groups"] == ""
    for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(found[each], 16) == 0, each
    assert os.readlink(f"/proc/{pid}/root") == (root if root == "/" else str(server.dir / root))
    # not dumpable: what it has in /proc is root's
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def undumpable(pid):
    """No core file, not into a pipe either (core(5)), and nobody but root may trace it or read its memory."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"^Max core file size +1 +1 ", limits, re.M), limits
    assert os.stat(f"/proc/{pid}/fd").st_uid == 0


ROOMS = ["supervisor", "door", "host", "core", "conn", "launch", "file", "disk", "image", "ledger"]


@pytest.mark.parametrize("name", ROOMS)
def test_rooms_are_not_dumped_or_traced(server, name):
    wait_for(lambda: confined(house.status(house.pid(server, name))), 5, text="its sandbox")
    undumpable(house.pid(server, name))


def test_nor_is_cordond(server):
    undumpable(server.pid)


def test_nor_are_guests(server, name, define):
    define(name, memory=64, devices='<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>')
    server.virsh("start", name)
    text = (server.dir / "run/guests" / house.uuid(server, name) / "pids").read_text()
    pids = dict(re.findall(r"^(qemu|vm|swtpm) (\d+)", text, re.M))
    assert len(pids) == 3
    for pid in map(int, pids.values()):
        wait_for(lambda one=pid: confined(house.status(one)), 5, text="its sandbox")
        undumpable(pid)
    arguments = Path(f"/proc/{pids['qemu']}/cmdline").read_bytes().split(b"\0")
    sandbox = arguments[arguments.index(b"-sandbox") + 1]
    assert sandbox == b"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    server.virsh("destroy", name)


def test_a_vm_has_a_network_of_its_own(server, name, define):
    """Nothing in it: no abstract socket of the host's can be named; and so it is for one that is started anew."""
    define(name, memory=64)
    server.virsh("start", name)
    uuid = house.uuid(server, name)
    first = house.vm(server, uuid)
    seen = {os.readlink("/proc/self/ns/net"), os.readlink(f"/proc/{server.qemu(name)}/ns/net")}
    assert os.readlink(f"/proc/{first}/ns/net") not in seen
    house.kill(9, first)
    wait_for(lambda: house.vm(server, uuid) != first, 10, text="another cordon-vm")
    assert os.readlink(f"/proc/{house.vm(server, uuid)}/ns/net") not in seen
    assert server.virsh("suspend", name).code == 0
    server.virsh("destroy", name)


def test_uids_differ(server):
    uids = [house.status(house.pid(server, r))["Uid"] for r in ("supervisor", "door", "host", "core", "conn", "file")]
    assert len(set(uids)) == len(uids)


def test_edge(server, name, define):
    define(name, memory=64, devices='<graphics type="vnc" autoport="yes"/>')
    server.virsh("start", name)
    with guests.viewer(server, name):
        test_without_privilege(server, "edge", "run/empty")
    server.virsh("destroy", name)


def test_cordond(server):
    """It may end a process; what else it has is to be handed on, and none of it is in effect."""
    found = house.status(server.pid)
    assert confined(found)
    assert int(found["CapEff"], 16) == CAP_KILL
    assert int(found["CapPrm"], 16) == int(found["CapBnd"], 16) != CAP_KILL
    assert int(found["CapInh"], 16) == int(found["CapAmb"], 16) == 0


@pytest.mark.parametrize("name", ["launch", "file"])
def test_with_privilege(server, name):
    """No more than cordond could give."""
    found = house.status(house.pid(server, name))
    most = int(house.status(server.pid)["CapPrm"], 16)
    assert confined(found)
    assert int(found["CapPrm"], 16) & ~most == 0
    assert int(found["CapInh"], 16) == int(found["CapAmb"], 16) == 0


def test_what_belongs_to_a_guest_writes_to_its_log_alone(server, name, define):
    define(name, memory=64, devices='<interface type="user"/><tpm model="tpm-crb">'
                                    '<backend type="emulator" version="2.0"/></tpm>')
    server.virsh("start", name)
    folder = server.dir / "run/guests" / house.uuid(server, name)
    pids = re.findall(r"^(qemu|passt|swtpm) (\d+)", (folder / "pids").read_text(), re.M)
    assert len(pids) == 3
    for who, pid in pids:
        assert not [fd for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.exists() and fd.samefile(server.log)], who
        assert Path(f"/proc/{pid}/fd/2").samefile(folder / "log.fifo")
        with open(f"/proc/{pid}/fd/2", "w", encoding="ascii") as log:
            log.write(f"{who} was here\n")
    log = server.dir / f"log/guests/{name}.log"
    wait_for(lambda: all(f"{who} was here\n" in log.read_text() for who, _ in pids), 5, text="their words")
    server.virsh("destroy", name)
