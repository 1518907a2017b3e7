# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's system calls, read from outside: it opens what its private root holds, and no path of the host's."""
import contextlib
import os
import re
import signal
import subprocess

import pytest

from lib import guest, house
from lib.server import GUEST, QEMU, wait_for

pytestmark = pytest.mark.cordon

# What may be opened by name. The emulator names its modules and firmware from where it was started.
ROOM = re.compile("|".join((
    r"/(usr/)?lib(64)?/[^.]\S*\.so(\.\d+)*", r"/usr/bin/\.\./lib/\S+\.so",
    r"/etc/ld\.so\.(cache|preload)", r"/etc/localtime", r"/etc/ssl/openssl\.cnf", r"/usr/lib/ssl/openssl\.cnf",
    r"/usr/(bin/\.\./)?(share|lib)/(qemu|seabios|vgabios|ipxe/qemu)/\S+",
    r"/dev/(null|zero|full|random|urandom|kvm)", r"/boot/(kernel|initrd)",
    r"/proc/self/\S+", r"/proc/(cpuinfo|meminfo)", r"/sys/devices/system/\S+")))


def calls(text):
    """(pid, name, arguments, result) of each call in strace's output; what was cut in two is joined."""
    cut = {}
    for line in text.splitlines():
        pid, rest = line.split(None, 1)
        m = re.match(r"<\.\.\. (\w+) resumed>(.*)", rest)
        if m:
            rest = cut.pop(pid, m.group(1) + "(") + m.group(2)
        elif rest.endswith("<unfinished ...>"):
            cut[pid] = rest[:-len("<unfinished ...>")]
            continue
        m = re.match(r"(\w+)\((.*)\) += (-?\w+)", rest)
        if m:
            yield pid, *m.groups()


def of_qemu(text):
    """(name, names, result) of calls from the emulator's first moment on, all its threads included."""
    emulator, others, found = None, set(), []
    everything = list(calls(text))
    for pid, name, arguments, result in everything:
        executes = name == "execve" and result == "0"
        if executes and arguments.startswith(f'"{QEMU}"'):
            emulator = pid
        elif executes or not emulator:
            others.add(pid)
    assert emulator, "the emulator was started while we looked on"
    others.discard(emulator)
    started = False
    for pid, name, arguments, result in everything:
        if started and pid not in others:
            found.append((name, re.findall(r'"([^"]*)"', arguments), result))
        started = started or (pid == emulator and name == "execve" and result == "0")
    return found


def offences(found, secrets):
    """Calls that name a path of the host's that the guest was given, or open what is not in the room."""
    bad = [c for c in found if any(s in n for s in secrets for n in c[1])]
    return bad + [c for c in found if c[0].startswith("open") and not c[2].startswith("-")
                  and not ROOM.fullmatch(c[1][0])]


@contextlib.contextmanager
def watched(out, *how):
    """strace of a process (-p PID) or a program, and of all that it makes."""
    command = ["strace", "-f", "-s", "4096", "-o", str(out), "-e", "trace=%file,%process", *map(str, how)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as strace:
        if how[0] == "-p":
            assert "attached" in strace.stderr.readline()
        try:
            yield
        finally:
            if how[0] == "-p":
                strace.send_signal(signal.SIGTERM)         # it lets go of what it watches
            else:
                with open(f"/proc/{strace.pid}/task/{strace.pid}/children", encoding="ascii") as f:
                    house.kill(signal.SIGKILL, *map(int, f.read().split()))


def test_the_watch_sees(tmp_path):
    """An emulator that is told a path does what the next tests look for."""
    image = guest.image(tmp_path / "secret.img", fmt="raw")
    out = tmp_path / "calls"
    with watched(out, QEMU, "-S", "-display", "none", "-drive", f"file={image},format=raw"):
        wait_for(lambda: out.exists() and "secret.img" in out.read_text().split("\n", 1)[-1], 60)
    found = of_qemu(out.read_text())
    assert any(name == "openat" for name, _, _ in offences(found, [str(tmp_path)]))
    assert offences(found, []), "the image is not in the room"


def whole(server, folder):
    """A guest with a path of every kind in its XML."""
    base = guest.image(folder / "base.qcow2")
    top = guest.image(folder / "top.qcow2", size=None, backing=(base, "qcow2"))
    chain = f'<backingStore type="file"><format type="qcow2"/><source file="{base}"/></backingStore>'
    devices = (guest.disk(top, fmt="qcow2", extra=chain)
               + guest.disk(guest.image(folder / "raw.img", fmt="raw"), dev="vdb")
               + guest.disk(guest.image(folder / "cd.iso", fmt="raw"), bus="sata", device="cdrom")
               + '<interface type="user"/><video><model type="vga"/></video>'
               + f'<graphics type="vnc"><listen type="socket" socket="{server.dir}/run/viewers/{folder.name}.sock"/></graphics>'
               + '<channel type="unix"><target type="virtio" name="org.cordon.0"/></channel>'
               + '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>')
    return {"memory": 128, "devices": devices}


@pytest.mark.parametrize("boot", ["linux", "uefi"])
def test_qemu_opens_no_path_of_the_host(server, folder, define, name, boot):
    out = server.dir / f"calls-{boot}"
    with watched(out, "-p", house.pid(server, "launch")):
        define(boot=boot, **whole(server, folder))
        server.virsh("start", name)
        qemu = server.qemu(name)
        server.virsh("screenshot", name, server.dir / "shot")
        server.virsh("domblkinfo", name, "vda")
        root = f"/proc/{qemu}/root"
        assert (os.stat(root + "/").st_dev, os.stat(root + "/").st_ino) != (
            os.stat("/").st_dev, os.stat("/").st_ino)
        for path in (folder, GUEST / "vmlinuz", server.dir):
            assert not os.path.exists(root + str(path)), "nor could it"
    found = of_qemu(out.read_text())
    opened = {c[1][0] for c in found if c[0].startswith("open") and not c[2].startswith("-")}
    assert any("libpixman" in n for n in opened) and len(opened) > 20, "the right one was watched"
    assert ("/boot/kernel" in opened) == (boot == "linux")
    assert not offences(found, [str(server.dir), str(GUEST), "/OVMF_", "nvram"])
