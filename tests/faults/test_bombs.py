# SPDX-License-Identifier: GPL-2.0-or-later
"""XML that is out to hurt: refused in milliseconds and kilobytes, by the room that reads it."""
import os
import struct
import sys
import time
from pathlib import Path

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))
import raw_rpc as r  # noqa: E402

pytestmark = pytest.mark.cordon

GOOD = guests.xml("bomb", memory=64)
HEAD, TAIL = GOOD.split("</domain>")[0], "</domain>"
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))


def inside(text):
    return HEAD + text + TAIL


# name: (XML, seconds of processor time it may take, KiB of memory beside its own length)
BOMBS = {
    "doctype": ("<!DOCTYPE domain [<!ENTITY a 'b'>]>" + GOOD, 0.05, 1024),
    "billion laughs": (f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]><domain><name>&l11;</name></domain>',
                       0.05, 1024),
    "external entity": ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain><name>&x;'
                        "</name></domain>", 0.05, 1024),
    "100000 attributes": ("<domain " + " ".join(f"a{i}='1'" for i in range(100000)) + "/>", 0.3, 16384),
    "100000 attributes inside": (inside("<metadata><x " + " ".join(
        f"a{i}='1'" for i in range(100000)) + "/></metadata>"), 0.3, 16384),
    "depth of 100000": ("<domain>" + "<a>" * 100000, 0.1, 8192),
    "depth of 100000 in metadata": (inside("<metadata>" + "<a>" * 100000 + "</a>" * 100000 +
                                           "</metadata>"), 0.1, 8192),
    "400000 elements": (inside("<a/>" * 400000), 0.5, 32768),
    "4 MB of metadata": (inside("<metadata><x:y xmlns:x='u'>" + "m" * 4000000 + "</x:y></metadata>"),
                         0.3, 24576),
    "4 MB of name": (GOOD.replace("bomb", "n" * 4000000), 0.3, 24576),
    "4 MB of comment": (GOOD.replace("<os>", "<!--" + "c" * 4000000 + "--><os>")
                        .replace("</os>", "</os><nonsense/>"), 0.3, 24576),
    "a billion processors": (GOOD.replace("<vcpu>1<", "<vcpu>1000000000<"), 0.05, 1024),
    "2^64 processors": (GOOD.replace("<vcpu>1<", "<vcpu>18446744073709551617<"), 0.05, 1024),
    "2^63 of memory": (GOOD.replace(">64<", ">9223372036854775807<"), 0.05, 1024),
    "20000 disks": (inside("").replace("</devices>", "".join(
        f"<disk type='file' device='disk'><source file='/x{i}'/><target dev='vd{i}' bus='virtio'/>"
        "</disk>" for i in range(20000)) + "</devices>"), 1.0, 49152),
    "a topology of 2^30": (GOOD.replace("</domain>", "<cpu><topology sockets='32768' dies='1' "
                                        "cores='32768' threads='1'/></cpu></domain>"), 0.05, 1024),
    "port 4000000000": (inside("").replace("</devices>", "<controller type='pci' index='4000000000' "
                                           "model='pcie-root-port'/></devices>"), 0.05, 1024),
    "NUL": (GOOD.replace("bomb", "bo\0mb"), 0.05, 1024),
    "no UTF-8": (GOOD.encode().replace(b"bomb", b"bo\xffmb"), 0.05, 1024),
    "UTF-16 said": ("<?xml version='1.0' encoding='UTF-16'?>" + GOOD, 0.05, 1024),
    "an unknown encoding": ("<?xml version='1.0' encoding='EBCDIC-CP-BE'?>" + GOOD, 0.05, 1024),
}


def mine(server, c):
    """The cordon-conn at the other end: found by asking it for work."""
    for pid in house.pids(server, "conn"):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == peer(c):
                    return pid
        except OSError:
            pass
    raise AssertionError("no conn holds the other end")


