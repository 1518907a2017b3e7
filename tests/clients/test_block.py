# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks: raw and qcow2, files and block devices, on virtio and SATA, CD-ROMs, backing chains."""
import os
import re
import subprocess

import pytest

from lib import guest


@pytest.fixture
def loop(folder):
    """A block device."""
    path = folder / "loop.img"
    path.write_bytes(guest.GUEST.joinpath("bios.raw").read_bytes())
    done = subprocess.run(["losetup", "--show", "-f", str(path)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"no loop device: {done.stderr}")
    yield done.stdout.strip()
    subprocess.run(["losetup", "-d", done.stdout.strip()], check=True)


def boots(server, name):
    """The boot sector's greeting came."""
    with guest.Console(server, name, command=["start", "--console", name]) as console:
        console.expect("guest: boot sector", timeout=60)


@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("bus", ["virtio", "sata"])
@pytest.mark.parametrize("fmt", ["raw", "qcow2"])
def test_boots_from(server, define, folder, fmt, bus, machine):
    path = guest.copy(f"bios.{fmt}", folder)
    name = define(devices=guest.disk(path, fmt, bus), os='<boot dev="hd"/>', machine=machine)
    boots(server, name)


def test_boots_from_block_device(server, define, loop):
    name = define(devices=guest.disk(loop, kind="block"), os='<boot dev="hd"/>')
    boots(server, name)
    assert loop in server.virsh("domblklist", name).out
    info = server.virsh("domblkinfo", name, "vda").out
    assert re.search(r"Capacity: +1048576", info)


def test_boots_through_a_backing_chain(server, define, folder):
    base = guest.copy("bios.raw", folder)
    middle = guest.image(folder / "middle.qcow2", None, backing=(base, "raw"))
    top = guest.image(folder / "top.qcow2", None, backing=(middle, "qcow2"))
    # Cordon opens no file that the definition does not name; libvirtd needs no names.
    chain = (f'<backingStore type="file"><format type="qcow2"/><source file="{middle}"/>'
             f'<backingStore type="file"><format type="raw"/><source file="{base}"/>'
             "<backingStore/></backingStore></backingStore>")
    name = define(devices=guest.disk(top, "qcow2", extra=chain), os='<boot dev="hd"/>')
    boots(server, name)
    text = server.virsh("dumpxml", name).out
    assert text.index(str(top)) < text.index(str(middle)) < text.index(str(base))


def test_boot_order_by_device(server, define, folder):
    path = guest.copy("bios.raw", folder)
    empty = guest.image(folder / "empty.raw", "1M", "raw")
    name = define(devices=guest.disk(empty, dev="vda", extra='<boot order="2"/>')
                  + guest.disk(path, dev="vdb", extra='<boot order="1"/>'))
    boots(server, name)


def test_lists(server, define, folder):
    path = guest.image(folder / "data.qcow2", "8M")
    cd = guest.image(folder / "cd.iso", "2M", "raw")
    name = define(devices=guest.disk(path, "qcow2")
                  + guest.disk(cd, bus="sata", dev="sda", device="cdrom", extra="<readonly/>")
                  + guest.disk(None, bus="sata", dev="sdb", device="cdrom", extra="<readonly/>"))
    for running in (False, True):
        if running:
            server.virsh("start", name)
        rows = [line.split() for line in server.virsh("domblklist", name).out.splitlines() if line]
        assert ["vda", str(path)] in rows and ["sda", str(cd)] in rows and ["sdb", "-"] in rows
        detail = server.virsh("domblklist", "--details", name).out
        assert re.search(rf"file +disk +vda +{path}", detail)
        assert re.search(rf"file +cdrom +sda +{cd}", detail)
        info = server.virsh("domblkinfo", name, "vda").out
        assert re.search(rf"Capacity: +{8 << 20}\n", info)
        assert re.search(r"Allocation: +\d+\n", info) and re.search(r"Physical: +\d+\n", info)
        assert server.virsh("domblkinfo", name, str(path)).out == info or running
    assert server.virsh("domblkinfo", name, "vdz", check=False).code != 0


def test_statistics_grow(server, define, folder):
    path = guest.image(folder / "data.raw", "16M", "raw")
    name = define(boot="linux", devices=guest.disk(path))
    server.virsh("start", name)

    def counters():
        text = server.virsh("domblkstat", name, "vda").out
        return {k: int(v) for k, v in re.findall(r"vda (\w+) (-?\d+)", text)}
    with guest.Console(server, name) as console:
        console.attached().prompt()
        before = counters()
        console.run("dd if=/dev/zero of=/dev/vda bs=4096 count=256 oflag=direct 2>/dev/null; sync")
        after = counters()
    assert after["wr_bytes"] - before["wr_bytes"] == 256 * 4096
    assert after["wr_req"] > before["wr_req"]
    assert {"rd_req", "rd_bytes", "flush_operations", "rd_total_times",
            "wr_total_times"} <= set(after)


def test_what_the_guest_writes_arrives(server, define, folder):
    path = guest.image(folder / "data.raw", "4M", "raw")
    name = define(boot="linux", devices=guest.disk(path, cache=' cache="none"'))
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        console.run("echo over the cordon | dd of=/dev/vda conv=sync oflag=direct 2>/dev/null")
    with open(path, "rb") as f:
        assert f.read(15) == b"over the cordon"


def test_readonly_disk(server, define, folder):
    path = guest.copy("bios.raw", folder)
    before = path.read_bytes()
    name = define(boot="linux", devices=guest.disk(path, extra="<readonly/>"))
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        text = console.run("dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=fsync; echo s=$?")
    assert "s=0" not in text
    server.virsh("destroy", name)
    assert path.read_bytes() == before


@pytest.mark.cordon
def test_images_are_not_chowned(server, define, folder):
    path = guest.copy("bios.qcow2", folder)
    before = os.stat(path)
    name = define(devices=guest.disk(path, "qcow2"))
    server.virsh("start", name)
    now = os.stat(path)
    assert (now.st_uid, now.st_gid, now.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    server.virsh("destroy", name)
    assert not [a for a in os.listxattr(path) if a != "security.selinux"]


def test_no_format_means_raw(server, define, folder):
    """A guest that writes a qcow2 header into its raw disk gets no other file by it."""
    base = folder / "secret.raw"
    base.write_bytes(b"host secret".ljust(1 << 20))
    path = guest.image(folder / "evil.img", None, backing=(base, "raw"))
    text = guest.disk(path).replace(' type="raw"', "", 1)
    name = define(boot="linux", devices=text)
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        assert "QFI" in console.run("head -c 3 /dev/vda; echo")


def unlisted(path, backing, fmt):
    """A qcow2 whose header names a backing file."""
    guest.image(path, "1M")
    subprocess.run(["qemu-img", "rebase", "-q", "-u", "-b", backing, "-F", fmt, str(path)], check=True)


def forget_format(path):
    """The header no longer says what the backing file is: its extension gets an unknown number."""
    data = path.read_bytes()
    path.write_bytes(data.replace(bytes.fromhex("e2792aca"), bytes.fromhex("12345678"), 1))


@pytest.mark.cordon
@pytest.mark.parametrize("case, says", [
    ("data-file", "data"), ("json", "backing"), ("missing", "top.qcow2"), ("loop", "backing"),
    ("no format", "backing"), ("unlisted", "backing")], ids=lambda c: c.replace(" ", "-"))
def test_dangerous_chains_are_refused(server, define, folder, tmp_path, case, says):
    path = folder / "top.qcow2"
    base = tmp_path / "base.raw"    # not below backing_roots
    base.write_bytes(bytes(4096))
    if case == "data-file":
        guest.image(path, "1M", options=[f"data_file={folder}/data.raw"])
    else:
        unlisted(path, {"json": 'json:{"driver":"nbd","host":"localhost"}', "loop": str(path),
                        "missing": f"{folder}/none"}.get(case, str(base)), "raw")
    if case == "no format":
        forget_format(path)
    name = define(devices=guest.disk(path, "qcow2"))
    result = server.virsh("start", name, check=False)
    assert result.code != 0
    assert says in result.err, result
    assert server.qemu(name) is None


@pytest.mark.cordon
def test_one_image_two_guests(server, define, folder):
    path = guest.copy("bios.raw", folder)
    first = define(devices=guest.disk(path))
    second = define(first + "b", devices=guest.disk(path))
    server.virsh("start", first)
    result = server.virsh("start", second, check=False)
    assert result.code != 0 and str(path) in result.err
    server.virsh("destroy", first)
    server.virsh("start", second)


def test_shareable(server, define, folder):
    path = guest.copy("bios.raw", folder)
    element = guest.disk(path, extra="<shareable/>", cache=' cache="none"')
    first = define(devices=element)
    second = define(first + "b", devices=element)
    server.virsh("start", first)
    server.virsh("start", second)
