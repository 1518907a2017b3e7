# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests for tests: their XML, their consoles, their pictures."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import uuid as uuids

import pexpect

from .server import GUEST, QEMU, SLOW

READY = r"guest: ready in"
PROMPT = r"guest# "
TYPE = os.environ.get("CORDON_GUEST_TYPE", "qemu")


def xml(name, uuid=None, memory=128, machine="q35", boot="none", devices="", head="", tail="",
        os="", cmdline="console=ttyS0 quiet no_timer_check", cpu="", serial=True, typ=TYPE, features=None):
    """A domain. boot: none (firmware finds nothing), linux (direct kernel), disk, or uefi."""
    firmware = ' firmware="efi"' if boot == "uefi" else ""
    kernel = ""
    if boot == "linux":
        kernel = (f"<kernel>{GUEST}/vmlinuz</kernel><initrd>{GUEST}/initrd.img</initrd>"
                  f"<cmdline>{cmdline}</cmdline>")
    if features is None:
        features = "<features><acpi/><apic/></features>"
    if serial:
        devices = '<serial type="pty"/>' + devices
    return (f'<domain type="{typ}"><name>{name}</name><uuid>{uuid or uuids.uuid4()}</uuid>{head}'
            f'<memory unit="MiB">{memory}</memory><vcpu>1</vcpu>'
            f'<os{firmware}><type arch="x86_64" machine="{machine}">hvm</type>{kernel}{os}</os>'
            f'{features}{cpu}{tail}'
            f'<devices><emulator>{QEMU}</emulator>{devices}</devices></domain>')


def disk(path, fmt="raw", bus="virtio", dev=None, device="disk", kind="file", extra="", cache=""):
    """A disk element."""
    dev = dev or {"virtio": "vda", "sata": "sda"}[bus]
    source = f'<source {"dev" if kind == "block" else "file"}="{path}"/>' if path else ""
    return (f'<disk type="{kind}" device="{device}"><driver name="qemu" type="{fmt}"{cache}/>{source}'
            f'<target dev="{dev}" bus="{bus}"/>{extra}</disk>')


def copy(what, folder, name=None):
    """A writable copy of one of the boot disks, for one guest."""
    target = folder / (name or what)
    shutil.copyfile(GUEST / what, target)
    target.chmod(0o600)
    return target


def image(path, size="8M", fmt="qcow2", backing=None, options=()):
    """Make a disk image."""
    command = ["qemu-img", "create", "-q", "-f", fmt]
    if backing:
        command += ["-F", backing[1], "-b", str(backing[0])]
    for option in options:
        command += ["-o", option]
    subprocess.run([*command, str(path), *([] if backing and size is None else [size])], check=True)
    return path


class Console:
    """`virsh console` on a pseudo-terminal, and the shell of the guest behind it."""

    def __init__(self, server, name, *options, command=None, child=None, timeout=90):
        if child:
            self.child = child
            return
        arguments = ["-c", server.uri, *(command or ["console", name]), *options]
        self.child = pexpect.spawn("virsh", arguments, timeout=timeout * SLOW, encoding="utf-8",
                                   codec_errors="replace", echo=False, dimensions=(50, 200))

    def expect(self, pattern, timeout=None):
        """As pexpect's; without a timeout that of the console."""
        return self.child.expect(pattern, timeout=timeout * SLOW if timeout else -1)

    def attached(self):
        self.child.expect("Escape character is")
        return self

    def prompt(self, timeout=90):
        """Come to the guest's prompt, whatever was printed before we were there."""
        for _ in range(timeout * SLOW):
            self.child.send("\r")
            if self.child.expect([PROMPT, pexpect.TIMEOUT], timeout=1) == 0:
                # Swallow the prompts of impatient returns.
                while self.child.expect([PROMPT, pexpect.TIMEOUT], timeout=0.5 * SLOW) == 0:
                    pass
                return self
        raise AssertionError("no prompt of the guest on its console:\n" + str(self.child.before))

    def run(self, command, timeout=30):
        """Run a shell command in the guest; its output."""
        self.child.send(f"{command}; echo e''nd=$?\r")
        self.expect(r"end=(\d+)", timeout)
        text = self.child.before
        self.child.expect(PROMPT)
        lines = text.replace("\r", "").split("\n")
        return "\n".join(line for line in lines if command not in line and line).strip()

    def send(self, text):
        self.child.send(text + "\r")

    def leave(self):
        """Leave by the escape character; the exit status of virsh."""
        self.child.send("\x1d")
        self.expect(pexpect.EOF, timeout=10)
        self.child.close()
        return self.child.exitstatus

    def close(self):
        self.child.close(force=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def booted(server, name, timeout=90):
    """Wait until a running guest's user space answers on the console."""
    with Console(server, name, timeout=timeout) as console:
        console.attached().prompt(timeout)


def attributes(text, pattern):
    """All (groups of) matches of a pattern in an XML text."""
    return re.findall(pattern, text)


@contextlib.contextmanager
def viewer(server, name):
    """A socket to the guest's VNC display on 127.0.0.1, once the display has answered."""
    port = 5900 + int(server.virsh("vncdisplay", name).out.strip().rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as one:
        one.settimeout(10)
        assert one.recv(4) == b"RFB "
        yield one
