# SPDX-License-Identifier: GPL-2.0-or-later
"""The host is updated while guests run: who starts from then on has the new files in its root."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import scene
from lib import guest

CACHE, ZONE = "/etc/ld.so.cache", "/etc/localtime"


@pytest.fixture(scope="module")
def host():
    with scene.Scene() as one, one.real_qemu():
        yield one


def qemu_of(one, name):
    """Start a guest: the pid of its QEMU."""
    path = one.server.dir / f"{name}.xml"
    path.write_text(guest.xml(name))
    one.server.virsh("define", path)
    one.server.virsh("start", name)
    text = (one.server.dir / f"run/guests/{one.server.virsh('domuuid', name).out.strip()}/pids").read_text()
    return int(re.search(r"^qemu (\d+)", text, re.M)[1])


def library_of(pid, word):
    """Path and inode of a library that it has mapped."""
    lines = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if word in line]
    return lines[0][-1], int(lines[0][4])


def replace(one, path, new):
    """What a rename shows to everybody, for the daemon alone."""
    one.server.inside("mount", "--bind", new, path)


def test_a_library(host):
    before = host.victim_pids()["qemu"]
    path, inode = library_of(before, "libpixman")
    new, cache = host.folder / "new.so", host.folder / "cache"
    shutil.copy(path, new)
    os.chown(new, 0, 0)
    replace(host, path, new)
    subprocess.run(["ldconfig", "-C", cache], check=True)
    replace(host, CACHE, cache)
    assert library_of(qemu_of(host, "later"), "libpixman")[1] == new.stat().st_ino
    assert library_of(before, "libpixman") == (path, inode)


def test_the_time_zone(host):
    new = host.folder / "zone"
    shutil.copy("/usr/share/zoneinfo/Asia/Tokyo", new)
    replace(host, ZONE, new)
    inside = Path(f"/proc/{qemu_of(host, 'zoned')}/root{ZONE}")
    assert inside.read_bytes() == new.read_bytes()
