# SPDX-License-Identifier: GPL-2.0-or-later
"""Stored state: truncated, foreign and hostile records, a full disk."""
import os
import subprocess

import pytest

from lib import guest
from lib.server import Cordon

pytestmark = pytest.mark.cordon


def define(server, name, **more):
    path = server.dir / f"{name}.xml"
    path.write_text(guest.xml(name, **more))
    return server.virsh("define", path, check=False)


def records(server):
    return sorted((server.dir / "state/domains").glob("*.rec"))


def corrupt(kind, data):
    return {"truncated": data[:len(data) // 2], "empty": b"", "one byte": data[:1],
            "flipped": data[:40] + bytes([data[40] ^ 1]) + data[41:],
            "foreign": b"\x7fELF" + os.urandom(4096), "text": b"<domain/>\n",
            "zeros": bytes(len(data)), "longer": data + b"more",
            "huge length": data[:4] + b"\xff" * 16 + data[20:]}[kind]


@pytest.mark.parametrize("kind", ["truncated", "empty", "one byte", "flipped", "foreign", "text",
                                  "zeros", "longer", "huge length"])
def test_bad_record(own_server, kind):
    server = own_server().start()
    for name in ("good", "bad"):
        assert define(server, name).code == 0
    uuid = server.virsh("domuuid", "bad").out.strip()
    server.terminate()
    record = next(r for r in records(server) if uuid in r.name)
    record.write_bytes(corrupt(kind, record.read_bytes()))
    server.respawn()
    assert server.virsh("list", "--all", "--name").out.split() == ["good"]
    assert uuid in server.log.read_text(errors="replace")
    # set aside, not deleted
    assert [f for f in (server.dir / "state").rglob("*") if uuid in f.name and f.is_file()]
    assert define(server, "bad").code == 0
    server.terminate()
    server.respawn()
    assert set(server.virsh("list", "--all", "--name").out.split()) == {"good", "bad"}


def test_record_that_is_no_file(own_server):
    server = own_server().start()
    define(server, "good")
    server.terminate()
    folder = records(server)[0].parent
    os.mkfifo(folder / "00000000-0000-4000-8000-00000000f1f0.rec")
    (folder / "00000000-0000-4000-8000-0000000011ff.rec").symlink_to("/etc/shadow")
    (folder / "00000000-0000-4000-8000-00000000d0d0.rec").mkdir()
    server.respawn()
    assert server.virsh("list", "--all", "--name").out.split() == ["good"]


@pytest.fixture
def small(tmp_path):
    """An instance on a disk of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", str(folder)], check=True)
    for parent in folder.parents:
        if parent == tmp_path.parent.parent.parent:
            break
        parent.chmod(0o755)
    server = Cordon(folder)
    yield server.start()
    server.stop()
    subprocess.run(["umount", str(folder)], check=True)


def test_disk_full_on_define(small):
    uuid = "f0110000-0000-4000-8000-000000000001"
    assert define(small, "old", uuid=uuid, head="<title>before</title>").code == 0
    before = small.virsh("dumpxml", "old").out
    new = guest.xml("old", uuid=uuid, head="<title>after</title>")
    other = guest.xml("new")
    from pathlib import Path
    import tempfile
    with tempfile.TemporaryDirectory() as outside:
        first, second = Path(outside, "old.xml"), Path(outside, "new.xml")
        first.write_text(new)
        second.write_text(other)
        filler = os.open(small.dir / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)
        for path in (first, second):
            result = small.virsh("define", path, check=False)
            assert result.code != 0
            assert "No space left" in result.err, result
        assert small.virsh("dumpxml", "old").out == before
        assert small.virsh("list", "--all", "--name").out.split() == ["old"]
        (small.dir / "filler").unlink()
        small.terminate()
        small.respawn()
        assert small.virsh("dumpxml", "old").out == before
        small.virsh("define", first)
        assert "after" in small.virsh("dumpxml", "old").out
