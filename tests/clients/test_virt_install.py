# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-install as people run it: import of a disk, user network, VNC, by osinfo names."""
import subprocess

import pytest

from lib import guest
from lib.server import SLOW


def virt_install(server, *arguments, check=True):
    done = subprocess.run(["virt-install", "--connect", server.uri, "--noautoconsole", "--virt-type",
                           guest.TYPE, "--memory", "256", "--vcpus", "1", *map(str, arguments)],
                          capture_output=True, text=True, check=False, timeout=120 * SLOW,
                          env={"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C", "HOME": str(server.dir)})
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def clean(server, name):
    yield name
    server.virsh("destroy", name, check=False)
    server.virsh("undefine", "--nvram", name, check=False)


@pytest.mark.parametrize("osinfo", ["debian11", "generic"])
def test_import(server, clean, folder, osinfo):
    path = guest.copy("bios.qcow2", folder)
    virt_install(server, "--name", clean, "--import", "--osinfo", osinfo, "--network", "user",
                 "--graphics", "vnc", "--disk", f"path={path},driver.type=qcow2")
    assert server.virsh("domstate", clean).out.strip() == "running"
    assert "Persistent:     yes" in server.virsh("dominfo", clean).out
    text = server.virsh("dumpxml", clean).out
    for element in ("<graphics type='vnc'", "<interface type='user'>", "<memballoon model='virtio'>",
                    "<serial type='pty'>"):
        assert element in text, element
    if osinfo == "debian11":
        assert "<rng model='virtio'>" in text
        assert "<channel type='unix'>" in text
    with guest.Console(server, clean) as console:
        console.attached()
        server.virsh("reset", clean)
        console.expect("guest: boot sector", timeout=60)


@pytest.mark.cordon     # libvirtd chooses the firmware that boots signed programs only
def test_import_uefi(server, clean, folder):
    path = guest.copy("uefi.raw", folder)
    virt_install(server, "--name", clean, "--import", "--osinfo", "debian11", "--network", "user",
                 "--graphics", "none", "--boot", "uefi", "--disk", f"path={path},format=raw")
    with guest.Console(server, clean) as console:
        console.attached().prompt(150)


def test_direct_kernel(server, clean):
    virt_install(server, "--name", clean, "--import", "--osinfo", "generic", "--network", "none",
                 "--graphics", "none", "--disk", "none", "--boot",
                 f"kernel={guest.GUEST}/vmlinuz,initrd={guest.GUEST}/initrd.img,"
                 "kernel_args=console=ttyS0 quiet no_timer_check")
    guest.booted(server, clean)


@pytest.mark.cordon     # libvirtd wants swtpm's tools too
def test_tpm(server, clean):
    virt_install(server, "--name", clean, "--osinfo", "generic", "--network", "none", "--graphics", "none",
                 "--disk", "none", "--import", "--tpm", "model=tpm-crb,backend.type=emulator,backend.version=2.0")
    assert "<tpm model='tpm-crb'>" in server.virsh("dumpxml", clean).out


def test_name_taken(server, clean, folder):
    path = guest.copy("bios.raw", folder)
    arguments = ("--name", clean, "--import", "--osinfo", "generic", "--network", "user",
                 "--graphics", "none", "--disk", f"path={path},format=raw")
    virt_install(server, *arguments)
    again = virt_install(server, *arguments, check=False)
    assert again.returncode != 0
    assert "already in use" in again.stderr, again.stderr


def test_print_only_touches_nothing(server, clean):
    done = virt_install(server, "--name", clean, "--import", "--osinfo", "debian11", "--network",
                        "user", "--graphics", "vnc", "--disk", "none", "--print-xml")
    assert "<domain" in done.stdout
    assert clean not in server.virsh("list", "--all", "--name").out