def peer(c):
    """"socket:[INODE]" of the other end, by the kernel's list of pairs (`ss`)."""
    import subprocess
    own = os.fstat(c.s.fileno()).st_ino
    for line in subprocess.run(["ss", "-x", "-n"], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        words = line.split()
        if len(words) >= 8 and words[5] == str(own):
            return f"socket:[{words[7]}]"
    raise AssertionError("ss does not know our socket")


@pytest.mark.parametrize("bomb", BOMBS)
def test_define(server, bomb):
    text, seconds, kib = BOMBS[bomb]
    data = text if isinstance(text, bytes) else text.encode()
    core = house.pid(server, "core")
    with r.Raw(str(server.socket_path), timeout=60) as c:
        assert c.open().status == r.OK
        pid = mine(server, c)
        before = house.cpu(pid), house.memory(pid, "VmHWM"), house.cpu(core)
        reply = c.call(r.DEFINE_XML, r.string(data))
        if reply is None:
            # over a limit of libvirt's protocol or ours: the connection ends, nothing else
            wait_for(lambda: house.state(pid) in ("gone", "Z"), 5)
            spent = (0, 0, 0)
        else:
            assert reply.status == r.ERROR, f"{bomb} was taken"
            spent = (house.cpu(pid) - before[0],
                     house.memory(pid, "VmHWM") - before[1] - 3 * len(data) // 1024,
                     house.cpu(core) - before[2])
            assert c.alive(), "the connection stays"
            print(f"\n{bomb}: {len(data)} bytes, {reply.message[:100]!r}, {spent[0] * 1000:.0f} ms "
                  f"of conn, {max(0, spent[1])} KiB more than three copies of it")
            assert reply.message
    slow = 8 if os.environ.get("CORDON_SANITIZED") else 1
    assert spent[0] <= (seconds + 0.05) * slow
    assert spent[1] <= kib * slow
    assert spent[2] <= 0.05 * slow, "core spends nothing on it"
    assert house.pid(server, "core") == core
    assert "bomb" not in server.virsh("list", "--all", "--name").out.split()


def test_nothing_unsupported_is_ignored(server):
    """What nobody reads is refused by its name, wherever it stands."""
    for where, text in {
        "domain": inside("<flux capacitor='1'/>"),
        "devices": GOOD.replace("</devices>", "<flux/></devices>"),
        "attribute": GOOD.replace("<vcpu>", "<vcpu flux='1'>"),
        "os": GOOD.replace("</os>", "<flux/></os>"),
        "features": GOOD.replace("</features>", "<flux/></features>"),
    }.items():
        path = server.dir / "flux.xml"
        path.write_text(text)
        refused = server.virsh("define", path, check=False)
        assert refused.code != 0 and "flux" in refused.err, (where, refused)


def test_what_dumpxml_wrote_define_takes_back(server, define, name, folder):
    """And nothing changes by it, off or running."""
    disk = guests.disk(guests.image(folder / "a.qcow2"), fmt="qcow2")
    define(name, memory=64, devices=disk + '<interface type="user"/><graphics type="vnc"/>')
    first = server.virsh("dumpxml", name).out
    path = server.dir / "again.xml"
    path.write_text(first)
    server.virsh("define", path)
    assert server.virsh("dumpxml", name).out == first
    server.virsh("start", name)
    path.write_text(server.virsh("dumpxml", name).out)
    server.virsh("define", path)
    server.virsh("destroy", name)
    assert server.virsh("domstate", name).out.strip() == "shut off"


def test_create_is_as_strict(server):
    """The other door for XML."""
    for bomb in ("doctype", "a billion processors", "depth of 100000"):
        with r.Raw(str(server.socket_path), timeout=30) as c:
            c.open()
            begin = time.monotonic()
            reply = c.call(10, r.string(BOMBS[bomb][0]) + struct.pack(">I", 0))
            assert reply.status == r.ERROR and time.monotonic() - begin < 5
    assert not house.running(server)
