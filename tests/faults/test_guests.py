# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests, images and QEMUs that misbehave: only their own cordon-vm and job suffer."""
import os
import subprocess
import time
from pathlib import Path

import pytest

from lib import guest
from lib.server import wait_for

pytestmark = pytest.mark.cordon
HERE = Path(__file__).resolve().parent


def works(server, within=2.0):
    begin = time.monotonic()
    server.virsh("list", "--all", timeout=20)
    assert time.monotonic() - begin < within


def rss_kib(server, room):
    return max(int(next(line for line in Path(f"/proc/{p}/status").read_text().splitlines()
                        if line.startswith("VmRSS")).split()[1])
               for p, n in server.daemon_processes() if n == room[:15])


def test_flooding_console(server, define):
    """Nobody reads: nothing is kept but a bounded buffer. A slow client: the guest waits or loses."""
    name = define(boot="linux", cmdline="console=ttyS0 quiet no_timer_check flood")
    other = define(name + "o", boot="none")
    server.virsh("start", name)
    server.virsh("start", other)
    with guest.Console(server, name) as console:
        console.attached()
        console.expect("dull guest", timeout=90)
        console.child.delaybeforesend = None
        before = rss_kib(server, "cordon-vm")
        time.sleep(5)      # virsh writes into a terminal that nobody reads
        assert rss_kib(server, "cordon-vm") < before + 4096
        assert rss_kib(server, "cordon-conn") < 16 * 1024
        works(server)
        server.virsh("suspend", other)
        server.virsh("resume", other)
    size = sum(f.stat().st_size for f in (server.dir / "log").rglob("*") if f.is_file())
    assert size < 16 << 20
    server.virsh("destroy", name)


def test_qemu_stopped(server, define):
    """A QEMU that does not answer: its own calls end with an error, the others do not wait."""
    import signal
    name = define()
    other = define(name + "o")
    server.virsh("start", name)
    server.virsh("start", other)
    pid = server.qemu(name)
    os.kill(pid, signal.SIGSTOP)
    ask = subprocess.Popen(["virsh", "-q", "-c", server.uri, "suspend", name],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.3)
    works(server)
    server.virsh("domstats", "--state", timeout=30)
    server.virsh("suspend", other)
    server.virsh("resume", other)
    try:
        ask.wait(60)
    finally:
        os.kill(pid, signal.SIGCONT)
        ask.kill()
    server.virsh("destroy", name)
    wait_for(lambda: server.qemu(name) is None, 10)


def test_destroy_of_a_stopped_qemu(server, define):
    import signal
    name = define()
    server.virsh("start", name)
    os.kill(server.qemu(name), signal.SIGSTOP)
    begin = time.monotonic()
    server.virsh("destroy", name)
    assert time.monotonic() - begin < 5
    assert server.virsh("domstate", name).out.strip() == "shut off"


@pytest.fixture
def stuck(server, folder):
    """A mounted file system whose files are never read."""
    program = server.dir / "fuse_stuck"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True,
                           text=True, check=True).stdout.split()
    subprocess.run(["cc", "-O1", "-D_FILE_OFFSET_BITS=64", "-o", str(program),
                    str(HERE / "fuse_stuck.c"), *flags], check=True)
    mount = folder / "stuck"
    mount.mkdir()
    proc = subprocess.Popen([str(program), "-f", "-o", "allow_other", str(mount)])
    try:
        wait_for(lambda: (mount / "disk.raw").exists(), 10)
        yield mount
    finally:
        proc.kill()
        proc.wait()
        subprocess.run(["umount", "-l", str(mount)], check=False)


@pytest.mark.parametrize("image", ["disk.raw", "open.raw"])
def test_stuck_image(server, define, stuck, image):
    name = define(devices=guest.disk(stuck / image), os='<boot dev="hd"/>')
    other = define(name + "o")
    start = subprocess.Popen(["virsh", "-q", "-c", server.uri, "start", name],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(1)
        works(server)
        server.virsh("start", other, timeout=20)
        server.virsh("domstate", other)
        server.virsh("destroy", other)
        begin = time.monotonic()
        out = start.communicate(timeout=150)[0]
        print(f"start on a stuck image ended after {time.monotonic() - begin:.0f} s: {out}")
    finally:
        start.kill()
        server.virsh("destroy", name, check=False, timeout=60)
    wait_for(lambda: server.qemu(name) is None, 30)
    works(server)


def test_log_of_qemu_is_bounded(server, define):
    """A guest can make QEMU write warnings; the log is rotated, not unbounded."""
    name = define()
    server.virsh("start", name)
    assert any(f.is_file() for f in (server.dir / "log").rglob("*"))
