# SPDX-License-Identifier: GPL-2.0-or-later
"""State on disk: what is not whole is set aside with its name in the log, the rest loads."""
import os
import random
import shutil
import struct
import subprocess
import time

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

pytestmark = pytest.mark.cordon


def record(server, name):
    return server.dir / f"state/domains/{house.uuid(server, name)}.rec"


def restart(server):
    server.terminate()
    server.respawn()


def crc32c(data):
    crc = 0xffffffff
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def spoilt(data):
    """Ways in which a record can be wrong, by name."""
    half = len(data) // 2
    flipped = bytearray(data)
    flipped[half] ^= 1
    return {
        "empty": b"", "one byte": data[:1], "head only": data[:16], "half": data[:half],
        "short by one": data[:-1], "longer by one": data + b"\0", "a flipped bit": bytes(flipped),
        "foreign": b"<domain type='kvm'/>\n" * 100, "zeros": bytes(len(data)),
        "another magic": b"\x7fELF" + data[4:], "17 MiB": data + bytes(17 << 20),
    }


def test_spoilt(own_server):
    """All kinds of broken records beside a good one."""
    server = own_server()
    server.start()
    path = server.dir / "good.xml"
    path.write_text(guests.xml("good", memory=64))
    server.virsh("define", path)
    good = record(server, "good").read_bytes()
    path.write_text(guests.xml("flipped", memory=64, head="<description>" + "A" * 99 + "</description>"))
    server.virsh("define", path)
    flipped = record(server, "flipped")
    path.write_text(guests.xml("moved", memory=64))
    server.virsh("define", path)
    moved = record(server, "moved").read_bytes()
    server.virsh("undefine", "moved")
    server.terminate()
    # each behind one check only: text that decodes, and a whole record of nobody who is there
    flipped.write_bytes(flipped.read_bytes().replace(b"AAA", b"AAB", 1))
    (server.dir / "state/domains/00000000-0000-4000-8000-0000000000fb.rec").write_bytes(moved)
    names = []
    for i, data in enumerate(spoilt(good).values()):
        names.append(f"00000000-0000-4000-8000-{i:012d}.rec")
        (server.dir / "state/domains" / names[-1]).write_bytes(data)
        (server.dir / "state/running" / names[-1]).write_bytes(data)
    # a whole one under another guest's name, and things that are no files
    copy = server.dir / "state/domains/00000000-0000-4000-8000-0000000000ff.rec"
    copy.write_bytes(good)
    (server.dir / "state/domains/00000000-0000-4000-8000-0000000000fe.rec").mkdir()
    os.symlink("/etc/passwd", server.dir / "state/domains/00000000-0000-4000-8000-0000000000fd.rec")
    os.mkfifo(server.dir / "state/domains/00000000-0000-4000-8000-0000000000fc.rec")
    owner = (server.dir / "state/domains").stat()
    for one in (server.dir / "state").rglob("*"):
        if not one.is_symlink():
            os.chown(one, owner.st_uid, owner.st_gid)
    server.respawn()
    assert server.virsh("list", "--all", "--name").out.split() == ["good"]
    log = server.log.read_text() + "".join(p.read_text() for p in server.dir.glob("log/*.log"))
    for name in names:
        assert (server.dir / "state/domains" / f"{name}.broken").exists(), name
        assert (server.dir / "state/running" / f"{name}.broken").exists(), name
        assert f"domains/{name}" in log and f"running/{name}" in log
    assert not copy.exists()
    # once: the next start has nothing to say
    restart(server)
    assert server.virsh("list", "--all", "--name").out.split() == ["good"]
    server.virsh("undefine", "good")


HEAD = 20      # of a record: magic, version, kind, length, checksum (src/core/store.c)


def hostile(data, rnd):
    """A changed body behind a right checksum: it has to be the decoder that refuses it."""
    body = bytearray(data[HEAD:])
    for _ in range(rnd.choice((1, 2, 8))):
        at = rnd.randrange(len(body) // 4) * 4
        body[at:at + 4] = rnd.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff",
                                      b"\0\x10\0\0", rnd.randbytes(4)))
    del body[rnd.choice((len(body), len(body), rnd.randrange(len(body)))):]
    return data[:HEAD - 8] + struct.pack(">II", len(body), crc32c(body)) + bytes(body)


def test_hostile(own_server):
    """Records that somebody made: refused by the decoder's limits, quickly, and core goes on."""
    server = own_server()
    server.start()
    path = server.dir / "good.xml"
    path.write_text(guests.xml("good", memory=64))
    server.virsh("define", path)
    server.virsh("start", "good")
    defined = record(server, "good").read_bytes()
    runs = (server.dir / f"state/running/{house.uuid(server, 'good')}.rec").read_bytes()
    assert defined == defined[:HEAD - 4] + struct.pack(">I", crc32c(defined[HEAD:])) + defined[HEAD:]
    server.virsh("destroy", "good")
    server.terminate()
    rnd = random.Random(7)
    for i in range(60):
        name = f"00000000-0000-4000-8000-{i:012d}.rec"
        (server.dir / "state/domains" / name).write_bytes(hostile(defined, rnd))
        (server.dir / "state/running" / name).write_bytes(hostile(runs, rnd))
    owner = (server.dir / "state/domains").stat()
    for one in (server.dir / "state").rglob("*"):
        os.chown(one, owner.st_uid, owner.st_gid)
    begin = time.monotonic()
    server.respawn()
    assert server.virsh("list", "--all", "--name").out.split() == ["good"]
    print(f"\n120 hostile records: {time.monotonic() - begin:.2f} s, "
          f"core at most {house.memory(house.pid(server, 'core'), 'VmHWM')} KiB")
    assert len(list((server.dir / "state").glob("*/*.broken"))) == 120
    server.virsh("start", "good")


def test_disk_full(own_server):
    """On a full disk a define fails with a clear error and the old definition stays."""
    server = own_server()
    folder = server.dir / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", folder], check=True)
    try:
        inner = own_server()
        shutil.rmtree(inner.dir)
        inner.dir = folder
        inner.log = server.dir / "inner.log"
        inner.start()
        path = server.dir / "a.xml"
        path.write_text(guests.xml("a", memory=64))
        inner.virsh("define", path)
        before = inner.virsh("dumpxml", "a").out
        uuid = house.uuid(inner, "a")
        with open(folder / "fill", "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass
        path.write_text(guests.xml("a", uuid=uuid, memory=96, head="<description>" + "x" * 20000 +
                                   "</description>"))
        refused = inner.virsh("define", path, check=False)
        assert refused.code != 0 and "No space left" in refused.err, refused
        assert "old definition stays" in refused.err
        assert inner.virsh("dumpxml", "a").out == before
        path.write_text(guests.xml("b", memory=64))
        refused = inner.virsh("define", path, check=False)
        assert refused.code != 0 and "No space left" in refused.err, refused
        assert inner.virsh("list", "--all", "--name").out.split() == ["a"]
        inner.terminate()
        inner.respawn()
        assert inner.virsh("list", "--all", "--name").out.split() == ["a"]
        assert inner.virsh("dumpxml", "a").out == before
        assert not house.files(inner)
        (folder / "fill").unlink()
        inner.virsh("define", path)
        inner.virsh("start", "a")
        wait_for(lambda: house.running(inner) == {"a"})
        inner.virsh("destroy", "a")
        inner.stop()
        inner.remove = lambda: None
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
